package box

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// Stats count what a receiver got beside the answers.
type Stats struct {
	// Late came after the timeout, Duplicates after an answer to the same probe, and
	// Unmatched look like answers to probes that were never sent, or long ago.
	Late, Duplicates, Unmatched int
	// Refused are packets that no answer is read from, or of ports that no probe had.
	Refused int
}

// A Network asks a Box without sockets: it builds probes and reads answers with package
// wire. Its clock is package time's.
type Network struct {
	box     *Box
	timeout time.Duration
	run     Run
	answers chan Answer
	done    chan struct{}

	mu      sync.Mutex
	id      uint16
	ports   map[uint16]bool // that probes were sent from
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

// NewNetwork returns a network behind which a scenario begins now. The caller must call
// Close.
func NewNetwork(s *Scenario, r Run) *Network {
	return &Network{
		box: New(s, time.Now()), timeout: s.Timeout, run: r,
		answers: make(chan Answer, maxProbes), done: make(chan struct{}),
		ports: make(map[uint16]bool), pending: make(map[wire.Key]*pending),
	}
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

// Send sends a probe. The source is the host's if there is none.
func (n *Network) Send(p Probe) error {
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
	n.ports[p.SourcePort] = true
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
	reply, err := read(b)
	n.mu.Lock()
	// The filters of sockets let no other ports in.
	if err != nil || !n.ports[reply.Quoted.SourcePort] {
		n.stats.Refused++
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

// read reads an answer as it comes from a raw socket: what the kernel throws away before
// is refused here.
func read(b []byte) (wire.Reply, error) {
	p := packet(b)
	switch {
	case len(p) >= headerV4 && p[0]>>4 == 4:
		if int(binary.BigEndian.Uint16(p[2:])) > len(p) || p[0]&0xf < 5 || sum(p[:headerV4]) != 0xffff {
			return wire.Reply{}, wire.ErrTruncated
		}
		return wire.ParseIPv4(p)
	case len(p) >= headerV6 && p[0]>>4 == 6:
		length := int(binary.BigEndian.Uint16(p[4:])) + headerV6
		if length > len(p) {
			return wire.Reply{}, wire.ErrTruncated
		}
		p = p[:length]
		if p.number() == numberTCP {
			return wire.ParseTCPv6(p.body(), address(p.source()), *p.ttl())
		}
		if p.number() != numberICMPv6 || p.transportSum() != 0xffff {
			return wire.Reply{}, wire.ErrChecksum
		}
		return wire.ParseICMPv6(p.body(), address(p.source()), *p.ttl())
	}
	return wire.Reply{}, wire.ErrTruncated
}
