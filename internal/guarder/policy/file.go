package policy

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"gopkg.in/yaml.v3"
)

// What a file, a group or a rule says for the rules in it; the nearest wins.
type settings struct {
	// asks is mode without the ceiling.
	mode, asks Mode
	// unknown is what becomes of packets whose socket cannot be seen: Pass or Drop.
	unknown    Action
	interfaces []string
	sample     *Sampling
	labels     map[string]string
}

// A group is a list of rules that are tried together.
type group struct {
	name     string
	stage    Stage
	priority uint32
	at       Position
	rules    []Rule
}

var (
	modeNames   = []string{"off", "audit", "enforce"}
	stageNames  = []string{"guard", "failsafe", "policy"}
	actionNames = []string{"pass", "drop", "count", "sample"}
	// actionWords has one more, which drops SYNs as it answers them.
	actionWords = append(slices.Clip(slices.Clone(actionNames)), "syncookie")
)

// String returns the word of the language for it.
func (m Mode) String() string   { return modeNames[m] }
func (s Stage) String() string  { return stageNames[s] }
func (a Action) String() string { return actionNames[a] }

// policyFile reads everything but the sets.
func (r *reader) policyFile(root *yaml.Node) {
	base := settings{mode: min(Audit, r.ceiling()), asks: Audit, labels: map[string]string{}}
	fields := r.fileFields(&base)
	seen := r.keys(root, "a policy", fields)
	if root.Kind == yaml.MappingNode && seen["version"] == nil {
		r.fault(root, missingKey, "begin with version: 1", "the file has no version")
	}
	if has(root, "until") && seen["until"] == nil {
		r.fault(root, missingKey, "give the time, or remove the key", "until says no time, and without it the rules would stay")
	}
	for _, f := range fields {
		if value := seen[f.name]; value != nil {
			f.read(value)
		}
	}
}

func (r *reader) ceiling() Mode {
	if r.options.Ceiling == Off {
		return Enforce
	}
	return r.options.Ceiling
}

func (r *reader) fileFields(base *settings) []field {
	return []field{
		{"version", "The version of the language: 1.", shape{"const": 1}, func(n *yaml.Node) {
			if n.Value != "1" {
				r.fault(n, wrongVersion, "write version: 1", "version %s is not known", describe(n))
			}
		}},
		{"until", "When the file is over, such as 2026-11-29T10:00:00Z: its rules end then by themselves.", shape{"type": "string", "format": "date-time"}, r.untilFrom},
		{"defaults", "What holds for all rules of this file that say nothing else.", refer("defaults"), func(n *yaml.Node) {
			r.mapping(n, "defaults", r.settingFields(base))
			if r.sample == nil && r.until.IsZero() {
				r.sample = base.sample
			}
		}},
		{"unparsable", "What becomes of packets that cannot be read to their end. Without it they are dropped, if any rule is enforced.", refer("unparsable"), r.unparsableFrom},
		{"sets", "Named sets of addresses, ports or pairs of addresses.", shape{"type": "object", "additionalProperties": refer("set")}, func(*yaml.Node) {}},
		{"feeds", "Lists of addresses that others keep, tried between the failsafe and the policy stage, in this order.", listOf(refer("feed")), func(n *yaml.Node) {
			if !r.permanent(n, "a feed") {
				return
			}
			for _, e := range r.sequence(n, "feeds") {
				r.feed(e, *base)
			}
		}},
		{"failsafe", "What must never be cut off, and how a policy is put in force.", refer("failsafe"), r.failsafeFrom},
		{"groups", "The rules, in groups.", listOf(refer("group")), func(n *yaml.Node) {
			for _, g := range r.sequence(n, "groups") {
				r.group(g, *base)
			}
		}},
	}
}

// settingFields are the keys that files, groups and rules share.
func (r *reader) settingFields(s *settings) []field {
	return []field{
		{"mode", "enforce drops, audit only counts what would be dropped, off leaves the rule out.", words("audit", "enforce", "off"), func(n *yaml.Node) {
			if i := r.word(n, "mode", modeNames); i >= 0 {
				s.asks, s.mode = Mode(i), r.clamped(n, Mode(i))
			}
		}},
		{"interfaces", "Names of network devices, or patterns such as eth*, that the rules are for.", severalOf(refer("interface")), func(n *yaml.Node) { s.interfaces = r.interfaceNames(n) }},
		{"sample", "How many of the matched packets are copied to user space.", refer("sample"), func(n *yaml.Node) { s.sample = r.sampling(n) }},
		{"on_unknown_socket", "What rules about sockets do with packets whose socket cannot be seen: pass, they do not match; drop, those that drop do.", words("drop", "pass"), func(n *yaml.Node) {
			if i := r.word(n, "on_unknown_socket", actionNames[:2]); i >= 0 {
				s.unknown = Action(i)
			}
		}},
		{"labels", "Texts for metrics and alerts.", textsShape(), func(n *yaml.Node) {
			s.labels = maps.Clone(s.labels)
			maps.Copy(s.labels, r.texts(n, "labels"))
		}},
	}
}

