package change

import (
	"net/netip"
	"slices"
	"time"
)

// enough is how many answers in a row make a candidate, or a member of a baseline.
const enough = 3

// history is how many answers are looked at to see responders take turns.
const history = 20

// cell is who answers one flow at one TTL.
type cell struct {
	// base are those that may; mostly one.
	base   []netip.Addr
	counts map[netip.Addr]int // as long as base is empty
	recent []netip.Addr
	// candidate answered the newest run of probes, and is not in base.
	candidate netip.Addr
	run       int
	// seen is when the newest probe was sent that one of base answered.
	seen time.Time
	// noted is when the newest probe was sent that anybody answered.
	noted time.Time
}

// most is how many responders are kept per TTL. Whoever answers each probe from another
// address, as only somebody who means harm does, takes no more room.
const most = 64

// join makes a responder one of the baseline, if there is room.
func (c *cell) join(hop netip.Addr) {
	if len(c.base) < most {
		c.base = append(c.base, hop)
	}
}

// note takes an answer. It reports whether it contradicts the baseline.
func (c *cell) note(hop netip.Addr, sent time.Time) bool {
	c.noted = sent
	c.recent = append(c.recent, hop)
	if len(c.recent) > history {
		c.recent = c.recent[1:]
	}
	switch {
	case len(c.base) == 0:
		c.seen = sent
		if c.counts == nil {
			c.counts = make(map[netip.Addr]int)
		}
		if _, counted := c.counts[hop]; counted || len(c.counts) < most {
			c.counts[hop]++
		}
		return false
	case slices.Contains(c.base, hop):
		c.candidate, c.run, c.seen = netip.Addr{}, 0, sent
		return false
	}
	c.strange(hop)
	return true
}

// strange counts an answer of somebody who is not in the baseline.
func (c *cell) strange(hop netip.Addr) {
	if hop == c.candidate {
		c.run++
	} else {
		c.candidate, c.run = hop, 1
	}
}

// settle makes those the baseline that answered least times or more, and reports
// whether there are any.
func (c *cell) settle(least int) bool {
	for hop, n := range c.counts {
		if n >= least {
			c.base = append(c.base, hop)
		}
	}
	if len(c.base) == 0 {
		return false
	}
	slices.SortFunc(c.base, netip.Addr.Compare)
	c.counts = nil
	return true
}

// rebase makes a responder the only one, or forgets all if it is invalid.
func (c *cell) rebase(hop netip.Addr, seen time.Time) {
	*c = cell{seen: seen}
	if hop.IsValid() {
		c.base = []netip.Addr{hop}
	}
}

// alternates reports whether the candidate and others take turns for one flow: it has
// answered 30 % of the newest probes, and four times somebody else was followed by it or
// the other way round. A path that moved, and a path that moved back, do that once or twice.
func (c *cell) alternates() bool {
	count, switches := 0, 0
	for i, hop := range c.recent {
		if hop == c.candidate {
			count++
		}
		if i > 0 && (hop == c.candidate) != (c.recent[i-1] == c.candidate) {
			switches++
		}
	}
	return count*10 >= history*3 && switches >= 4
}

// first returns the responder to show, invalid if none is known.
func (c *cell) first() netip.Addr {
	if c == nil || len(c.base) == 0 {
		return netip.Addr{}
	}
	return c.base[0]
}
