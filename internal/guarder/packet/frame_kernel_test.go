//go:build kernel

package packet

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/testnet"
)

func leftToRight(t *testing.T, n *testnet.Net, family testnet.Family) Frame {
	to := netip.AddrPortFrom(n.Right.Addr(family), 9)
	known := n.Left.FrameTo(t, n.Right, to)
	return Frame{
		SourceMAC: [6]byte(known.SourceMAC), DestinationMAC: [6]byte(known.DestinationMAC),
		Source: n.Left.Addr(family), Destination: to.Addr(), SourcePort: 40_000, DestinationPort: to.Port(), ID: 77,
	}
}

// answered sends frames and waits for a right answer.
func answered(t *testing.T, wire *testnet.Wire, frames [][]byte, right func(p *Packet) bool) {
	t.Helper()
	for _, b := range frames {
		if err := wire.Send(b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := wire.Receive(func(b []byte) bool {
		p := Parse(b)
		return p.Reason == OK && right(&p)
	}); err != nil {
		t.Errorf("no right answer: %v; sent %x", err, frames)
	}
}

// The kernel in another namespace answers what Frame builds, and Parse reads the
// answer.
func TestKernelAnswersFrames(t *testing.T) {
	n := testnet.New(t)
	wire := n.Left.Wire(t)
	frame := func(family testnet.Family, protocol uint8, change func(f *Frame)) Frame {
		f := leftToRight(t, n, family)
		f.Protocol = protocol
		change(&f)
		return f
	}
	extensions := []Extension{
		{Header: HopByHop}, {Header: Destination, Size: 24}, {Header: FragmentHeader}, {Header: Destination, Size: 200},
		{Header: Destination}, {Header: Destination, Size: 16},
	}
	long := bytes.Repeat(text, 20)
	for _, c := range []struct {
		name  string
		frame Frame
		size  int // of fragments, 0 for a whole packet
		// right tells whether an answer is.
		right func(p *Packet) bool
	}{
		{"echo with options", frame(testnet.IPv4, ICMPv4, func(f *Frame) {
			f.ICMP, f.Payload, f.Options = &Message{Type: 8}, text, []byte{7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0}
		}), 0, func(p *Packet) bool {
			return p.ICMP != nil && p.ICMP.Type == 0 && p.Options == RecordRoute && bytes.Equal(p.Payload, text)
		}},
		{"echo in fragments", frame(testnet.IPv4, ICMPv4, func(f *Frame) { f.ICMP, f.Payload = &Message{Type: 8}, long }), 96, func(p *Packet) bool {
			return p.ICMP != nil && p.ICMP.Type == 0 && int(p.Length) == ipv4Header+icmpHeader+len(long) && bytes.HasPrefix(long, p.Payload)
		}},
		{"echo6 behind extension headers", frame(testnet.IPv6, ICMPv6, func(f *Frame) {
			f.ICMP, f.Payload, f.Extensions = &Message{Type: 128}, text, extensions
		}), 0, func(p *Packet) bool { return p.ICMP != nil && p.ICMP.Type == 129 && bytes.Equal(p.Payload, text) }},
		{"echo6 in fragments", frame(testnet.IPv6, ICMPv6, func(f *Frame) {
			f.ICMP, f.Payload, f.Extensions = &Message{Type: 128}, long, []Extension{{Header: HopByHop}, {Header: FragmentHeader}}
		}), 160, func(p *Packet) bool { return p.ICMP != nil && p.ICMP.Type == 129 && bytes.HasPrefix(long, p.Payload) }},
		{"syn to a closed port", frame(testnet.IPv4, TCP, func(f *Frame) { f.Flags, f.MSS, f.Sequence = 2, 1460, 6 }), 0, func(p *Packet) bool {
			return p.Protocol == TCP && p.Flags == 0x14 && p.SourcePort == 9 && p.DestinationPort == 40_000
		}},
		{"syn6 to a closed port", frame(testnet.IPv6, TCP, func(f *Frame) { f.Flags, f.TCPOptions = 2, []byte{4, 2} }), 0, func(p *Packet) bool {
			return p.Protocol == TCP && p.Flags == 0x14 && p.SourcePort == 9 && p.DestinationPort == 40_000
		}},
		{"udp to a closed port", frame(testnet.IPv4, UDP, func(f *Frame) { f.Payload, f.DontFragment = text, true }), 0, func(p *Packet) bool {
			want := Quoted{
				Family: 4, Source: n.Left.Addr(testnet.IPv4), Destination: n.Right.Addr(testnet.IPv4), Protocol: UDP,
				Length: uint32(ipv4Header + udpHeader + len(text)), DontFragment: true, HasPorts: true, SourcePort: 40_000, DestinationPort: 9,
			}
			return p.ICMP != nil && p.ICMP.Type == 3 && p.ICMP.Code == 3 && p.ICMP.Quoted != nil && *p.ICMP.Quoted == want
		}},
		{"udp6 to a closed port behind extension headers", frame(testnet.IPv6, UDP, func(f *Frame) { f.Payload, f.Extensions = text, extensions }), 0, func(p *Packet) bool {
			q := &Quoted{}
			if p.ICMP != nil && p.ICMP.Quoted != nil {
				q = p.ICMP.Quoted
			}
			return p.ICMP != nil && p.ICMP.Type == 1 && p.ICMP.Code == 4 && q.Protocol == UDP && q.HasPorts && q.DestinationPort == 9
		}},
		{"neighbour solicitation", frame(testnet.IPv6, ICMPv6, func(f *Frame) {
			f.TTL, f.ICMP = 255, &Message{Type: 135, Target: f.Destination}
		}), 0, func(p *Packet) bool {
			return p.ICMP != nil && p.ICMP.Type == 136 && p.ICMP.Target == n.Right.Addr(testnet.IPv6) && p.TTL == 255
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			frames := [][]byte{c.frame.Bytes()}
			if c.size != 0 {
				frames = c.frame.Fragments(c.size)
			}
			answered(t, wire, frames, func(p *Packet) bool { return p.DestinationMAC == c.frame.SourceMAC && c.right(p) })
		})
	}
}

func TestKernelAnswersARP(t *testing.T) {
	n := testnet.New(t)
	wire := n.Left.Wire(t)
	n.Right.Do(t, func() { // the devices of testnet keep silent; and forget their neighbours now
		device, err := netlink.LinkByName(n.Right.Device)
		if err == nil {
			err = netlink.LinkSetARPOn(device)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	f := leftToRight(t, n, testnet.IPv4)
	f.ARP = &ARP{Operation: 1, SenderMAC: f.SourceMAC, SenderIP: f.Source, TargetIP: f.Destination}
	answered(t, wire, [][]byte{f.Bytes()}, func(p *Packet) bool {
		return p.ARP != nil && *p.ARP == ARP{Operation: 2, SenderMAC: f.DestinationMAC, SenderIP: f.Destination, TargetMAC: f.SourceMAC, TargetIP: f.Source}
	})
}
