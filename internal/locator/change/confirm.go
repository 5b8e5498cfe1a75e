package change

import (
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/locator/mda"
)

// confirm finds out, with fresh flows, whether those known at a TTL still answer.
type confirm struct {
	flow    int // that raised it
	since   time.Time
	answers set
	// asked, got and silent count the probes.
	asked, got, silent int
	// retry is when to go on after too much silence.
	retry time.Time
}

// widest is how many new hops can be those of a path that moved, as many as an
// enumeration looks for. More are not told from noise, and would ask for ever more probes.
const widest = 16

// quiet is for how long nothing is asked at a TTL with such noise.
const quiet = 30 * time.Minute

// step goes on with the question of a TTL. It returns the probes that are wanted.
func (d *Detector) step(ttl uint8, now time.Time) []Ask {
	c := d.confirms[ttl]
	at := flowTTL{c.flow, ttl}
	trigger := d.cells[at]
	if trigger == nil || trigger.run == 0 || d.known[ttl][trigger.candidate] {
		delete(d.confirms, ttl) // the baseline is back, or somebody else found out
		return nil
	}
	if now.Before(c.retry) {
		return nil
	}
	for hop := range c.answers {
		if d.known[ttl][hop] {
			d.widen(ttl, c, now)
			return nil
		}
	}
	if len(c.answers) > widest {
		d.noise[ttl] = now.Add(quiet)
		d.widen(ttl, c, now)
		return nil
	}
	// So many rule out that a known one is among the next hops, of which there would
	// be one more than those that answered.
	need := mda.Probes(max(1, len(c.answers))+1, d.config.Error)
	if c.got >= need {
		d.moved(ttl, c, now)
		return nil
	}
	if c.silent > 2*need {
		// No information. The router is asked again later, if it still matters.
		*c = confirm{flow: c.flow, since: c.since, answers: make(set), retry: now.Add(5 * time.Minute)}
		return nil
	}
	var asks []Ask
	for range need - c.got - (c.asked - c.got - c.silent) {
		asks = append(asks, Ask{ttl, d.config.FirstFlow + d.fresh})
		d.fresh = (d.fresh + 1) % d.config.Flows
		c.asked++
	}
	return asks
}

// Seen takes who answered a probe that Tick asked for; invalid is nobody.
func (d *Detector) Seen(a Ask, hop netip.Addr) {
	c := d.confirms[a.TTL]
	if c == nil || c.asked == c.got+c.silent {
		return
	}
	if !hop.IsValid() {
		c.silent++
		return
	}
	c.got++
	c.answers[hop] = true
}

// widen takes the new ones as further branches.
func (d *Detector) widen(ttl uint8, c *confirm, now time.Time) {
	delete(d.confirms, ttl)
	for hop := range c.answers {
		d.know(ttl, hop)
	}
	trigger := d.cells[flowTTL{c.flow, ttl}]
	d.know(ttl, trigger.candidate)
	trigger.rebase(trigger.candidate, now)
	delete(d.rtts, c.flow)
	d.events = append(d.events, Event{At: now, Since: c.since, Levels: Width, Flow: c.flow, First: ttl, Last: ttl})
}
