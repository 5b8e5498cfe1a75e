package policy

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/guarder/ban"
)

// A Report is what the tests of a file showed.
type Report struct {
	// Packets is how many packets were judged.
	Packets int
	// Cases are the tests that were run, in their order.
	Cases []Case
	// Failures are the packets that were judged otherwise than the file says.
	Failures []Failure
	// Hits tells how many packets each rule ("group/rule") matched, and Misses how
	// many it was asked about and did not match, or were within its limit. Rules that no packet came to are
	// in Hits with 0.
	Hits, Misses map[string]int
}

// A Case is a test that was run.
type Case struct {
	At Position
	// Name is "" if the test has none.
	Name string
	// Packets is how many it has, and Failures how many of them failed.
	Packets, Failures int
}

// A Failure is a packet that was not judged as a test says.
type Failure struct {
	At           Position // of the packet
	Test, Packet string
	// Text says what was judged and what was wanted.
	Text string
	// Case is the index of its test in [Report.Cases].
	Case int
	// Steps are what each rule up to the one that ended the search did.
	Steps []Step
}

// String returns "file:line:column: test: text (packet)"; a test need not have a name.
func (f Failure) String() string {
	name := f.Test
	if name != "" {
		name += ": "
	}
	return fmt.Sprintf("%v: %s%s (%s)", f.At, name, f.Text, f.Packet)
}

// RunTests judges the packets of a test file by the policy that it names. The file is
// YAML:
//
//	policy: [baseline.yaml]       # files or folders, relative to this file
//	own: [192.0.2.1]              # addresses of the host
//	interface: eth0               # device of packets that name none
//	tests:
//	- name: land
//	  packets:                    # see ParseSpecimen; nothing was before them
//	  - tcp 192.0.2.1:80 > 192.0.2.1:80 flags=syn
//	  times: 21                   # how often each comes, at once; the last is looked at.
//	                              # A * counts: 198.51.*.7 is 256 sources, :1* 256 ports
//	  verdict: drop               # or pass
//	  rule: sanity/land           # that ended the search; "" means that none did
//	  would_drop: sanity/audited  # the audited rule that is credited; "" means none
//	  counted: [sanity/counter]   # rules that counted
//	  bans: 198.51.100.7          # who is banned for the packet, also if only audited; ""
//	                              # means nobody. All that came before are banned then
//	  banned: true                # a ban drops the packet, or would
//
// Of rule, would_drop, counted and bans, those that are not given are not looked at, but
// a packet that passes while an audited rule or ban would have dropped it needs would_drop
// or banned. Nobody is banned when a test begins.
//
// If run is not nil, only tests are run whose name it matches.
//
// Faults of the file, and errors of the policy, are returned; then nothing is judged.
func RunTests(path string, run *regexp.Regexp) (Report, []Fault) {
	l := &loader{files: []string{path}, first: map[string]Position{}}
	r := &reader{loader: l, file: path}
	report := Report{Hits: map[string]int{}, Misses: map[string]int{}}
	text, err := os.ReadFile(path)
	if err != nil {
		l.unreadable(path, err)
		return report, l.faults
	}
	u := &unit{reader: r}
	if root := r.document(text); root != nil {
		r.mapping(root, "a test file", u.fields())
		if u.paths == nil && !has(root, "policy") {
			r.fault(root, missingKey, "add policy: and a file", "the file names no policy")
		}
	}
	if Failed(l.faults) {
		return report, sorted(l.faults, l.files)
	}
	p, faults := Load(u.paths, Options{Now: time.Unix(0, 0)}) // tests hold at any time
	if p == nil {
		return report, faults
	}
	if run != nil {
		u.tests = slices.DeleteFunc(u.tests, func(t unitTest) bool { return !run.MatchString(t.name) })
	}
	u.run(p, &report)
	return report, sorted(l.faults, l.files)
}

// maxTimes is how often a packet comes at most.
const maxTimes = 100_000

