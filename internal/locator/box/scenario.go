package box

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// A Scenario is a path, what is asked of it, and what must be found out.
type Scenario struct {
	// Seed is that of all chance.
	Seed uint64
	// Timeout is how long the asker waits for an answer.
	Timeout time.Duration
	// Addresses are those of each name: of IPv4, and of IPv6.
	Addresses map[string][2]netip.Addr
	// Hops are the path; the last is the destination.
	Hops []Hop
	// Changes replace the path, in the order of their time.
	Changes []Change
	// Runs are the protocols and families for which the scenario is true.
	Runs   []Run
	Probes []Burst
	Expect Expect
}

// A Change is a path from some time after the start on.
type Change struct {
	After time.Duration
	Hops  []Hop
}

// A Run is what probes are made of, such as "udp4".
type Run struct {
	Protocol wire.Protocol
	V6       bool
}

// String returns the name of a run.
func (r Run) String() string {
	if r.V6 {
		return r.Protocol.String() + "6"
	}
	return r.Protocol.String() + "4"
}

func (r Run) family() int {
	if r.V6 {
		return 1
	}
	return 0
}

// A Burst is probes of each flow and TTL, TTL after TTL.
type Burst struct {
	// At is when the first goes, after the start, and Every what is between two.
	At, Every         time.Duration
	FirstTTL, LastTTL uint8
	Flows, Count      int
	Size              int
	TOS               uint8
	DontFragment      bool
}

// An Expect is the truth.
type Expect struct {
	// Lines are the answers as [Scenario.Line] writes them, with what they are true for:
	// "all", a protocol, a family, or a run, such as "udp", "v6", or "udp6".
	Lines map[string][]string
	// Late, Duplicates and Unmatched count for each run, by its name or "all".
	Late, Duplicates, Unmatched map[string]int
}

// names are what is said of a run, from the widest on.
func (r Run) names() []string {
	family := "v4"
	if r.V6 {
		family = "v6"
	}
	return []string{"all", family, r.Protocol.String(), r.String()}
}

// Answers returns the lines that are true for a run, sorted.
func (e *Expect) Answers(r Run) (lines []string) {
	for _, name := range r.names() {
		lines = append(lines, e.Lines[name]...)
	}
	slices.SortFunc(lines, compareLines)
	return lines
}

// Counts returns the numbers that are true for a run.
func (e *Expect) Counts(r Run) Stats {
	return Stats{Late: pick(e.Late, r), Duplicates: pick(e.Duplicates, r), Unmatched: pick(e.Unmatched, r)}
}

// pick returns the number of the narrowest name.
func pick(of map[string]int, r Run) int {
	names := r.names()
	for _, name := range slices.Backward(names) {
		if n, ok := of[name]; ok {
			return n
		}
	}
	return 0
}

// Address returns that of a name, which is not valid if it has none in the family.
func (s *Scenario) Address(name string, r Run) netip.Addr {
	return s.Addresses[name][r.family()]
}

// Name returns the name of an address, or the address if it has none.
func (s *Scenario) Name(a netip.Addr) string {
	var found []string
	for name, pair := range s.Addresses {
		if pair[0] == a || pair[1] == a {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return a.String()
	}
	return slices.Min(found)
}

// who names the routers of one hop together, for any of them may answer.
func (s *Scenario) who(a netip.Addr) string {
	name := s.Name(a)
	for _, hops := range s.paths() {
		for _, h := range hops {
			if len(h.Routers) > 1 && slices.Contains(h.Routers, name) {
				return strings.Join(h.Routers, "|")
			}
		}
	}
	return name
}

// paths are the first one and all later ones.
func (s *Scenario) paths() [][]Hop {
	paths := [][]Hop{s.Hops}
	for _, c := range s.Changes {
		paths = append(paths, c.Hops)
	}
	return paths
}

// Slower returns the scenario with all its times multiplied, for machines that are. The
// times in [Expect] stay as they are.
func (s *Scenario) Slower(n int) *Scenario {
	d := time.Duration(n)
	slow := *s
	slow.Timeout *= d
	slow.Hops = slower(s.Hops, d)
	slow.Changes = slices.Clone(s.Changes)
	for i := range slow.Changes {
		c := &slow.Changes[i]
		c.After *= d
		c.Hops = slower(c.Hops, d)
	}
	slow.Probes = slices.Clone(s.Probes)
	for i := range slow.Probes {
		slow.Probes[i].At *= d
		slow.Probes[i].Every *= d
	}
	return &slow
}

func slower(hops []Hop, d time.Duration) []Hop {
	hops = slices.Clone(hops)
	for i := range hops {
		h := &hops[i]
		h.Delay *= d
		h.Jitter *= d
		h.Slow *= d
		if h.Limit != nil {
			h.Limit = &Limit{Every: h.Limit.Every * d, Burst: h.Limit.Burst}
		}
	}
	return hops
}
