package path

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A Class says why probes of a TTL get lost.
type Class uint8

// The classes. Real comes before Limited: what is lost on the way is the worse news.
const (
	// Unknown: nobody further on answers, so nothing can be told. Also that of the
	// farthest TTL that answers, if the destination never does.
	Unknown Class = iota
	// None: at most what may be chance.
	None
	// Real: the path loses packets up to here, or their answers.
	Real
	// Limited: the router answers only some probes, which it forwards.
	Limited
	// Unresponsive: it never answered, but others further on do.
	Unresponsive
)

// String returns the class as labels have it.
func (c Class) String() string {
	switch c {
	case None:
		return "none"
	case Real:
		return "real"
	case Limited:
		return "icmp_limited"
	case Unresponsive:
		return "unresponsive"
	}
	return "unknown"
}

// RealLoss is the loss that a path must exceed, by the lower limit, to count as lossy.
const RealLoss = 0.005

// Loss is what got lost of the probes of one TTL.
type Loss struct {
	TTL uint8
	// Sent and Answered are of the probes in the window that count.
	Sent, Answered int
	// Apparent is the part that was not answered, Path the most that the path itself
	// can have lost of it, both within 95 %. Where one flow has the same loss on the whole path, Path tends to
	// be low by chance, as it is the least of several; at the destination it is not.
	Apparent, Path Ratio
	// Excess is the part of Apparent that is the router's own doing.
	Excess float64
	Class  Class
	// Limited is set if the router certainly leaves out answers, even if the class is
	// Real.
	Limited bool
	// Destination is set for the TTL from which the destination answers. Only its
	// loss may raise an alarm.
	Destination bool
}

// cell counts the probes of one flow and TTL.
type cell struct{ sent, lost int }

func (c cell) plus(d cell) cell       { return cell{c.sent + d.sent, c.lost + d.lost} }
func (c cell) wilson(z float64) Ratio { return Wilson(c.lost, c.sent, z) }
func (o *outcome) cell() cell {
	if o.hop == unanswered {
		return cell{1, 1}
	}
	return cell{1, 0}
}

// cells are the probes of one flow by TTL; [0] is of all that should have reached the
// destination.
type cells [MaxTTL + 1]cell

// Loss returns the loss of the TTLs 1 to the destination or, as long as that has not
// answered, to the farthest that did, among the probes in the window that were sent at
// since or later. 50 to 200 probes per TTL tell something.
func (p *Path) Loss(since time.Time) []Loss {
	end := cmp.Or(p.Length(), p.Farthest())
	flows := p.cells(since)
	all := make([]Loss, end)
	sums := make([]struct{ own, path cell }, end)
	for _, flow := range slices.Sorted(maps.Keys(flows)) {
		length := p.LengthOf(int(flow))
		chosen, limited := envelope(flows[flow], length, end)
		for i := range all {
			sums[i].own = sums[i].own.plus(flows[flow][i+1])
			sums[i].path = sums[i].path.plus(chosen[i])
			all[i].Limited = all[i].Limited || limited[i]
		}
	}
	answers := p.everAnswered()
	for i := range all {
		l := &all[i]
		own, path := sums[i].own, sums[i].path
		l.TTL, l.Sent, l.Answered = uint8(i+1), own.sent, own.sent-own.lost
		l.Apparent, l.Path = own.wilson(Z95), path.wilson(Z95)
		l.Destination = l.TTL == p.Length()
		if own.sent > 0 && !l.Destination {
			// The probes that bound it best may be those of further on, of which there are
			// more: what they say is no proof against a TTL that answered all. Those of the
			// destination went as far as its own, which are some of them.
			l.Path = least(l.Path, l.Apparent)
		}
		l.Excess = max(0, l.Apparent.Value-l.Path.Value)
		l.Class = l.class(answers)
	}
	return all
}

// least returns the smaller of two probabilities, limit by limit: of two upper bounds both
// hold.
func least(a, b Ratio) Ratio {
	return Ratio{min(a.Value, b.Value), min(a.Low, b.Low), min(a.High, b.High)}
}

