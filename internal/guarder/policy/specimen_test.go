package policy

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

func TestSpecimensAreReadFromTheirFrames(t *testing.T) {
	addr := netip.MustParseAddr
	for text, want := range map[string]packet.Packet{
		"tcp 192.0.2.7:4000 > 192.0.2.1:22 flags=syn mss=48 ttl=0 vlan=10,20 df": {
			SourceMAC: defaultMAC, EtherType: packet.EtherIPv4, Tags: []uint16{10, 20}, Family: 4, Source: addr("192.0.2.7"), Destination: addr("192.0.2.1"),
			Length: 44, DontFragment: true, Protocol: packet.TCP, HasPorts: true, SourcePort: 4000, DestinationPort: 22, Flags: 2, MSS: 48, Segment: 1, Window: 65535,
		},
		"tcp 192.0.2.7:4000 > 192.0.2.1:22 flags=syn tcp-options=fast-open window=0 len=54": {
			SourceMAC: defaultMAC, EtherType: packet.EtherIPv4, Family: 4, Source: addr("192.0.2.7"), Destination: addr("192.0.2.1"), TTL: 64,
			Length: 54, Protocol: packet.TCP, HasPorts: true, SourcePort: 4000, DestinationPort: 22, Flags: 2, TCPOptions: packet.FastOpen, PayloadLength: 10, Segment: 11,
		},
		"udp [2001:db8::7]:53 > [2001:db8::1]:4000 payload=0102 len=68 headers=hop-by-hop routing=3": {
			SourceMAC: defaultMAC, EtherType: packet.EtherIPv6, Family: 6, Source: addr("2001:db8::7"), Destination: addr("2001:db8::1"), TTL: 64, Length: 68,
			Headers: packet.HopByHop | packet.Routing, RoutingTypes: 8, Protocol: packet.UDP, HasPorts: true, SourcePort: 53, DestinationPort: 4000,
			Payload: []byte{1, 2, 0, 0}, PayloadLength: 4,
		},
		"udp 192.0.2.7 > 192.0.2.1 fragment=past-end options=lsrr": {
			SourceMAC: defaultMAC, EtherType: packet.EtherIPv4, Family: 4, Source: addr("192.0.2.7"), Destination: addr("192.0.2.1"), TTL: 64, Length: 92,
			Fragment: packet.LaterFragment | packet.LastFragment | packet.PastEnd, FragmentOffset: 65528, FragmentSize: 64, Options: packet.LooseRoute, Protocol: packet.UDP,
		},
		"udp 192.0.2.7 > 192.0.2.1 fragment=overlap payload=0102": {
			SourceMAC: defaultMAC, EtherType: packet.EtherIPv4, Family: 4, Source: addr("192.0.2.7"), Destination: addr("192.0.2.1"), TTL: 64, Length: 22,
			Fragment: packet.LaterFragment | packet.LastFragment | packet.Overlap, FragmentOffset: 1480, FragmentSize: 2, Protocol: packet.UDP,
		},
		"icmp 203.0.113.9 > 192.0.2.1 type=packet-too-big mtu=600 quoting (tcp 192.0.2.1:22 > 198.51.100.7:4000 df len=1500)": {
			SourceMAC: defaultMAC, EtherType: packet.EtherIPv4, Family: 4, Source: addr("203.0.113.9"), Destination: addr("192.0.2.1"), TTL: 64, Length: 576,
			Protocol: packet.ICMPv4, ICMP: &packet.ICMP{Type: 3, Code: 4, MTU: 600, Quoted: &packet.Quoted{
				Family: 4, Source: addr("192.0.2.1"), Destination: addr("198.51.100.7"), Protocol: packet.TCP, Length: 1500, DontFragment: true,
				HasPorts: true, SourcePort: 22, DestinationPort: 4000, HasSequence: true,
			}},
		},
		"arp 192.0.2.7 > 192.0.2.1 op=reply sender-mac=02:00:00:00:00:07": {
			SourceMAC: defaultMAC, EtherType: packet.EtherARP,
			ARP: &packet.ARP{Operation: 2, SenderMAC: [6]byte{2, 0, 0, 0, 0, 7}, SenderIP: addr("192.0.2.7"), TargetIP: addr("192.0.2.1")},
		},
		"ip 192.0.2.7 > 192.0.2.1 reason=truncated": {
			Reason: packet.Truncated, SourceMAC: defaultMAC, EtherType: packet.EtherIPv4, Family: 4, Source: addr("192.0.2.7"), Destination: addr("192.0.2.1"), TTL: 64,
		},
	} {
		s, err := ParseSpecimen(text)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, s.Packet, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(packet.Packet{}, "Payload")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if (s.Frame == nil) != (want.Reason != packet.OK) {
			t.Errorf("%s: a frame of %d bytes", text, len(s.Frame))
		}
		if want.Payload != nil && string(s.Payload) != string(want.Payload) {
			t.Errorf("%s: payload % x, want % x", text, s.Payload, want.Payload)
		}
	}
}

func FuzzParseSpecimen(f *testing.F) {
	for _, text := range []string{
		"tcp 192.0.2.7:4000 > 192.0.2.1:22 flags=syn mss=48 ttl=0 vlan=10,20 df len=65535",
		"udp 2001:db8::7 > 2001:db8::1 fragment=past-end headers=auth,hop-by-hop routing=0 len=2000",
		"icmp 203.0.113.9 > 192.0.2.1 type=redirect quoting (icmp 192.0.2.1 > 198.51.100.7 type=echo-reply len=65535 options=rr,lsrr)",
		"tcp 192.0.2.7:1 > 192.0.2.1:2 window=0 tcp-options=fast-open", "arp 192.0.2.7 > 192.0.2.1 op=reply", "frame ethertype=0x88cc", "ip 192.0.2.7 > 192.0.2.1 reason=truncated",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpecimen(text)
		if err == nil && s.Frame != nil && s.Reason != packet.OK {
			t.Errorf("%q: %v", text, s.Reason)
		}
	})
}
