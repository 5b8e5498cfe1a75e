package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/judge"
)

// hop returns one that is known in all respects and on no list.
func hop(ttl uint8, as uint32, country string) judge.Hop {
	no := judge.Listing{Asked: true}
	return judge.Hop{
		TTL: ttl, Addr: netip.AddrFrom4([4]byte{198, 51, 100, ttl}), AS: as, Country: country,
		Plausibility: judge.Plausible, PrefixListed: no, ASListed: no,
	}
}

// route returns the way from Germany through France and AS 1, 2 and 3 to Germany.
func route() Route {
	r := Route{Dest: "www.example.com", Source: "DE", Destination: "DE", Reached: true, Hops: []judge.Hop{
		hop(1, 1, "DE"), hop(2, 1, "DE"), hop(3, 2, "FR"), hop(4, 3, "DE"), hop(5, 3, "DE"),
	}}
	r.Hops[4].Final = true
	return r
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name, rule string
		change     func(r *Route)
		want       string // state: text [TTLs]
	}{
		{"", "domestic: true", nil, "violated: passes FR at TTL 3 [3]"},
		{"abroad", "domestic: true", func(r *Route) { r.Destination = "US" }, "ok: the destination is in US, not in DE []"},
		{"own country unknown", "domestic: true", func(r *Route) { r.Source = "" }, "unknown: the own country is unknown []"},
		{"destination unknown", "domestic: true", func(r *Route) { r.Destination = "" }, "unknown: the country of the destination is unknown []"},
		{"no database", "domestic: true", func(r *Route) { r.Hops[2].Country = "" }, "unknown: the country at TTL 3 is unknown []"},
		{"only registered", "domestic: true", func(r *Route) { r.Hops[2].Registered = true }, "unknown: the country at TTL 3 is unknown []"},
		{"implausible", "domestic: true", func(r *Route) { r.Hops[2].Plausibility = judge.Implausible }, "unknown: the country at TTL 3 is unknown []"},
		{"anycast", "domestic: true", func(r *Route) { r.Hops[2].Anycast = true }, "unknown: the country at TTL 3 is unknown []"},
		{"private", "domestic: true", func(r *Route) { r.Hops[2].Addr = netip.MustParseAddr("10.0.0.1") }, "ok: passes none []"},

		{"", "forbid_country: [FR, IT]", nil, "violated: passes FR at TTL 3 [3]"},
		{"", "forbid_country: [IT]", nil, "ok: passes none []"},
		{"the end is no transit", "forbid_country: [IT]", func(r *Route) { r.Hops[4].Country = "IT" }, "ok: passes none []"},
		{"not reached", "forbid_country: [IT]", func(r *Route) { r.Reached = false }, "unknown: the path does not reach its destination []"},
		{"not reached, but seen", "forbid_country: [FR]", func(r *Route) { r.Reached = false }, "violated: passes FR at TTL 3 [3]"},
		{"silent", "forbid_country: [IT]", func(r *Route) { r.Hops = slices.Delete(r.Hops, 2, 3) }, "ok: passes none; nobody answers at TTL 3 []"},

		{"", "forbid_as: [2, AS3]", nil, "violated: passes AS2, AS3 at TTL 3, 4, 5 [3 4 5]"},
		{"", "forbid_as: 4", nil, "ok: passes none []"},
		{"AS unknown", "forbid_as: 4", func(r *Route) { r.Hops[1].AS = 0 }, "unknown: the AS at TTL 2 is unknown []"},
		{"exchange", "forbid_as: 2", func(r *Route) { r.Hops[2].Exchange = true }, "ok: passes none []"},

		{"", "require_as: [9, 2]", nil, "ok: passes AS2 at TTL 3 []"},
		{"", "require_as: 9", nil, "violated: passes none of those required []"},
		{"silent at a border", "require_as: 9", func(r *Route) { r.Hops = slices.Delete(r.Hops, 2, 3) }, "unknown: nobody answers at TTL 3 []"},
		{"silent within a network", "require_as: 9", func(r *Route) { r.Hops[0].AS = 2; r.Hops = slices.Delete(r.Hops, 1, 2) }, "violated: passes none of those required []"},

		{"", "max_as: 2", nil, "violated: passes 3 networks, more than 2 []"},
		{"", "max_as: 3", nil, "ok: passes 3 networks []"},
		{"not reached", "max_as: 3", func(r *Route) { r.Reached = false }, "unknown: the path does not reach its destination []"},
		{"already too many", "max_as: 2", func(r *Route) { r.Reached = false }, "violated: passes 3 networks, more than 2 []"},

		{"", "blocklist: [prefix, as]", nil, "ok: passes none []"},
		{"listed", "blocklist: prefix", func(r *Route) { r.Hops[4].PrefixListed = judge.Listing{Asked: true, Listed: true, Reference: "SBL1"} },
			"violated: passes 198.51.100.5 (SBL1) at TTL 5 [5]"},
		{"listed network", "blocklist: as", func(r *Route) { r.Hops[2].ASListed.Listed = true }, "violated: passes AS2 at TTL 3 [3]"},
		{"other list", "blocklist: prefix", func(r *Route) { r.Hops[2].ASListed.Listed = true }, "ok: passes none []"},
		{"no list", "blocklist: prefix", func(r *Route) { r.Hops[2].PrefixListed.Asked = false }, "unknown: the listing at TTL 3 is unknown []"},
		{"network unknown", "blocklist: as", func(r *Route) { r.Hops[2].AS = 0 }, "unknown: the listing at TTL 3 is unknown []"},
	} {
		r := route()
		if c.change != nil {
			c.change(&r)
		}
		p, err := Parse("p", []byte("version: 1\nrules:\n- name: r\n  "+c.rule))
		if err != nil {
			t.Fatal(err)
		}
		results := p.Judge(r)
		got := fmt.Sprintf("%s: %s %v", results[0].State, results[0].Text, results[0].TTLs)
		if got != c.want {
			t.Errorf("%s, %s: %s\nwant %s", c.rule, c.name, got, c.want)
		}
	}
}

