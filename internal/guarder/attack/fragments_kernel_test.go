//go:build kernel && linux

package attack

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// fragmented cuts what a function makes into fragments.
func fragmented(size int, make func(s *siege) packet.Frame) func(s *siege) [][]byte {
	return func(s *siege) [][]byte { return s.addressed(make(s)).Fragments(size) }
}

// part is one fragment from the peer, with so many bytes behind the headers of IP, or of UDP
// in the first.
func (s *siege) part(protocol uint8, offset, size int, more bool) []byte {
	f := s.toward(protocol, false)
	f.DestinationPort, f.Offset, f.MoreFragments, f.Payload = closedPort, offset, more, make([]byte, size)
	return s.addressed(f).Bytes()
}

// behind puts extension headers in front of a ping.
func behind(headers ...packet.Extension) func(s *siege, f *packet.Frame) {
	return func(_ *siege, f *packet.Frame) { f.Extensions = headers }
}

// solicitation asks the victim for its hardware address.
func solicitation(change func(s *siege, f *packet.Frame)) func(s *siege) [][]byte {
	return ping(true, func(s *siege, f *packet.Frame) {
		f.Source = s.router.V6
		f.TTL, f.Payload = 255, nil
		f.ICMP = &packet.Message{Type: 135, Target: s.victim.V6}
		if change != nil {
			change(s, f)
		}
	})
}

func isAdvertisement(p *packet.Packet) bool {
	return p.Family == 6 && p.ICMP != nil && p.ICMP.Type == 136
}

// isProblem is "parameter problem". One that quotes headers in a wrong order cannot be read
// itself.
func isProblem(p *packet.Packet) bool {
	return p.Family == 6 && p.Protocol == packet.ICMPv6 && (p.ICMP == nil || p.ICMP.Type == parameterProblem6)
}

// hideHeaders cuts a ping behind destination options of 64 bytes so that the first fragment
// ends within these.
func hideHeaders(s *siege, size int) (frames [][]byte) {
	const ethernet, header, nextHeader, destinationOptions, fragmentHeader = 14, 40, 6, 60, 44
	whole := ping(true, behind(packet.Extension{Header: packet.Destination, Size: 64}))(s)[0]
	head, rest := whole[:ethernet+header], whole[ethernet+header:]
	for offset := 0; offset < len(rest); offset += size {
		end := min(offset+size, len(rest))
		field := uint16(offset)
		if end < len(rest) {
			field |= 1
		}
		frame := append(bytes.Clone(head), destinationOptions, 0)
		frame = binary.BigEndian.AppendUint16(frame, field)
		frame = binary.BigEndian.AppendUint32(frame, uint32(s.port))
		frame = append(frame, rest[offset:end]...)
		frame[ethernet+nextHeader] = fragmentHeader
		binary.BigEndian.PutUint16(frame[ethernet+4:], uint16(len(frame)-ethernet-header))
		frames = append(frames, frame)
	}
	return frames
}

// cut are fragments and extension headers, honest ones and others.
var cut = []blow{
	{32, "SYN in fragments of 8 bytes", []string{unreadable, "sanity/bad-fragments", ""}, fragmented(8, func(s *siege) packet.Frame {
		f := s.toward(packet.TCP, false)
		f.Flags, f.DestinationPort, f.MSS = syn, s.open, 1460
		return f
	}), isWelcome, nil},
	{32, "first fragment without the flags of TCP", []string{unreadable, ""}, fragmented(16, func(s *siege) packet.Frame {
		f := s.toward(packet.TCP, false)
		f.Flags, f.DestinationPort, f.MSS = syn, s.open, 1460
		return f
	}), isWelcome, nil},
	{32, "ping of death", []string{"sanity/bad-fragments"}, func(s *siege) [][]byte {
		return [][]byte{s.part(packet.ICMPv4, 65_528, 100, false)}
	}, nil, nil},
	{32, "teardrop", []string{"", "sanity/overlapping-fragments"}, func(s *siege) [][]byte {
		return [][]byte{s.part(packet.UDP, 0, 40, true), s.part(packet.UDP, 24, 4, false)}
	}, nil, nil},
	{32, "fragments that overlap", []string{"", "sanity/overlapping-fragments"}, func(s *siege) [][]byte {
		return [][]byte{s.part(packet.UDP, 0, 40, true), s.part(packet.UDP, 40, 40, false)}
	}, nil, nil},
	{32, "ping in fragments", []string{"", "", ""}, fragmented(24, func(s *siege) packet.Frame { return s.ping(false, nil) }), isReply, nil},
	{32, "ping in fragments, IPv6", []string{"", "", ""}, fragmented(24, func(s *siege) packet.Frame { return s.ping(true, nil) }), isReply, nil},

	{33, "eight extension headers", []string{unreadable}, ping(true, behind(
		packet.Extension{Header: packet.Destination}, packet.Extension{Header: packet.Destination},
		packet.Extension{Header: packet.Destination}, packet.Extension{Header: packet.Destination},
		packet.Extension{Header: packet.Destination}, packet.Extension{Header: packet.Destination},
		packet.Extension{Header: packet.Destination}, packet.Extension{Header: packet.Destination},
	)), isReply, nil},
	{33, "hop-by-hop options that are not first", []string{unreadable}, ping(true, behind(
		packet.Extension{Header: packet.Destination}, packet.Extension{Header: packet.HopByHop},
	)), isProblem, nil},
	{33, "headers that end in the second fragment", []string{unreadable, "", "", ""}, func(s *siege) [][]byte {
		return hideHeaders(s, 32)
	}, isProblem, nil},
	{33, "neighbour discovery behind a fragment header", []string{"sanity/fragmented-nd"}, solicitation(behind(packet.Extension{Header: packet.FragmentHeader})), isAdvertisement, nil},
	{33, "neighbour discovery", []string{""}, solicitation(nil), isAdvertisement, nil},
	{33, "hop-by-hop and destination options", []string{""}, ping(true, behind(
		packet.Extension{Header: packet.HopByHop}, packet.Extension{Header: packet.Destination},
	)), isReply, nil},
}

// TestFragments has fragments and extension headers that hide what they carry, or harm who
// puts them together, stopped by baseline.yaml, and not honest ones.
func TestFragments(t *testing.T) {
	besiege(t, []string{"baseline.yaml"}, nil, func(s *siege) {
		s.victim.Set(t, "ipv6/conf/"+s.victim.Device+"/suppress_frag_ndisc", "0")
		s.victim.Set(t, "ipv6/icmp/ratelimit", "0")
	}, cut)
}