// clamped returns a mode that is not above the ceiling.
func (r *reader) clamped(n *yaml.Node, m Mode) Mode {
	if m > r.ceiling() {
		r.fault(n, aboveCeiling, "", "asks %v, ceiling is %v: will run as %v", m, r.ceiling(), r.ceiling())
	}
	return min(m, r.ceiling())
}

func (r *reader) interfaceNames(n *yaml.Node) []string {
	var all []string
	for _, e := range r.oneOrMany(n, "interfaces") {
		optional := false
		name := e
		if e.Kind == yaml.MappingNode {
			r.mapping(e, "an interface", interfaceFields(r, &name, &optional))
		}
		text, ok := r.text(name)
		if !ok {
			continue
		}
		if _, err := path.Match(text, ""); err != nil || text == "" {
			r.fault(name, badName, "have a name or a pattern such as eth*", "bad name %q of an interface", text)
			continue
		}
		all = append(all, text)
		if !r.until.IsZero() {
			continue // it is one that another file names
		}
		if optional && !slices.Contains(r.policy.Optional, text) {
			r.policy.Optional = append(r.policy.Optional, text)
		}
		r.policy.Named = append(r.policy.Named, NamedInterface{text, optional, r.position(name), r.in})
	}
	return all
}

func interfaceFields(r *reader, name **yaml.Node, optional *bool) []field {
	return []field{
		{"name", "The name of a network device, or a pattern such as eth*.", plain("string"), func(n *yaml.Node) { *name = n }},
		{"optional", "It need not exist.", plain("boolean"), func(n *yaml.Node) { *optional, _ = r.boolean(n) }},
	}
}

// defaultSampling is that of the action "sample".
var defaultSampling = Sampling{Rate: 10, Snap: 128}

func (r *reader) sampling(n *yaml.Node) *Sampling {
	s := defaultSampling
	r.mapping(n, "sample", r.sampleFields(&s))
	return &s
}

func (r *reader) sampleFields(s *Sampling) []field {
	return []field{
		{"rate", "Packets of each rule, such as 10/s; a second's worth may come at once. 0/s is none.", plain("string"), func(n *yaml.Node) { s.Rate = r.rate(n, "rate") }},
		{"snap", "Bytes of each packet, at most 2048.", plain("integer"), func(n *yaml.Node) {
			snap, _ := r.number(n, "snap", 14, MaxSnap)
			s.Snap = int(snap)
		}},
	}
}

func (r *reader) unparsableFrom(n *yaml.Node) {
	if !r.permanent(n, "unparsable") || !r.once(n, "unparsable", "unparsable") {
		return
	}
	p := r.policy
	p.Unparsable, p.UnparsableMode = Drop, min(Audit, r.ceiling())
	r.mapping(n, "unparsable", r.unparsableFields())
}

func (r *reader) unparsableFields() []field {
	return []field{
		{"action", "drop or pass.", words("drop", "pass"), func(n *yaml.Node) {
			if i := r.word(n, "action", actionNames[:2]); i >= 0 {
				r.policy.Unparsable = Action(i)
			}
		}},
		{"mode", "enforce, or audit to count only.", words("audit", "enforce"), func(n *yaml.Node) {
			if i := r.word(n, "mode", modeNames[1:]); i >= 0 {
				r.policy.UnparsableMode = r.clamped(n, Mode(i+1))
			}
		}},
		{"sample", "How many of them are copied to user space; without it, as many as the first file says whose defaults have a sample.", refer("sample"), func(n *yaml.Node) { r.policy.UnparsableSample = r.sampling(n) }},
	}
}

func (r *reader) group(n *yaml.Node, base settings) {
	g := &group{stage: PolicyRule, priority: noPriority, at: r.position(n)}
	var rules *yaml.Node
	r.in = ""
	r.mapping(n, "a group", r.groupFields(g, &base, &rules))
	r.in = g.name
	switch {
	case n.Kind != yaml.MappingNode:
		return
	case g.name == "":
		if !has(n, "name") {
			r.fault(n, missingKey, "add name:", "the group has no name")
		}
		return
	case !r.once(n, "group "+g.name, fmt.Sprintf("group %q", g.name)):
		return
	}
	r.groups = append(r.groups, g)
	if rules == nil {
		r.fault(n, missingKey, "add rules:", "the group has no rules")
		return
	}
	for _, e := range r.sequence(rules, "rules") {
		r.rule(e, g, base)
	}
	r.in = ""
}

// noPriority is that of groups that say none: after the others.
const noPriority = 1 << 20

func (r *reader) groupFields(g *group, s *settings, rules **yaml.Node) []field {
	return append([]field{
		{"name", "The name of the group, unique in the policy.", plain("string"), func(n *yaml.Node) {
			g.name = r.name(n, "group")
			r.in = g.name
		}},
		{"stage", "guard is tried before the failsafe and may only hold what no well-formed traffic needs; policy after it.", words("guard", "policy"), func(n *yaml.Node) {
			if i := r.word(n, "stage", []string{"guard", "policy"}); i >= 0 {
				g.stage = []Stage{Guard, PolicyRule}[i]
			}
		}},
		{"priority", "Groups of a stage are tried from the lowest number; those without one come last.", plain("integer"), func(n *yaml.Node) {
			if p, ok := r.number(n, "priority", 0, noPriority-1); ok {
				g.priority = p
				r.once(n, fmt.Sprint("priority ", g.stage, p), fmt.Sprintf("a group of stage %v with priority %d", g.stage, p))
			}
		}},
		{"rules", "The rules, in the order in which they are tried.", listOf(refer("rule")), func(n *yaml.Node) { *rules = n }},
	}, r.settingFields(s)...)
}

