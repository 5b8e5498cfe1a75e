package policy

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// TestWordsDescribeThePacket reads descriptions, and describes the packets again.
func TestWordsDescribeThePacket(t *testing.T) {
	for _, text := range []string{
		"tcp 192.0.2.7:4000 > 192.0.2.1:22 flags=syn mss=48 ttl=0 len=44 df vlan=10,20",
		"tcp [2001:db8::7]:4000 > [2001:db8::1]:22 flags=none len=60",
		"tcp 192.0.2.7:4000 > 192.0.2.1:22 flags=ack window=0 len=40",
		"tcp 192.0.2.7:4000 > 192.0.2.1:22 flags=syn mss=1460 window=512 tcp-options=fast-open len=48",
		"udp [2001:db8::7]:53 > [2001:db8::1]:4000 ttl=3 len=76 headers=auth,hop-by-hop routing=3",
		"udp 192.0.2.7 > 192.0.2.1 len=92 fragment=past-end options=lsrr",
		"udp 192.0.2.7:53 > 192.0.2.1:9 len=28 fragment=first",
		"udp 2001:db8::7 > 2001:db8::1 len=48 fragment=later",
		"icmp 203.0.113.9 > 192.0.2.1 type=unreachable code=4 mtu=600 len=576 quoting (tcp 192.0.2.1:22 > 198.51.100.7:4000 len=1500 df)",
		"icmp 203.0.113.9 > 192.0.2.1 type=redirect len=56 quoting (icmp 192.0.2.1 > 198.51.100.7 type=echo-reply len=28)",
		"icmpv6 fe80::1 > ff02::1 type=neighbor-advert target=2001:db8::1 ttl=255 len=64",
		"icmpv6 fe80::1 > ff02::1 type=neighbor-advert target=2001:db8::1 link-address=02:00:00:00:00:07 ttl=255 len=72",
		"icmpv6 fe80::1 > ff02::1 type=router-advert link-address=02:00:00:00:00:07 ttl=255 len=64",
		"icmp 203.0.113.9 > 192.0.2.1 type=42 len=28",
		"arp 192.0.2.7 > 192.0.2.1 op=reply mac=02:00:00:00:00:01 sender-mac=02:00:00:00:00:07",
		"gre 192.0.2.1 > 198.51.100.1 len=20",
		"frame ethertype=0x88cc",
		"ip 192.0.2.7 > 192.0.2.1 len=0 reason=truncated",
		"tcp 192.0.2.7 > 192.0.2.1 len=30 reason=truncated",
	} {
		s, err := ParseSpecimen(text)
		if err != nil {
			t.Error(err)
			continue
		}
		got := InWords(&s.Packet)
		if got != text {
			t.Errorf("got  %s\nwant %s", got, text)
		}
		again, err := ParseSpecimen(got)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(s.Packet, again.Packet, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(packet.Packet{}, "SourceMAC", "Payload")); diff != "" {
			t.Errorf("%s: read again (-want +got):\n%s", text, diff)
		}
	}
}
