package main

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/tracer"
)

// mostWhyPackets is how many packets are looked at, which bounds memory.
const mostWhyPackets = 20_000

// whyEvidence is all that was seen of a connection.
type whyEvidence struct {
	target whyTarget
	// socket is nil if nothing was connected at the beginning.
	socket *sockets.Socket
	owner  owner.Owner
	// later is the socket at the end; nil if it is gone.
	later *sockets.Socket
	// before and after are nil if they could not be read.
	before, after *sockets.TCPInfo
	out, in       whyDirection
	took          time.Duration
	counts        tracer.Counts
}

// A whyDirection is the packets that one side sent.
type whyDirection struct {
	packets int
	// syns begin a connection, and resets refuse or end it.
	syns, resets int
	// retransmits are those that TCP says it sends once more.
	retransmits int
	drops       []whyDrop
	steps       map[whyStep][]time.Duration
	// numbers are of packets that have been counted, as one may be told of again.
	numbers map[int]bool
}

// A whyDrop is packets that were dropped alike.
type whyDrop struct {
	packets                 int
	reason, function, place string
	device                  string
	answer                  string
}

// harmless tells whether nobody misses the packets. Somebody misses who listens on a port.
func (d whyDrop) harmless() bool {
	return stack.SeverityOf(d.reason) == stack.Benign && d.reason != "NO_SOCKET"
}

type whyStep struct {
	in       string
	from, to tracer.Hook
	device   string
	waits    bool
}

// add counts packets.
func (e *whyEvidence) add(packets []*tracer.Packet) {
	for _, p := range packets {
		from, to, tcp := endsOf(p.Events[0].Frame)
		switch {
		case e.outgoing(from, to):
			e.out.add(p, tcp)
		case e.outgoing(to, from):
			e.in.add(p, tcp)
		}
	}
}

// outgoing tells whether a packet goes the way that the target names.
func (e *whyEvidence) outgoing(from, to netip.AddrPort) bool {
	if e.socket != nil {
		return to == unmapped(e.socket.Peer) && from.Port() == e.socket.Local.Port()
	}
	return slices.Contains(e.target.addresses, to)
}

func (d *whyDirection) add(p *tracer.Packet, tcp *layers.TCP) {
	if d.numbers == nil {
		d.numbers, d.steps = make(map[int]bool), make(map[whyStep][]time.Duration)
	}
	if !d.numbers[p.Number] {
		d.numbers[p.Number] = true
		d.packets++
		if tcp != nil && tcp.SYN && !tcp.ACK {
			d.syns++
		}
		if tcp != nil && tcp.RST {
			d.resets++
		}
	}
	if slices.ContainsFunc(p.Events, func(e tracer.Event) bool { return e.Hook == "tcp_retransmit_skb" }) {
		d.retransmits++
	}
	if fate, e := p.Fate(); fate == tracer.Dropped && e.Reason != "QUEUE_PURGE" {
		d.drop(p, e)
	}
	for _, s := range p.Steps() {
		key := whyStep{in: s.In, from: s.From.Hook, to: s.To.Hook, device: cmp.Or(s.From.Device, s.To.Device), waits: s.Waits()}
		if len(d.steps[key]) < mostTimes {
			d.steps[key] = append(d.steps[key], s.Took)
		}
	}
}

func (d *whyDirection) drop(p *tracer.Packet, e tracer.Event) {
	drop := whyDrop{packets: 1, reason: e.Reason, function: e.Function(), device: e.Device}
	for _, v := range p.Verdicts() {
		if v.Verdict != "passed" {
			drop.place, drop.answer = v.Place, v.Answer
			drop.function = cmp.Or(v.By, drop.function)
		}
	}
	for i, known := range d.drops {
		known.packets = 1
		if known == drop {
			d.drops[i].packets++
			return
		}
	}
	d.drops = append(d.drops, drop)
}

// missed is how many packets were dropped that somebody waits for.
func (d *whyDirection) missed() (n int) {
	for _, drop := range d.drops {
		if !drop.harmless() {
			n += drop.packets
		}
	}
	return n
}

// slowest returns the step with the longest median.
func (d *whyDirection) slowest() (step whyStep, median time.Duration, times int) {
	for s, all := range d.steps {
		slices.Sort(all)
		m := all[len(all)/2]
		if m > median || m == median && (s.from < step.from || s.from == step.from && s.to < step.to) {
			step, median, times = s, m, len(all)
		}
	}
	return step, median, times
}

// endsOf returns the ends of a packet, zero if it has none; tcp is nil of others.
func endsOf(frame []byte) (from, to netip.AddrPort, tcp *layers.TCP) {
	var source, destination netip.Addr
	for _, l := range gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true, Lazy: true}).Layers() {
		switch h := l.(type) {
		case *layers.IPv4:
			source, _ = netip.AddrFromSlice(h.SrcIP.To4())
			destination, _ = netip.AddrFromSlice(h.DstIP.To4())
		case *layers.IPv6:
			source, _ = netip.AddrFromSlice(h.SrcIP)
			destination, _ = netip.AddrFromSlice(h.DstIP)
		case *layers.TCP:
			return netip.AddrPortFrom(source, uint16(h.SrcPort)), netip.AddrPortFrom(destination, uint16(h.DstPort)), h
		case *layers.UDP:
			return netip.AddrPortFrom(source, uint16(h.SrcPort)), netip.AddrPortFrom(destination, uint16(h.DstPort)), nil
		}
	}
	return from, to, nil
}