// A unit is a test file.
type unit struct {
	*reader
	paths []string
	own   []netip.Addr
	iface string
	tests []unitTest
}

// A unitTest is one entry of "tests". What is nil is not looked at.
type unitTest struct {
	at             Position
	name           string
	packets        []*yaml.Node
	times          int
	verdict        int
	rule, would    *string
	counted        []string
	bans           *string
	banned         bool
	looksAtCounted bool
	specimens      []*Specimen
}

func (u *unit) owns(a netip.Addr) bool { return slices.Contains(u.own, a) }

func (u *unit) fields() []field {
	r := u.reader
	return []field{
		{"policy", "", nil, func(n *yaml.Node) {
			for _, e := range r.oneOrMany(n, "policy") {
				if text, ok := r.text(e); ok {
					u.paths = append(u.paths, filepath.Join(filepath.Dir(r.file), text))
				}
			}
		}},
		{"own", "", nil, func(n *yaml.Node) {
			for _, e := range r.oneOrMany(n, "own") {
				text, _ := r.text(e)
				a, err := netip.ParseAddr(text)
				if err != nil {
					r.fault(e, badAddress, "", "bad address %q", text)
				}
				u.own = append(u.own, a)
			}
		}},
		{"interface", "", nil, func(n *yaml.Node) { u.iface, _ = r.text(n) }},
		{"tests", "", nil, func(n *yaml.Node) {
			for _, e := range r.sequence(n, "tests") {
				u.test(e)
			}
			r.in = ""
		}},
	}
}

func (u *unit) test(n *yaml.Node) {
	t := unitTest{at: u.position(n), verdict: -1, times: 1}
	u.in = ""
	u.mapping(n, "a test", u.testFields(&t))
	if t.verdict < 0 && !has(n, "verdict") {
		u.fault(n, missingKey, "add verdict: pass or drop", "the test has no verdict")
	}
	if t.packets == nil && !has(n, "packets") {
		u.fault(n, missingKey, "add packets:", "the test has no packets")
	}
	u.tests = append(u.tests, t)
}

func (u *unit) testFields(t *unitTest) []field {
	r := u.reader
	text := func(to **string) func(n *yaml.Node) {
		return func(n *yaml.Node) {
			if s, ok := r.text(n); ok {
				*to = &s
			}
		}
	}
	return []field{
		{"name", "", nil, func(n *yaml.Node) {
			t.name, _ = r.text(n)
			r.in = t.name
		}},
		{"packets", "", nil, func(n *yaml.Node) {
			for _, e := range r.oneOrMany(n, "packets") {
				text, ok := r.text(e)
				if !ok {
					continue
				}
				s, err := ParseSpecimen(nth(text, 0))
				if err == nil {
					err = s.CheckSockets(u.owns)
				}
				if err != nil {
					r.fault(e, badQuantity, "", "%v", err)
					continue
				}
				t.packets, t.specimens = append(t.packets, e), append(t.specimens, s)
			}
		}},
		{"times", "", nil, func(n *yaml.Node) {
			if times, ok := r.number(n, "times", 1, maxTimes); ok {
				t.times = int(times)
			}
		}},
		{"verdict", "", nil, func(n *yaml.Node) { t.verdict = r.word(n, "verdict", []string{"pass", "drop"}) }},
		{"rule", "", nil, text(&t.rule)},
		{"would_drop", "", nil, text(&t.would)},
		{"bans", "", nil, func(n *yaml.Node) {
			s, ok := r.text(n)
			if _, err := netip.ParsePrefix(s); err != nil && s != "" {
				if _, err := netip.ParseAddr(s); err != nil {
					r.fault(n, badAddress, "", "bans %q: want an address or a prefix", s)
					return
				}
			}
			if ok {
				t.bans = &s
			}
		}},
		{"banned", "", nil, func(n *yaml.Node) { t.banned, _ = r.boolean(n) }},
		{"counted", "", nil, func(n *yaml.Node) {
			t.looksAtCounted = true
			if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
				return
			}
			for _, e := range r.oneOrMany(n, "counted") {
				s, _ := r.text(e)
				t.counted = append(t.counted, s)
			}
		}},
	}
}

