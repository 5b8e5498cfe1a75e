//go:build kernel && linux

package attack

import (
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// onLink is a frame of a neighbour.
func onLink(of func(s *siege) packet.Frame) func(s *siege) [][]byte {
	return func(s *siege) [][]byte {
		f := of(s)
		f.DestinationMAC = s.address[1]
		return [][]byte{f.Bytes()}
	}
}

func isAnswerOfARP(p *packet.Packet) bool { return p.ARP != nil && p.ARP.Operation == 2 }

// ownClaims are packets of neighbours that speak for others, or for the victim, and some
// that speak for themselves.
var ownClaims = []blow{
	{34, "an answer for another MAC address", []string{"lan/arp-foreign-mac"}, onLink(func(s *siege) packet.Frame {
		return packet.Frame{SourceMAC: liar, ARP: &packet.ARP{Operation: 2, SenderMAC: standIn, SenderIP: attackersHost, TargetMAC: s.address[1], TargetIP: s.victim.V4}}
	}), nil, nil},
	{34, "the victim's own address", []string{"lan/arp-own-address"}, onLink(func(s *siege) packet.Frame {
		return packet.Frame{SourceMAC: liar, ARP: &packet.ARP{Operation: 2, SenderMAC: liar, SenderIP: s.victim.V4, TargetMAC: s.address[1], TargetIP: attackersHost}}
	}), nil, nil},
	{34, "a neighbour asks", []string{""}, onLink(func(s *siege) packet.Frame {
		return packet.Frame{SourceMAC: liar, ARP: &packet.ARP{Operation: 1, SenderMAC: liar, SenderIP: attackersHost, TargetIP: s.victim.V4}}
	}), isAnswerOfARP, nil},
	{35, "the victim's own address", []string{"lan/nd-own-address"}, onLink(func(s *siege) packet.Frame {
		return nd(liar, rogueRouter, s.victim.V6, packet.Message{Type: 136, MTU: solicitedOverride, Target: s.victim.V6}, linkAddress(2, liar)...)
	}), nil, nil},
	{35, "a neighbour's own address", []string{""}, onLink(func(s *siege) packet.Frame {
		return nd(liar, rogueRouter, s.victim.V6, packet.Message{Type: 136, MTU: solicitedOverride, Target: rogueRouter}, linkAddress(2, liar)...)
	}), nil, nil},
	{35, "a router of IPv4", []string{"lan/irdp"}, onLink(func(s *siege) packet.Frame {
		return packet.Frame{
			SourceMAC: liar, Source: attackersHost, Destination: s.victim.V4, TTL: 1, Protocol: packet.ICMPv4, ICMP: &packet.Message{Type: 9}, Payload: make([]byte, 8),
		}
	}), nil, nil},
}

// TestNeighboursSpeakForOthers has neighbours claim addresses that are not theirs, beside
// those of gateways, before lan.yaml and behind it.
func TestNeighboursSpeakForOthers(t *testing.T) {
	besiege(t, []string{"lan.yaml"}, nil, func(s *siege) {
		s.victim.ResolveNeighbours(t, s.victim.Device)
		for _, f := range testnet.Families {
			street{s.scene}.settle(t, f)
		}
	}, ownClaims)
}
