package box

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// Stats count what a receiver got beside the answers.
type Stats struct {
	// Late came after the timeout, Duplicates after an answer to the same probe. Unmatched
	// passed the filters of the sockets and cannot be read, or answer no probe that was
	// sent, unless long ago.
	Late, Duplicates, Unmatched int
	// Unheard did not come so far; a real socket cannot count them.
	Unheard int
}

// A Network asks a Box without sockets: it builds probes and reads answers with package
// wire. Its clock is package time's.
type Network struct {
	box     *Box
	timeout time.Duration
	sockets sockets
	answers chan Answer
	done    chan struct{}

	mu      sync.Mutex
	id      uint16
	pending map[wire.Key]*pending
	stats   Stats
	closed  bool
	busy    sync.WaitGroup
}

type pending struct {
	answer   Answer
	probe    wire.Probe
	answered bool // in time, or late
	over     bool // nobody answered in time
}

// ports are those that probes are sent from.
var ports = wire.Ports{First: 40000, Last: 40127}

// NewNetwork returns a network behind which a scenario begins now. The caller must call
// Close. The error is that of the filters of package wire.
func NewNetwork(s *Scenario) (*Network, error) {
	sockets, err := openSockets(ports)
	if err != nil {
		return nil, err
	}
	return &Network{
		box: New(s, time.Now()), timeout: s.Timeout, sockets: sockets,
		answers: make(chan Answer, maxProbes), done: make(chan struct{}),
		pending: make(map[wire.Key]*pending),
	}, nil
}

// Flow returns the flow of a number, which is the same each time. Numbers that differ by
// a multiple of 128 share a port, and differ in IPv6 alone.
func (n *Network) Flow(p wire.Protocol, destination netip.Addr, port uint16, number int) wire.Flow {
	return flow(p, destination, port, number)
}

func flow(p wire.Protocol, destination netip.Addr, port uint16, number int) wire.Flow {
	f := wire.Flow{Protocol: p, Destination: destination, DestinationPort: port}
	if destination.Is6() {
		f.Label = 1 // 0 would be none
	}
	f = f.Vary(uint16(number))
	f.SourcePort = ports.First + uint16(number)%(ports.Last-ports.First+1)
	return f
}

// Source returns the address that probes have, and the MTU of the first link.
func (n *Network) Source(dest netip.Addr) (netip.Addr, int, error) {
	source := n.box.scenario.Address(Host, Run{V6: dest.Is6()})
	if !source.IsValid() {
		return source, 0, errors.New("the scenario's host has no address of this family")
	}
	return source, mtu, nil
}

// mtu is that of Ethernet.
const mtu = 1500

// Send sends a probe, which should be of a Flow. The source is the host's if there is none.
func (n *Network) Send(p Probe) error {
	if p.SourcePort < ports.First || p.SourcePort > ports.Last {
		return fmt.Errorf("probe from port %d: want %d to %d, as Flow gives", p.SourcePort, ports.First, ports.Last)
	}
	if !p.Source.IsValid() {
		source, _, err := n.Source(p.Destination)
		if err != nil {
			return err
		}
		p.Source = source
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errors.New("network is closed")
	}
	if n.id++; n.id == 0 {
		n.id++
	}
	w := wire.Probe{Flow: p.Flow, TTL: p.TTL, ID: n.id, Size: p.Size, TOS: p.TOS, DontFragment: p.DontFragment}
	b, err := w.Append(nil)
	if err != nil {
		return err
	}
	now := time.Now()
	key := w.Key()
	n.pending[key] = &pending{probe: w, answer: Answer{Probe: p, Sent: now}}
	for _, r := range n.box.Packet(now, b) {
		n.after(r.After, func() { n.receive(r.Packet) })
	}
	n.after(n.timeout, func() { n.expire(key) })
	// Late answers are known as such for as long again.
	n.after(2*n.timeout, func() { n.forget(key) })
	return nil
}

// after calls f in some time, unless the network is closed before.
func (n *Network) after(d time.Duration, f func()) {
	n.busy.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			f()
		case <-n.done:
		}
	})
}

// Answers gives one answer for each probe.
func (n *Network) Answers() <-chan Answer { return n.answers }

// Stats returns what was counted so far.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Close ends the network and closes Answers.
func (n *Network) Close() error {
	n.mu.Lock()
	was := n.closed
	n.closed = true
	n.mu.Unlock()
	if !was {
		close(n.done)
		n.busy.Wait()
		close(n.answers)
	}
	return nil
}

func (n *Network) expire(key wire.Key) {
	n.mu.Lock()
	p := n.pending[key]
	p.over = true
	missing := !p.answered
	n.mu.Unlock()
	if missing {
		n.deliver(p.answer)
	}
}

func (n *Network) forget(key wire.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.pending, key)
}

// deliver waits for somebody who takes the answer.
func (n *Network) deliver(a Answer) {
	select {
	case n.answers <- a:
	case <-n.done:
	}
}

// receive takes a packet from the wire.
func (n *Network) receive(b []byte) {
	n.mu.Lock()
	reply, err := n.sockets.read(b)
	if err != nil {
		if errors.Is(err, errUnheard) {
			n.stats.Unheard++
		} else {
			n.stats.Unmatched++
		}
		n.mu.Unlock()
		return
	}
	p := n.pending[reply.Key()]
	if a, ok := n.judge(p, &reply); ok {
		n.mu.Unlock()
		n.deliver(a)
		return
	}
	n.mu.Unlock()
}

// judge returns the answer, or counts why there is none.
func (n *Network) judge(p *pending, reply *wire.Reply) (Answer, bool) {
	switch {
	case p == nil:
		n.stats.Unmatched++
	case p.answered:
		n.stats.Duplicates++
	case p.over:
		p.answered = true
		n.stats.Late++
	default:
		p.answered = true
		a := p.answer
		a.Reply, a.RTT = reply, time.Since(a.Sent)
		a.Rewrites = p.probe.Rewritten(&reply.Quoted)
		return a, true
	}
	return Answer{}, false
}
