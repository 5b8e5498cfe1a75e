//go:build kernel && linux

package stack

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

func TestFlowsDoNotAddUp(t *testing.T) {
	oncePerKernel(t)
	// Pairs of ports, so 317² = 100,489 flows; fewer where a packet takes long.
	ports := 317
	if testnet.InVM() {
		ports = 101
	}
	n, e := shared(t)
	setWatches(t, e, Watch{Name: "half", Ports: PortRange{20_000, 20_000 + uint16(ports)/2}})
	t.Cleanup(func() { setWatches(t, e) })
	out := openRaw(t, n.Left, unix.SOCK_RAW, unix.IPPROTO_RAW, netip.AddrPortFrom(n.Right.V4, 0))
	in := openRaw(t, n.Right, unix.SOCK_RAW, unix.IPPROTO_RAW, netip.AddrPortFrom(n.Left.V4, 0))
	drive := func(flows func(yield func(from, to uint16) bool)) {
		for from, to := range flows {
			out.send(t, datagram(n.Left.V4, n.Right.V4, from, to))
			in.send(t, datagram(n.Right.V4, n.Left.V4, from, to))
		}
	}
	// The first flows of either kind bring the entries into being; ports that nobody
	// listens at bring answers of ICMP.
	drive(grid(20_000+ports/2, 2, ports))
	before := e.size(t)
	got := e.count(t, func() { drive(grid(20_000, ports, ports)) })
	flows := uint64(ports * ports)
	for at, direction := range map[Layer]Direction{Link: Receive, Network: Receive, Driver: Transmit, Qdisc: Transmit} {
		if udp := got.kind(at, direction, UDP4); udp != flows {
			t.Errorf("%v: %d datagrams, want one for each of %d flows", at, udp, flows)
		}
	}
	if watched, _ := got.parts(Link, Receive, "half"); watched < flows/3 {
		t.Errorf("%d watched packets of %d flows", watched, flows)
	}
	after := e.size(t)
	if after != before {
		t.Errorf("%d flows took the snapshot from %+v to %+v", flows, before, after)
	}
	got.wantBalance(t)
	got.wantTimed(t)
}

// size is how much there is to expose: what becomes series, and what is kept.
type size struct{ traffic, crossings, unmatched, stages, reads, devices, entries int }

func (l *lab) size(t *testing.T) size {
	t.Helper()
	s, err := l.Snapshot()
	must(t, err)
	sum := size{
		len(s.Traffic), len(s.Crossings), len(s.Unmatched), len(s.Stages), len(s.ReadWaits),
		len(s.QdiscWaits) + len(s.DriverXmits), 0,
	}
	for name, fill := range l.self(t).Maps {
		if name != "ready_by_address" { // by socket, and bounded
			sum.entries += fill.Entries
		}
	}
	return sum
}

// kind sums the packets of one kind at a station.
func (t tally) kind(layer Layer, direction Direction, k Kind) (sum uint64) {
	for at, v := range t.traffic {
		if at.Layer == layer && at.Direction == direction && at.Kind == k {
			sum += v.Packets
		}
	}
	return sum
}

// grid yields all pairs of ports from first, and from 30,000.
func grid(first, sources, destinations int) func(yield func(from, to uint16) bool) {
	return func(yield func(from, to uint16) bool) {
		for i := range sources {
			for j := range destinations {
				if !yield(uint16(first+i), uint16(30_000+j)) {
					return
				}
			}
		}
	}
}

// datagram returns an empty one with its headers; the kernel completes the IPv4 header
// (raw(7)), and UDP needs no checksum.
func datagram(from, to netip.Addr, source, destination uint16) []byte {
	p := make([]byte, ipv4Header+udpHeader)
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP
	copy(p[12:], from.AsSlice())
	copy(p[16:], to.AsSlice())
	binary.BigEndian.PutUint16(p[20:], source)
	binary.BigEndian.PutUint16(p[22:], destination)
	binary.BigEndian.PutUint16(p[24:], udpHeader)
	return p
}
