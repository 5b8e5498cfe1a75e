package locator

import (
	"errors"
	"syscall"
	"time"

	"github.com/packetscope/packetscope/internal/locator/mtu"
	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/locator/plan"
	"github.com/packetscope/packetscope/internal/wire"
)

// sizes is the search for the path MTU.
type sizes struct {
	running *mtu.Prober
	ask     mtu.Ask
	// last is what the last search found.
	last mtu.Result
	next time.Time
}

// sizeEvery is how often a path MTU is looked for, beside after each change.
const sizeEvery = time.Hour

// size looks for the path MTU. A SYN has no data that could fill a packet, so there is
// none of a destination of TCP.
func (e *Engine) size(d *destination, now time.Time) {
	s := &d.sizes
	if d.Protocol == wire.TCP || s.running != nil || now.Before(s.next) || d.end.Sent == 0 || e.plan.Discovering(d.key) {
		return
	}
	_, device, err := e.parts.Network.Source(d.addr)
	if err != nil || device <= 0 {
		return
	}
	s.next = now.Add(sizeEvery + splay(d.key, sizeEvery/2))
	s.running = mtu.New(mtu.Config{Destination: d.addr, First: device, Length: e.plan.Length(d.key)})
	e.askSize(d)
}

// askSize asks for the next packet of the search, or ends it.
func (e *Engine) askSize(d *destination) {
	s := &d.sizes
	if ask, ok := s.running.Next(); ok {
		s.ask = ask
		d.ask(ask.TTL, sizedFlow)
		return
	}
	if s.running.Done() {
		if r := s.running.Result(); r.MTU > 0 || s.last.MTU == 0 {
			s.last = r
		}
		s.running = nil
	}
}

// sized takes what became of a packet of the search.
func (e *Engine) sized(d *destination, a network.Answer, reached bool) {
	s := &d.sizes
	if s.running == nil {
		return
	}
	o := mtu.Outcome{Kind: mtu.Lost}
	if errors.Is(a.Err, syscall.EMSGSIZE) {
		o.Kind = mtu.TooBig // says this host itself
	}
	if a.Reply != nil {
		o.From = a.Reply.From
		switch {
		case reached:
			o.Kind = mtu.Reached
		case a.Reply.Kind == wire.PacketTooBig:
			o.Kind, o.MTU = mtu.TooBig, a.Reply.MTU
		case a.Reply.Kind == wire.TimeExceeded:
			o.Kind = mtu.Hop
		}
	}
	s.running.Seen(s.ask, o)
	e.askSize(d)
	e.askWaiting(d, time.Now())
}

// known returns the path MTU, the TTL of the router behind which larger packets do not get
// on, and whether nobody says so. An MTU up to a router on the way to a destination that
// answers nothing is none of the path.
func (s *sizes) known() (size, link int, blackHole bool) {
	if s.last.To != plan.End {
		return 0, 0, false
	}
	return s.last.MTU, int(s.last.Link), s.last.BlackHole
}