// EndLoss returns the loss of all probes that should have reached the destination: its
// own series and those with a TTL from its distance on. Apparent and Path are the same,
// and TTL is 0. The class is Unknown if it never answered, else Real or None.
func (p *Path) EndLoss(since time.Time) Loss {
	var sum cell
	for _, c := range p.cells(since) {
		sum = sum.plus(c[0])
	}
	l := Loss{Sent: sum.sent, Answered: sum.sent - sum.lost, Apparent: sum.wilson(Z95), Destination: true}
	l.Path = l.Apparent
	// What routers answer says nothing about the end.
	l.Class = l.class([MaxTTL + 1]bool{p.everAnswered()[0]})
	return l
}

// cells sorts the probes in the windows by flow and TTL.
func (p *Path) cells(since time.Time) map[int32]*cells {
	flows := make(map[int32]*cells)
	for n, t := range p.ttls {
		if t == nil {
			continue
		}
		t.window.each(since, func(o *outcome) {
			if o.extra {
				return
			}
			c := flows[o.flow]
			if c == nil {
				c = new(cells)
				flows[o.flow] = c
			}
			if length := p.LengthOf(int(o.flow)); n > 0 {
				c[n] = c[n].plus(o.cell())
				if length > 0 && n >= int(length) {
					c[0] = c[0].plus(o.cell())
				}
			} else {
				c[0] = c[0].plus(o.cell())
			}
		})
	}
	return flows
}

// envelope returns, for each of the TTLs 1 to end, the probes of the TTL from there on
// that bound its loss best: those with the least upper limit, not with the least loss,
// as of two probes none is lost easily. Limited is set where the loss is certainly
// greater than somewhere further on.
func envelope(c *cells, length, end uint8) (chosen []cell, limited []bool) {
	chosen, limited = make([]cell, end), make([]bool, end)
	// Those that reach the destination are one series, at whatever TTL.
	best, high, highest := c[0], c[0].wilson(Z95).High, c[0].wilson(Z99).High
	for n := int(end); n > 0; n-- {
		own := c[n]
		limited[n-1] = own.sent > 0 && own.wilson(Z99).Low > highest
		if reaches := length > 0 && n >= int(length); !reaches && own.sent > 0 {
			if h := own.wilson(Z95).High; h <= high {
				best, high = own, h
			}
			highest = min(highest, own.wilson(Z99).High)
		}
		chosen[n-1] = best
	}
	return chosen, limited
}

// everAnswered returns which TTLs ever had an answer; [0] is whether the destination
// had.
func (p *Path) everAnswered() (answered [MaxTTL + 1]bool) {
	for n, t := range p.ttls {
		answered[n] = t != nil && t.replies > 0
	}
	answered[0] = answered[0] || p.Length() > 0
	return answered
}

// class names the loss.
func (l *Loss) class(answered [MaxTTL + 1]bool) Class {
	later := answered[0] || slices.Contains(answered[l.TTL+1:], true)
	switch {
	case l.Sent == 0 || !later:
		return Unknown
	case !answered[l.TTL]:
		return Unresponsive
	case l.Path.Low > RealLoss:
		return Real
	case l.Limited:
		return Limited
	}
	return None
}

// PathRTT returns, by TTL less one, the least time in which a packet can go there and
// back: the least of all TTLs from there on. It never falls along the path, so that
// neighbours' differences are the times of the links. Routers take their time to send errors; who
// is further on and quicker proves it. It is 0 where no answer was sent for at since
// or later, nor further on.
func (p *Path) PathRTT(since time.Time) []time.Duration {
	end := cmp.Or(p.Length(), p.Farthest())
	least := make([]time.Duration, end)
	var best time.Duration
	for n := MaxTTL; n >= 0; n-- {
		// The destination's own series is [0], further than all.
		place := (n + 1) % (MaxTTL + 1)
		if t := p.ttls[place]; t != nil {
			t.window.each(since, func(o *outcome) {
				if o.hop != unanswered && (best == 0 || o.rtt < best) {
					best = o.rtt
				}
			})
		}
		if place > 0 && place <= int(end) {
			least[place-1] = best
		}
	}
	return least
}