func TestRulesHaveTheirDestinations(t *testing.T) {
	p, err := Parse("p", []byte(`
version: 1
rules:
- {name: all, max_as: 9}
- {name: some, dest: ["*.example.com", other], max_as: 9}
`))
	if err != nil {
		t.Fatal(err)
	}
	for dest, want := range map[string]int{"www.example.com": 2, "other": 2, "another": 1} {
		if got := p.Judge(Route{Dest: dest}); len(got) != want {
			t.Errorf("%d rules for %s, want %d", len(got), dest, want)
		}
	}
}

// To know less never makes a rule ok, nor a violation out of what was ok.
func TestIgnoranceIsNoBliss(t *testing.T) {
	p, err := Parse("p", []byte(`
version: 1
rules:
- {name: a, domestic: true}
- {name: b, forbid_country: [FR, IT]}
- {name: c, forbid_as: [2, 5]}
- {name: d, require_as: [2, 5]}
- {name: e, max_as: 3}
- {name: f, blocklist: [prefix, as]}
`))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[State]int{}
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 8))
		r := Route{Dest: "d", Source: "DE", Destination: "DE", Reached: true}
		for ttl := range uint8(6) {
			h := hop(ttl+1, uint32(1+rng.IntN(5)), []string{"DE", "DE", "FR", "IT"}[rng.IntN(4)])
			h.PrefixListed.Listed = rng.IntN(20) == 0
			r.Hops = append(r.Hops, h)
		}
		r.Hops[5].Final = true
		for range 6 {
			before := p.Judge(r)
			h := &r.Hops[rng.IntN(6)]
			switch rng.IntN(6) {
			case 0:
				h.AS = 0
			case 1:
				h.Country = ""
			case 2:
				h.PrefixListed = judge.Listing{}
			case 3:
				h.ASListed = judge.Listing{}
			case 4:
				r.Reached = false
			case 5:
				r.Source = ""
			}
			for i, after := range p.Judge(r) {
				was := before[i].State
				seen[after.State]++
				if after.State != was && after.State != Unknown {
					t.Fatalf("seed %d: rule %s was %s and is %s: %s", seed, after.Rule.Name, was, after.State, after.Text)
				}
			}
		}
	}
	t.Logf("seeds 0 to 1999: %v", seen)
	if len(seen) != 3 {
		t.Error("not all states were seen")
	}
}

func TestScore(t *testing.T) {
	p, err := Parse("p", []byte(`
version: 1
rules:
- {name: home, domestic: true, points: 50}
- {name: short, max_as: 2, points: 35}
- {name: rival, forbid_as: 3, points: 25}
- {name: must, require_as: 9}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := route()
	r.Hops[1].Plausibility = judge.Implausible
	r.Reached = false
	risk := p.Score(r, p.Judge(r), Signals{Flapping: true, ASChanged: true})
	want := Risk{Score: 100, Unknown: []string{"must"}, Factors: []Factor{
		{"home", 50, "passes FR at TTL 3", []uint8{3}},
		{"short", 35, "passes 3 networks, more than 2", nil},
		{"rival", 15, "passes AS3 at TTL 4, 5; 15 of its 25 points count, as the score ends at 100", []uint8{4, 5}},
		{"as_changed", 0, "passes other networks than before; 0 of its 10 points count, as the score ends at 100", nil},
		{"flapping", 0, "goes to and fro between paths; 0 of its 5 points count, as the score ends at 100", nil},
		{"implausible", 0, "cannot be where a database says, at TTL 2; 0 of its 5 points count, as the score ends at 100", []uint8{2}},
	}}
	if diff := cmp.Diff(want, risk); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if risk := Default().Score(Route{}, nil, Signals{}); risk.Score != 0 || risk.Factors != nil {
		t.Errorf("of nothing: %+v", risk)
	}
}

// Every point has its factor, with a name and a text.
func TestEveryPointIsExplained(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		p := Default()
		for i := range rng.IntN(6) {
			p.Rules = append(p.Rules, Rule{Name: fmt.Sprint("r", i), Check: MaxAS, Max: 1 + rng.IntN(5), Points: rng.IntN(101)})
		}
		r := route()
		if rng.IntN(2) == 0 {
			r.Hops[2].Plausibility = judge.Implausible
		}
		risk := p.Score(r, p.Judge(r), Signals{rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0})
		sum := 0
		for _, f := range risk.Factors {
			if f.Name == "" || f.Text == "" || f.Points < 0 || strings.Contains(f.Text, "%!") {
				t.Fatalf("seed %d: factor %+v", seed, f)
			}
			sum += f.Points
		}
		if sum != risk.Score || risk.Score > 100 {
			t.Fatalf("seed %d: %d points explained of %d", seed, sum, risk.Score)
		}
	}
}