func (u *unit) run(p *Policy, report *Report) {
	for i := range p.Rules {
		report.Hits[p.Rules[i].Group+"/"+p.Rules[i].Name] += 0
	}
	env := &Env{Own: u.owns, Sets: p.Sets, Bindings: p.Bindings}
	for n, t := range u.tests {
		report.Cases = append(report.Cases, Case{At: t.at, Name: t.name, Packets: len(t.specimens)})
		for i, s := range t.specimens {
			report.Packets++
			env.Interface, env.Sockets, env.Connections = s.Interface, s.Sockets, s.Connections
			if s.Interface == "" {
				env.Interface = u.iface
			}
			bans := NewBans(p, u.own)
			s = u.before(p, env, bans, t.packets[i].Value, t.times-1, s)
			steps, j := p.Explain(&s.Packet, env)
			made := bans.Judged(&s.Packet, j)
			for _, step := range steps {
				if name := step.Rule.Group + "/" + step.Rule.Name; step.Matched && !step.Within {
					report.Hits[name]++
				} else {
					report.Misses[name]++
				}
			}
			if text := t.compare(p, j, made); text != "" {
				report.Cases[n].Failures++
				report.Failures = append(report.Failures, Failure{u.position(t.packets[i]), t.name, t.packets[i].Value, text, n, steps})
			}
		}
	}
}

// before has a packet come some times, and returns the one that comes next.
func (u *unit) before(p *Policy, env *Env, bans *Bans, text string, times int, s *Specimen) *Specimen {
	env.States, env.Banned = &States{}, bans.Banned
	for n := range times {
		bans.Judged(&s.Packet, p.Judge(&s.Packet, env))
		if next, err := ParseSpecimen(nth(text, n+1)); err == nil && strings.Contains(text, "*") {
			s = next
		}
	}
	return s
}

// nth returns the text of a packet that comes for the n-th time, from 0.
func nth(text string, n int) string { return strings.ReplaceAll(text, "*", fmt.Sprint(n%256)) }

// compare returns what is wrong with a judgement, or "".
func (t *unitTest) compare(p *Policy, j Judgement, made *ban.Ban) string {
	name := func(i int) string {
		if i == None {
			return "none"
		}
		return p.Rules[i].Group + "/" + p.Rules[i].Name
	}
	var wrong []string
	expect := func(what, got, want string) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s, want %s", what, got, want))
		}
	}
	verdicts := []string{"pass", "drop"}
	expect("verdict", verdicts[j.Verdict], verdicts[t.verdict])
	if t.rule != nil {
		expect("rule", name(j.By), orNone(*t.rule))
	}
	switch {
	case t.would != nil:
		expect("would_drop", name(j.WouldDrop), orNone(*t.would))
	case t.verdict == 0 && j.WouldDrop != None:
		expect("would_drop", name(j.WouldDrop), "none")
	}
	if is := j.Ban != NotBanned; is != t.banned {
		expect("banned", strconv.FormatBool(is), strconv.FormatBool(t.banned))
	}
	if t.bans != nil {
		expect("bans", orNobody(madeText(made)), orNobody(*t.bans))
	}
	if t.looksAtCounted {
		var counted []string
		for _, i := range j.Counted {
			counted = append(counted, name(i))
		}
		expect("counted", strings.Join(counted, ", "), strings.Join(t.counted, ", "))
	}
	return strings.Join(wrong, "; ")
}

// madeText returns whom a ban is of, as tests name them.
func madeText(made *ban.Ban) string {
	switch {
	case made == nil:
		return ""
	case made.Prefix.IsSingleIP():
		return made.Prefix.Addr().String()
	}
	return made.Prefix.String()
}

func orNobody(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}

func orNone(name string) string {
	if name == "" {
		return "none"
	}
	return name
}