func (r *reader) rule(n *yaml.Node, g *group, base settings) {
	rule := Rule{Group: g.name, Stage: g.stage, Action: 255, At: r.position(n)}
	var match *yaml.Node
	r.in = ruleName(n, g)
	r.mapping(n, "a rule", r.ruleFields(&rule, &base, &match))
	if n.Kind != yaml.MappingNode {
		return
	}
	faults := len(r.faults)
	switch {
	case rule.Name == "":
		if !has(n, "rule") {
			r.fault(n, missingKey, "add rule:", "the rule has no name")
		}
		return
	case !r.once(n, "rule "+r.in, fmt.Sprintf("rule %q", rule.Name)):
		return
	case rule.Action == 255:
		r.fault(n, missingKey, "add action: pass, drop, count or sample", "the rule has no action")
	case rule.SYNCookie != nil && !has(n, "syncookie"):
		r.fault(n, missingKey, "add syncookie: {on_above: 20k/s}", "the rule does not say when SYNs are answered")
	}
	if match == nil {
		r.fault(n, missingKey, "add match:, or match: {any_packet: true}", "the rule has no match")
	} else {
		r.usesEmpty = false
		r.matchesUnknown = base.unknown == Drop && rule.Action == Drop
		rule.Match = r.match(match, &rule)
		if rule.SYNCookie != nil {
			rule.Match = All{opening, rule.Match}
		}
		if all, ok := cubes(rule.Match, true); ok && len(all) == 0 && len(r.faults) == faults && !r.usesEmpty {
			r.fault(match, contradiction, "", "the conditions exclude each other; rule never matches")
		}
	}
	if rule.Ban != nil && rule.Action != Drop && rule.Action < 254 {
		r.fault(n, contradiction, "have action: drop", "bans whom it does not drop")
	}
	if len(r.faults) > faults && Failed(r.faults[faults:]) || base.mode == Off {
		return
	}
	rule.Mode, rule.Asks, rule.Interfaces, rule.Labels, rule.Sample = base.mode, base.asks, base.interfaces, base.labels, base.sample
	rule.Until, rule.Alert = r.until, rule.Alert.named(&rule)
	if rule.Action == Sample && rule.Sample == nil {
		rule.Sample = &defaultSampling
	}
	g.rules = append(g.rules, rule)
}

// ruleName returns "group/rule" for faults of the keys of a rule, which are found
// before its name is read.
func ruleName(n *yaml.Node, g *group) string {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == "rule" && nameForm.MatchString(n.Content[i+1].Value) {
			return g.name + "/" + n.Content[i+1].Value
		}
	}
	return g.name
}

func (r *reader) ruleFields(rule *Rule, s *settings, match **yaml.Node) []field {
	return append([]field{
		{"rule", "The name of the rule, unique in its group. Its counters go on over reloads as long as the names stay.", plain("string"), func(n *yaml.Node) {
			rule.Name = r.name(n, "rule")
			r.in = rule.Group + "/" + rule.Name
		}},
		{"match", "Which packets the rule is for. All keys of the mapping must hold.", refer("match"), func(n *yaml.Node) { *match = n }},
		{"action", "pass and drop end the search; count and sample go on. sample also copies packets to user space, 10/s unless sample says otherwise. syncookie answers a flood of SYNs in the kernel's place.", words(actionWords...), func(n *yaml.Node) {
			rule.Action = 254 // there, but wrong
			switch i := r.word(n, "action", actionWords, "reject"); {
			case i >= len(actionNames):
				rule.Action, rule.SYNCookie = Drop, &SYNCookie{}
			case i >= 0:
				rule.Action = Action(i)
			}
		}},
		{"annotations", "Texts for alerts and for people.", textsShape(), func(n *yaml.Node) { rule.Annotations = r.texts(n, "annotations") }},
		{"alert", "When somebody is to be told that the rule matches, and what.", refer("alert"), func(n *yaml.Node) { rule.Alert = r.alert(n) }},
		{"limit", "Up to which rate the rule does nothing: what it does, it does with what is beyond.", refer("limit"), func(n *yaml.Node) {
			r.modifies(rule, n)
			rule.Limit = r.limit(n)
		}},
		{"ban", "Has the sources banned whose packets the rule drops.", refer("ban"), func(n *yaml.Node) { rule.Ban = r.banning(n) }},
		{"syncookie", "When the action syncookie begins and ends to answer SYNs.", refer("syncookie"), func(n *yaml.Node) { r.synCookieOf(rule, n) }},
	}, r.settingFields(s)...)
}
