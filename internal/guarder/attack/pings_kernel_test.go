//go:build kernel && linux

package attack

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

const (
	timestamp      = 13
	timestampReply = 14
	addressMask    = 17
)

// message makes a ping a message of another type, with 12 bytes behind its header.
func message(kind uint8) func(s *siege, f *packet.Frame) {
	return func(_ *siege, f *packet.Frame) { f.ICMP, f.Payload = &packet.Message{Type: kind}, make([]byte, 12) }
}

// toGroup is a ping to all hosts by somebody who is not in the set.
func toGroup(source, group string) func(s *siege, f *packet.Frame) {
	return func(_ *siege, f *packet.Frame) {
		f.Source, f.Destination = netip.MustParseAddr(source), netip.MustParseAddr(group)
	}
}

var pings = []blow{
	{19, "ping to all hosts", []string{"ping/group"}, ping(false, toGroup("203.0.113.66", "224.0.0.1")), isReply, nil},
	{19, "ping to all hosts, IPv6", []string{"ping/group"}, ping(true, toGroup("2001:db8:66::66", "ff02::1")), isReply, nil},
	{19, "timestamp", []string{"ping/timestamp"}, ping(false, message(timestamp)), func(p *packet.Packet) bool {
		return p.ICMP != nil && p.Family == 4 && p.ICMP.Type == timestampReply
	}, nil},
	{19, "address mask", []string{"sanity/obsolete-icmp"}, ping(false, message(addressMask)), nil, nil},
	{19, "large ping", []string{"", "ping/fragmented"}, fragmented(1400, func(s *siege) packet.Frame {
		return s.ping(false, func(_ *siege, f *packet.Frame) { f.Payload = make([]byte, 2600) })
	}), isReply, nil},
	{19, "ping of a stranger", []string{"ping/stranger"}, ping(false, from("203.0.113.66")), isReply, nil},
	{19, "ping of a stranger, IPv6", []string{"ping/stranger"}, ping(true, from("2001:db8:66::66")), isReply, nil},
	{19, "ping", []string{""}, ping(false, nil), isReply, nil},
	{19, "ping, IPv6", []string{""}, ping(true, nil), isReply, nil},
}

// TestPings has pings to groups, very large ones, and questions for clock and network,
// stopped by icmp-ping.yaml and baseline.yaml. The peer is in the set of who may ping.
func TestPings(t *testing.T) {
	besiege(t, []string{"baseline.yaml", "icmp-ping.yaml"}, func(policy string) string {
		return strings.Replace(policy, "entries: [10.0.0.0/8,", `entries: [198.18.2.0/24, "2001:db8:2::/64",`, 1)
	}, func(s *siege) { s.victim.Set(t, "ipv4/icmp_echo_ignore_broadcasts", "0") }, pings)
}
