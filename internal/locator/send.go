package locator

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/plan"
	"github.com/packetscope/packetscope/internal/wire"
)

// ErrNetworkClosed is returned by [Engine.Run] when the network takes no more probes.
var ErrNetworkClosed = errors.New("the network of probes is closed")

// sent is what a probe carries until its answer comes.
type sent struct {
	d     *destination
	probe plan.Probe
	// addr is that of the destination when it was sent.
	addr netip.Addr
}

// send sends what is due, and returns when more is.
func (e *Engine) send(now time.Time) time.Time {
	for {
		batch := e.plan.Next(now)
		e.share(batch.Shared)
		var failed []plan.Result
		for _, p := range batch.Probes {
			d := e.byKey[p.Target]
			if d == nil {
				failed = append(failed, plan.Result{Probe: p, Sent: now})
				continue
			}
			if err := e.parts.Network.Send(d.probe(e.parts.Network, p)); err != nil {
				d.sendErr = explainSend(err)
				failed = append(failed, plan.Result{Probe: p, Sent: now})
			}
		}
		for _, r := range failed {
			e.unsent(e.byKey[r.Target], r, now)
		}
		// A result can make more due at once.
		if len(failed) == 0 {
			return batch.Wake
		}
	}
}

// unsent takes a probe that could not be sent: that is as if nobody had answered.
func (e *Engine) unsent(d *destination, r plan.Result, now time.Time) {
	if r.Flow == sizedFlow && d != nil {
		e.share(e.plan.Result(r, now))
		e.sized(d, network.Answer{}, false)
		return
	}
	e.result(d, r, now)
}

// explainSend tells why a probe could not be sent, and what to do.
func explainSend(err error) string {
	switch {
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to it from this host"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return "this host does not let probes be sent, by its firewall or net.ipv4.ping_group_range: " + err.Error()
	}
	return err.Error()
}

// probe is the packet of a planned probe.
func (d *destination) probe(n Network, p plan.Probe) network.Probe {
	flow, size := p.Flow, 0
	if flow == sizedFlow {
		flow, size = d.flows[0], d.sizes.ask.Size
	}
	return network.Probe{
		Flow: n.Flow(d.Protocol, d.addr, d.Port, flow), TTL: p.TTL, Size: size, DontFragment: true,
		Tag: sent{d, p, d.addr},
	}
}

// answer takes what became of a probe.
func (e *Engine) answer(a network.Answer) {
	tag, ok := a.Tag.(sent)
	if !ok {
		return
	}
	d, now := tag.d, time.Now()
	if e.byKey[tag.probe.Target] != d {
		d = nil // it is gone, or has another address now
	}
	r := plan.Result{Probe: tag.probe, Sent: a.Sent}
	if d != nil {
		d.sendErr = ""
		if a.Err != nil {
			d.sendErr = explainSend(a.Err)
		}
	}
	if a.Reply != nil {
		e.facts.note(a)
		r.Hop, r.RTT, r.Final = a.Reply.From, a.RTT, reached(a.Reply, tag.addr)
	}
	if d != nil && tag.probe.Flow == sizedFlow {
		e.sized(d, a, r.Final)
		e.plan.Result(r, now)
		return
	}
	if a.Reply != nil && !r.Final && refuses(a.Reply) {
		e.refuse(d, a, r, now)
		return
	}
	if d != nil && r.Final && a.Reply != nil {
		if n := wire.ReverseHops(a.Reply.TTL); n > 0 {
			d.reverse = n
		}
	}
	e.result(d, r, now)
}

// reached reports whether a reply shows that its probe arrived. A host whose TTL ended
// at itself is there too.
func reached(r *wire.Reply, dest netip.Addr) bool {
	return r.Reached() || r.From == dest && r.Kind == wire.TimeExceeded
}

// refuses reports whether a router says that it does not forward.
func refuses(r *wire.Reply) bool {
	return r.Kind == wire.Unreachable || r.Kind == wire.ParameterProblem
}

// refuse takes the answer of a router that does not forward. The plan takes that for the
// end of the path, so that no probes are sent beyond.
func (e *Engine) refuse(d *destination, a network.Answer, r plan.Result, now time.Time) {
	ends := r
	ends.Final = true
	e.share(e.plan.Result(ends, now))
	if d == nil {
		return
	}
	d.blocked = blocked{by: a.Reply.From, reason: a.Reply.Reason(), at: a.Sent}
	if !d.next(r.TTL, r.Hop) {
		r.Hop, r.RTT = netip.Addr{}, 0
	}
	d.sample(r)
}

// next reports whether a router that does not forward is the one at a TTL: the one before
// is known, and is another one. Most tell it of a probe that would be theirs to forward,
// but some see that they have no route before they look at the TTL.
func (d *destination) next(ttl uint8, router netip.Addr) bool {
	for n := uint8(1); n < ttl; n++ {
		hops := d.path.Hops(n)
		if n == ttl-1 && len(hops) == 0 || slices.ContainsFunc(hops, func(h path.Hop) bool { return h.Addr == router }) {
			return false
		}
	}
	return true
}

// result gives a result to the plan and to the models.
func (e *Engine) result(d *destination, r plan.Result, now time.Time) {
	e.share(e.plan.Result(r, now))
	if d != nil {
		d.sample(r)
	}
}

// share gives results to the destinations that they count for.
func (e *Engine) share(shared []plan.Shared) {
	for _, s := range shared {
		if d := e.byKey[s.Target]; d != nil {
			d.sample(s.Result)
		}
	}
}
