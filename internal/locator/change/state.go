package change

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
)

// State is a baseline that outlives the process. It is JSON.
type State struct {
	ID    uint64   `json:"id"`
	Hops  []Member `json:"hops"`
	Dests []string `json:"dests"`
}

// A Member is one of the hops that may answer at a TTL.
type Member struct {
	TTL  uint8  `json:"ttl"`
	Addr string `json:"addr"`
	// Flows are those that it answers.
	Flows []int `json:"flows,omitempty"`
	// PerPacket is set if packets are balanced there one by one.
	PerPacket bool `json:"per_packet,omitempty"`
}

// State returns the baseline, false as long as it is learned.
func (d *Detector) State() (State, bool) {
	s := State{ID: d.id}
	for _, ttl := range slices.Sorted(maps.Keys(d.known)) {
		for _, hop := range sorted(d.known[ttl]) {
			s.Hops = append(s.Hops, Member{ttl, hop.String(), d.flowsOf(ttl, hop), d.balanced[ttl]})
		}
	}
	for _, hop := range sorted(d.dests) {
		s.Dests = append(s.Dests, hop.String())
	}
	return s, d.learned
}

func (d *Detector) flowsOf(ttl uint8, hop netip.Addr) []int {
	var flows []int
	for at, c := range d.cells {
		if at.ttl == ttl && slices.Contains(c.base, hop) {
			flows = append(flows, at.flow)
		}
	}
	slices.Sort(flows)
	return flows
}

// Restore takes a baseline, so that what changed while the process was away is seen. It is
// for a new detector. Members whose address does not parse are left out.
func (d *Detector) Restore(s State) {
	d.id, d.learned = s.ID, true
	slices.SortStableFunc(s.Hops, func(a, b Member) int { return cmp.Compare(a.TTL, b.TTL) })
	for _, m := range s.Hops {
		hop, err := netip.ParseAddr(m.Addr)
		if err != nil {
			continue
		}
		d.Known(m.TTL, []netip.Addr{hop}, m.PerPacket)
		for _, flow := range m.Flows {
			at := flowTTL{flow, m.TTL}
			if d.cells[at] == nil {
				d.cells[at] = &cell{}
			}
			d.cells[at].base = append(d.cells[at].base, hop)
		}
	}
	for _, text := range s.Dests {
		if hop, err := netip.ParseAddr(text); err == nil {
			d.dests[hop] = true
		}
	}
}

func sorted(hops set) []netip.Addr { return slices.SortedFunc(maps.Keys(hops), netip.Addr.Compare) }
