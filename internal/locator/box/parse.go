package box

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/wire"
)

// Bounds of a scenario.
const (
	maxHops   = 30
	maxProbes = 1000 // of one burst
)

// defaultTimeout is what an asker waits if the scenario does not tell.
const defaultTimeout = 200 * time.Millisecond

// Host is the name of the address that asks.
const Host = "host"

// Parse reads a scenario; file is its name in faults. The error tells all of them, a
// line "file:line:column: text" each, and then there is no scenario.
func Parse(file string, data []byte) (*Scenario, error) {
	d := &scenarioDecoder{decoder: decoder{file: file}, names: make(map[string]*yaml.Node), rejects: make(map[string]*yaml.Node)}
	s := &Scenario{Timeout: defaultTimeout}
	if root := d.document(data); root != nil {
		d.scenario(root, s)
	}
	if len(d.faults) == 0 {
		d.check(s)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// A scenarioDecoder remembers what can be checked only when all is read: what it depends
// on may stand behind it.
type scenarioDecoder struct {
	decoder
	names   map[string]*yaml.Node // of addresses, and where they are used first
	rejects map[string]*yaml.Node // reasons likewise
	ends    []*yaml.Node          // last hops of the paths
}

func (d *scenarioDecoder) scenario(root *yaml.Node, s *Scenario) {
	var version int
	found := d.mapping(root, "the scenario", keys{
		"version":   number(&d.decoder, &version, 1, 1),
		"seed":      number(&d.decoder, &s.Seed, 0, 1<<63),
		"timeout":   d.duration(&s.Timeout),
		"addresses": func(n *yaml.Node) { s.Addresses = d.addresses(n) },
		"hops":      func(n *yaml.Node) { s.Hops = d.hops(n) },
		"changes": func(n *yaml.Node) {
			d.list(n, "changes", func(n *yaml.Node) { s.Changes = append(s.Changes, d.change(n)) })
		},
		"runs": func(n *yaml.Node) {
			d.list(n, "runs", func(n *yaml.Node) { s.Runs = append(s.Runs, d.runs(n)...) })
		},
		"probes": func(n *yaml.Node) {
			d.list(n, "probes", func(n *yaml.Node) { s.Probes = append(s.Probes, d.burst(n)) })
		},
		"expect": func(n *yaml.Node) { s.Expect = d.expect(n) },
	})
	for _, key := range []string{"version", "addresses", "hops", "probes", "expect"} {
		if root.Kind == yaml.MappingNode && !found[key] {
			d.fault(root, "the scenario has no key %q", key)
		}
	}
	if s.Runs == nil {
		s.Runs = AllRuns
	}
	d.names[Host] = root
}

// check finds what is not true of all runs and all paths.
func (d *scenarioDecoder) check(s *Scenario) {
	for name, at := range d.names {
		d.first(s.Runs, func(r Run) bool { return s.Address(name, r).IsValid() }, at, "%q has no address for %s", name)
	}
	for reason, at := range d.rejects {
		known := func(r Run) bool { _, ok := rejectCode(reason, r.V6); return ok }
		d.first(s.Runs, known, at, "%q is no reason of unreachable for %s (all have communication_prohibited)", reason)
	}
	var before time.Duration
	for i, c := range s.Changes {
		if c.After < before {
			d.fault(d.ends[i+1], "the changes are not in the order of their times")
		}
		before = c.After
	}
	for i, hops := range s.paths() {
		if hops[len(hops)-1].Routers[0] != s.Hops[len(s.Hops)-1].Routers[0] {
			d.fault(d.ends[i], "the path ends at another destination than the first")
		}
	}
}

// first reports the first run for which something does not hold.
func (d *scenarioDecoder) first(runs []Run, holds func(Run) bool, at *yaml.Node, format, what string) {
	for _, r := range runs {
		if !holds(r) {
			d.fault(at, format, what, r)
			return
		}
	}
}

func (d *scenarioDecoder) addresses(n *yaml.Node) map[string][2]netip.Addr {
	all := make(map[string][2]netip.Addr)
	d.pairs(n, "addresses", func(key, value *yaml.Node) {
		var pair [2]netip.Addr
		d.list(value, "addresses of a name", func(n *yaml.Node) {
			a, err := netip.ParseAddr(n.Value)
			switch {
			case n.Kind != yaml.ScalarNode || err != nil || a.Zone() != "" || a.Is4In6():
				d.fault(n, "%s is no address of IPv4 or IPv6", describe(n))
			case a.Is4():
				pair[0] = a
			default:
				pair[1] = a
			}
		})
		all[key.Value] = pair
	})
	return all
}

// AllRuns are those of a scenario that names none.
var AllRuns = []Run{
	{wire.UDP, false}, {wire.UDP, true}, {wire.ICMP, false}, {wire.ICMP, true}, {wire.TCP, false}, {wire.TCP, true},
}

// runs returns those that a name is for.
func (d *scenarioDecoder) runs(n *yaml.Node) (runs []Run) {
	for _, r := range AllRuns {
		if slices.Contains(r.names(), n.Value) {
			runs = append(runs, r)
		}
	}
	if runs == nil {
		d.fault(n, "unknown run %s (known: all, v4, v6, udp, icmp, tcp, udp4, and so on)", describe(n))
	}
	return runs
}

func (d *scenarioDecoder) change(n *yaml.Node) (c Change) {
	found := d.mapping(n, "a change", keys{
		"after": d.duration(&c.After),
		"hops":  func(n *yaml.Node) { c.Hops = d.hops(n) },
	})
	if n.Kind == yaml.MappingNode && (!found["after"] || !found["hops"]) {
		d.fault(n, "a change needs both after and hops")
	}
	return c
}

func (d *scenarioDecoder) burst(n *yaml.Node) Burst {
	b := Burst{FirstTTL: 1, LastTTL: 1, Flows: 1, Count: 1, DontFragment: true}
	d.mapping(n, "probes", keys{
		"at":            d.duration(&b.At),
		"every":         d.duration(&b.Every),
		"ttl":           func(n *yaml.Node) { d.ttls(n, &b) },
		"flows":         number(&d.decoder, &b.Flows, 1, 64),
		"count":         number(&d.decoder, &b.Count, 1, 100),
		"size":          number(&d.decoder, &b.Size, 68, 9000),
		"tos":           number(&d.decoder, &b.TOS, 0, 255),
		"dont_fragment": d.boolean(&b.DontFragment),
	})
	if b.probes() > maxProbes {
		d.fault(n, "%d probes are more than %d", b.probes(), maxProbes)
	}
	return b
}

func (b *Burst) probes() int {
	return (int(b.LastTTL) - int(b.FirstTTL) + 1) * b.Flows * b.Count
}

// ttls reads one, or a range such as 1-5.
func (d *scenarioDecoder) ttls(n *yaml.Node, b *Burst) {
	first, last, isRange := strings.Cut(n.Value, "-")
	at := func(text string, field *uint8) {
		number(&d.decoder, field, 1, 64)(&yaml.Node{Kind: n.Kind, Value: text, Line: n.Line, Column: n.Column})
	}
	at(first, &b.FirstTTL)
	b.LastTTL = b.FirstTTL
	if isRange {
		at(last, &b.LastTTL)
	}
	if b.FirstTTL > b.LastTTL {
		d.fault(n, "the range %s ends before it begins", n.Value)
		b.LastTTL = b.FirstTTL
	}
}

func (d *scenarioDecoder) expect(n *yaml.Node) Expect {
	e := Expect{Lines: make(map[string][]string)}
	count := func(field *map[string]int) func(*yaml.Node) {
		return func(n *yaml.Node) { *field = d.counts(n) }
	}
	known := keys{
		"late": count(&e.Late), "duplicates": count(&e.Duplicates), "unmatched": count(&e.Unmatched),
	}
	for _, r := range AllRuns {
		for _, name := range r.names() {
			known[name] = func(n *yaml.Node) {
				d.list(n, "answers", func(n *yaml.Node) {
					e.Lines[name] = append(e.Lines[name], d.text(n, "an answer"))
				})
			}
		}
	}
	d.mapping(n, "expect", known)
	return e
}

// counts reads a number for all runs, or one for each name.
func (d *scenarioDecoder) counts(n *yaml.Node) map[string]int {
	of := make(map[string]int)
	read := func(name string, n *yaml.Node) {
		var count int
		number(&d.decoder, &count, 0, maxProbes)(n)
		of[name] = count
	}
	if n.Kind == yaml.ScalarNode {
		read("all", n)
		return of
	}
	d.pairs(n, "a count", func(key, value *yaml.Node) {
		d.runs(key)
		read(key.Value, value)
	})
	return of
}
