package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/testnet"
)

// testnet's frames have been taken by the kernel.
func TestFrameIsThatOfTestnet(t *testing.T) {
	for _, f := range []Frame{
		with(base(v4A, v4B, TCP), func(f *Frame) {
			f.Flags, f.Sequence, f.Acknowledgement, f.Payload, f.DontFragment = 24, 7, 9, text, true
		}),
		with(base(v6A, v6B, TCP), func(f *Frame) { f.Flags, f.TTL = 2, 3 }),
		with(base(v4A, v4B, UDP), func(f *Frame) { f.Payload = text }),
		with(base(v6A, v6B, UDP), func(f *Frame) { f.Payload = text[:5] }),
	} {
		want := testnet.Frame{
			SourceMAC: f.SourceMAC[:], DestinationMAC: f.DestinationMAC[:],
			Source:      netip.AddrPortFrom(f.Source, f.SourcePort),
			Destination: netip.AddrPortFrom(f.Destination, f.DestinationPort),
			Protocol:    f.Protocol, Hops: f.ttl(), DontFragment: f.DontFragment,
			Flags: f.Flags, Sequence: f.Sequence, Acknowledgement: f.Acknowledgement, Payload: f.Payload,
		}
		if got := f.Bytes(); !bytes.Equal(got, want.Bytes()) {
			t.Errorf("got  %x\nwant %x", got, want.Bytes())
		}
	}
}

func TestFragmentsTogetherAreThePacket(t *testing.T) {
	for _, f := range []Frame{
		with(base(v4A, v4B, TCP), func(f *Frame) { f.Payload, f.Options = text, []byte{148, 4, 0, 0} }),
		with(base(v6A, v6B, UDP), func(f *Frame) { f.Payload = text }),
	} {
		var together []byte
		fragments := f.Fragments(16)
		for i, b := range fragments {
			p := Parse(b)
			header := ethernetHeader + ipv4Header + len(f.Options)
			if p.Family == 6 {
				header = ethernetHeader + ipv6Header + 8
			}
			want := LaterFragment
			switch i {
			case 0:
				want = FirstFragment
			case len(fragments) - 1:
				want |= LastFragment
			}
			if p.Fragment != want {
				t.Errorf("fragment %d is %b, want %b", i, p.Fragment, want)
			}
			together = append(together, b[header:]...)
		}
		if want := f.upper(); !bytes.Equal(together, want) || len(fragments) != (len(want)+15)/16 {
			t.Errorf("%d fragments carry %x, want %x", len(fragments), together, want)
		}
	}
}

// A header with its checksum sums up to nothing.
func TestICMPHasItsChecksum(t *testing.T) {
	for _, s := range specimens() {
		if s.frame.ICMP == nil {
			continue
		}
		b := s.frame.upper()
		if s.frame.Protocol == ICMPv6 {
			pseudo := append(s.frame.Source.AsSlice(), s.frame.Destination.AsSlice()...)
			pseudo = append(binary.BigEndian.AppendUint32(pseudo, uint32(len(b))), 0, 0, 0, ICMPv6)
			b = append(pseudo, b...)
		}
		if sum := checksum(b); sum != 0 {
			t.Errorf("%s: checksum is off by %#x", s.name, sum)
		}
	}
}
