package policy

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// A Check is what a rule looks at.
type Check string

// The checks, which are the keys of a rule.
const (
	Domestic      Check = "domestic"
	ForbidCountry Check = "forbid_country"
	ForbidAS      Check = "forbid_as"
	RequireAS     Check = "require_as"
	MaxAS         Check = "max_as"
	Blocklist     Check = "blocklist"
)

// A Rule is one demand on routes.
type Rule struct {
	Name string
	// Dest are patterns of path.Match; none matches all.
	Dest  []string
	Check Check
	// ASes are of ForbidAS and RequireAS, Countries of ForbidCountry, Max of MaxAS.
	ASes      []uint32
	Countries []string
	Max       int
	// Prefixes and Networks are what Blocklist looks up.
	Prefixes, Networks bool
	// Points are of the risk.
	Points int
}

// Weights are the points for what is no rule.
type Weights struct {
	ASChanged, CountryChanged, Flapping, Implausible int
}

// A Policy is a list of rules.
type Policy struct {
	Rules []Rule
	Risk  Weights
}

// Default is what holds without a file: no rules, and these weights. They are a judgement
// of ours, not a measurement.
func Default() *Policy {
	return &Policy{Risk: Weights{ASChanged: 10, CountryChanged: 20, Flapping: 5, Implausible: 5}}
}

// points are those of rules that say none, by the same judgement: the original
// Locator had 40 for a hop on a blocklist.
var points = map[Check]int{Domestic: 20, ForbidCountry: 30, ForbidAS: 30, RequireAS: 20, MaxAS: 10, Blocklist: 40}

// Parse decodes a policy; file is its name in faults. The error is an [*Error] with all
// of them, and then there is no policy.
func Parse(file string, data []byte) (*Policy, error) {
	d := &decoder{Error{File: file}}
	p := Default()
	if root := d.document(data); root != nil {
		d.policy(root, p)
	}
	if len(d.Faults) > 0 {
		d.sort()
		return nil, &d.Error
	}
	return p, nil
}

func (d *decoder) policy(root *yaml.Node, p *Policy) {
	first := make(map[string]int) // lines of names
	found := d.mapping(root, "the policy", keys{
		"version": func(n *yaml.Node) {
			if n.Value != "1" {
				d.fault(n, "version: 1", "unknown version %s", describe(n))
			}
		},
		"rules": func(n *yaml.Node) {
			if n.Kind != yaml.SequenceNode {
				d.fault(n, "begin each with \"- \"", "rules must be a list, not %s", describe(n))
				return
			}
			for _, e := range n.Content {
				e = resolve(e)
				r := d.rule(e)
				if line := first[r.Name]; line > 0 && r.Name != "" {
					d.fault(e, "", "duplicate rule %q, first on line %d", r.Name, line)
				}
				first[r.Name] = e.Line
				p.Rules = append(p.Rules, r)
			}
		},
		"risk": func(n *yaml.Node) { d.weights(n, &p.Risk) },
	})
	if root.Kind == yaml.MappingNode && found["version"] == nil {
		d.fault(root, "begin with \"version: 1\"", "the policy has no version")
	}
}

func (d *decoder) weights(n *yaml.Node, w *Weights) {
	number := func(field *int) func(*yaml.Node) {
		return func(n *yaml.Node) { *field = d.integer(n, "points", 0, 100) }
	}
	d.mapping(n, "risk", keys{
		"as_changed": number(&w.ASChanged), "country_changed": number(&w.CountryChanged),
		"flapping": number(&w.Flapping), "implausible": number(&w.Implausible),
	})
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// rule decodes a rule. It has one check.
func (d *decoder) rule(n *yaml.Node) Rule {
	r := Rule{Points: -1}
	before := len(d.Faults)
	check := func(c Check, decode func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if r.Check != "" {
				d.fault(n, "make it a rule of its own", "the rule has both %s and %s", r.Check, c)
				return
			}
			r.Check = c
			decode(n)
		}
	}
	found := d.mapping(n, "a rule", keys{
		"name": func(n *yaml.Node) {
			r.Name = d.text(n, "a name")
			if r.Name != "" && !namePattern.MatchString(r.Name) {
				d.fault(n, "", "name %q must be 1 to 64 letters, digits, \"-\" and \"_\"", r.Name)
			}
		},
		"dest":   func(n *yaml.Node) { r.Dest = d.patterns(n) },
		"points": func(n *yaml.Node) { r.Points = d.integer(n, "points", 0, 100) },
		string(Domestic): check(Domestic, func(n *yaml.Node) {
			if n.ShortTag() != "!!bool" || n.Value != "true" {
				d.fault(n, "leave the rule out", "domestic must be true, not %s", describe(n))
			}
		}),
		string(ForbidCountry): check(ForbidCountry, func(n *yaml.Node) { r.Countries = d.countries(n) }),
		string(ForbidAS):      check(ForbidAS, func(n *yaml.Node) { r.ASes = d.ases(n, "forbid_as") }),
		string(RequireAS):     check(RequireAS, func(n *yaml.Node) { r.ASes = d.ases(n, "require_as") }),
		string(MaxAS):         check(MaxAS, func(n *yaml.Node) { r.Max = d.integer(n, "max_as", 1, 64) }),
		string(Blocklist):     check(Blocklist, func(n *yaml.Node) { d.blocklist(n, &r) }),
	})
	if n.Kind == yaml.MappingNode && found["name"] == nil {
		d.fault(n, "", "the rule has no name")
	}
	// Of a misspelt check that is told already.
	if r.Check == "" && len(d.Faults) == before {
		d.fault(n, "known: blocklist, domestic, forbid_as, forbid_country, max_as, require_as", "the rule checks nothing")
	}
	if r.Points < 0 {
		r.Points = points[r.Check]
	}
	return r
}

func (d *decoder) patterns(n *yaml.Node) (patterns []string) {
	for _, e := range d.list(n, "dest") {
		pattern := d.text(e, "a destination")
		if _, err := path.Match(pattern, ""); err != nil {
			d.fault(e, "", "%q is no pattern", pattern)
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

func (d *decoder) countries(n *yaml.Node) (codes []string) {
	for _, e := range d.list(n, "forbid_country") {
		code := d.text(e, "a country")
		if code == "" {
			continue
		}
		if len(code) != 2 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			d.fault(e, "such as DE, of ISO 3166-1", "%q is no country code of two capital letters", code)
		}
		codes = append(codes, code)
	}
	return codes
}

func (d *decoder) ases(n *yaml.Node, what string) (ases []uint32) {
	for _, e := range d.list(n, what) {
		number := e.Value
		if len(number) > 2 && strings.EqualFold(number[:2], "AS") {
			number = number[2:]
		}
		as, err := strconv.ParseUint(number, 10, 32)
		if e.Kind != yaml.ScalarNode || err != nil || as == 0 {
			d.fault(e, "such as AS64500", "%s is no AS number", describe(e))
			continue
		}
		ases = append(ases, uint32(as))
	}
	return ases
}

func (d *decoder) blocklist(n *yaml.Node, r *Rule) {
	for _, e := range d.list(n, "blocklist") {
		switch e.Value {
		case "prefix":
			r.Prefixes = true
		case "as":
			r.Networks = true
		default:
			d.fault(e, suggest(e.Value, []string{"as", "prefix"}), "unknown blocklist %s", describe(e))
		}
	}
}
