package policy

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/internal/yamlfile"
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

// Parse decodes a policy; file is its name in faults. The error is a [*yamlfile.Error]
// with all of them, and then there is no policy.
func Parse(file string, data []byte) (*Policy, error) {
	d := decoder{yamlfile.New(file, data)}
	p := Default()
	if root := d.Document(); root != nil && !yamlfile.IsNull(root) {
		d.policy(yamlfile.Resolve(root), p)
	} else if d.Found() == 0 {
		d.Fault(&yaml.Node{Line: 1, Column: 1}, "begin with \"version: 1\"", "the policy is empty")
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

func (d decoder) policy(root *yaml.Node, p *Policy) {
	first := make(map[string]int) // lines of names
	versioned := false
	d.Mapping(root, "the policy", yamlfile.Keys{
		"version": func(n *yaml.Node) {
			versioned = true
			if n.Value != "1" {
				d.Fault(n, "", "want version 1, not %s", yamlfile.Describe(n))
			}
		},
		"rules": func(n *yaml.Node) {
			for _, e := range d.Sequence(n, "rules") {
				r := d.rule(e)
				if line := first[r.Name]; line > 0 && r.Name != "" {
					d.Fault(e, "", "duplicate rule %q, first on line %d", r.Name, line)
				}
				first[r.Name] = e.Line
				p.Rules = append(p.Rules, r)
			}
		},
		"risk": func(n *yaml.Node) { d.weights(n, &p.Risk) },
	})
	if root.Kind == yaml.MappingNode && !versioned {
		d.Fault(root, "begin with \"version: 1\"", "the policy has no version")
	}
}

func (d decoder) weights(n *yaml.Node, w *Weights) {
	number := func(field *int) func(*yaml.Node) {
		return func(n *yaml.Node) { *field = d.Integer(n, 0, 100) }
	}
	d.Mapping(n, "risk", yamlfile.Keys{
		"as_changed": number(&w.ASChanged), "country_changed": number(&w.CountryChanged),
		"flapping": number(&w.Flapping), "implausible": number(&w.Implausible),
	})
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// rule decodes a rule. It has one check.
func (d decoder) rule(n *yaml.Node) Rule {
	r, named := Rule{Points: -1}, false
	before := d.Found()
	check := func(c Check, decode func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if r.Check != "" {
				d.Fault(n, "make it a rule of its own", "the rule has both %s and %s", r.Check, c)
				return
			}
			r.Check = c
			decode(n)
		}
	}
	d.Mapping(n, "a rule", yamlfile.Keys{
		"name": func(n *yaml.Node) {
			named = true
			name, ok := d.Text(n)
			if r.Name = name; ok && !namePattern.MatchString(name) {
				d.Fault(n, "", "name %q must be 1 to 64 letters, digits, \"-\" and \"_\"", name)
			}
		},
		"dest":   func(n *yaml.Node) { r.Dest = d.patterns(n) },
		"points": func(n *yaml.Node) { r.Points = d.Integer(n, 0, 100) },
		string(Domestic): check(Domestic, func(n *yaml.Node) {
			if n.ShortTag() != "!!bool" || n.Value != "true" {
				d.Fault(n, "leave the rule out", "domestic must be true, not %s", yamlfile.Describe(n))
			}
		}),
		string(ForbidCountry): check(ForbidCountry, func(n *yaml.Node) { r.Countries = d.countries(n) }),
		string(ForbidAS):      check(ForbidAS, func(n *yaml.Node) { r.ASes = d.ases(n, "forbid_as") }),
		string(RequireAS):     check(RequireAS, func(n *yaml.Node) { r.ASes = d.ases(n, "require_as") }),
		string(MaxAS):         check(MaxAS, func(n *yaml.Node) { r.Max = d.Integer(n, 1, 64) }),
		string(Blocklist):     check(Blocklist, func(n *yaml.Node) { d.blocklist(n, &r) }),
	})
	if n.Kind == yaml.MappingNode && !named {
		d.Fault(n, "", "the rule has no name")
	}
	// Of a misspelt check that is told already.
	if r.Check == "" && d.Found() == before {
		d.Fault(n, "known: blocklist, domestic, forbid_as, forbid_country, max_as, require_as", "the rule checks nothing")
	}
	if r.Points < 0 {
		r.Points = points[r.Check]
	}
	return r
}

func (d decoder) patterns(n *yaml.Node) (patterns []string) {
	for _, e := range d.list(n, "dest") {
		pattern, ok := d.Text(e)
		if _, err := path.Match(pattern, ""); ok && (err != nil || pattern == "") {
			d.Fault(e, "", "%q is no pattern", pattern)
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

func (d decoder) countries(n *yaml.Node) (codes []string) {
	for _, e := range d.list(n, "forbid_country") {
		code, ok := d.Text(e)
		if !ok {
			continue
		}
		if len(code) != 2 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			d.Fault(e, "such as DE, of ISO 3166-1", "%q is no country code of two capital letters", code)
		}
		codes = append(codes, code)
	}
	return codes
}

func (d decoder) ases(n *yaml.Node, what string) (ases []uint32) {
	for _, e := range d.list(n, what) {
		number := e.Value
		if len(number) > 2 && strings.EqualFold(number[:2], "AS") {
			number = number[2:]
		}
		as, err := strconv.ParseUint(number, 10, 32)
		if e.Kind != yaml.ScalarNode || err != nil || as == 0 {
			d.Fault(e, "such as AS64500", "%s is no AS number", yamlfile.Describe(e))
			continue
		}
		ases = append(ases, uint32(as))
	}
	return ases
}

func (d decoder) blocklist(n *yaml.Node, r *Rule) {
	for _, e := range d.list(n, "blocklist") {
		switch e.Value {
		case "prefix":
			r.Prefixes = true
		case "as":
			r.Networks = true
		default:
			d.Fault(e, yamlfile.Suggest(e.Value, []string{"as", "prefix"}), "want a blocklist, not %s", yamlfile.Describe(e))
		}
	}
}
