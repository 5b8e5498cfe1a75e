//go:build kernel && linux

package attack

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// TestAnnouncementsStorm has a neighbour announce its address without end: the bare victim
// gets each of the announcements, and behind lan.yaml, enforced, what a failover may send
// and then 10 in a second. Others are heard all the while, and so is what the neighbour asks.
func TestAnnouncementsStorm(t *testing.T) {
	const sent, burst, perSecond = 500, 300, 10
	for _, mode := range []string{"bare", "audit", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("lan.yaml", mode, &engine))
			seen := s.victim.Wire(t)
			fence := uint16(s.fence.LocalAddr().(*net.UDPAddr).Port)
			// hears tells whether a frame comes as far as to packet sockets of the victim.
			hears := func(f packet.Frame) (heard bool) {
				f.DestinationMAC = [6]byte{255, 255, 255, 255, 255, 255}
				frame := f.Bytes()
				s.injectBytes(t, frame)
				if _, err := seen.Receive(func(got []byte) bool {
					heard = heard || bytes.HasPrefix(got, frame)
					p := packet.Parse(got)
					return p.Protocol == packet.UDP && p.DestinationPort == fence
				}); err != nil {
					t.Fatal(err)
				}
				return heard
			}
			here := gatewayOf(s.victim, testnet.IPv4).Prev() // nobody has it
			says := func(mac [6]byte, operation uint16) packet.Frame {
				return packet.Frame{SourceMAC: mac, ARP: &packet.ARP{Operation: operation, SenderMAC: mac, SenderIP: here, TargetIP: here}}
			}
			begin, heard := time.Now(), 0
			for n := range sent {
				if hears(says(liar, uint16(1+n%2))) {
					heard++
				}
			}
			took := time.Since(begin)
			if !hears(says(standIn, 1)) {
				t.Error("another neighbour is not heard")
			}
			asks := says(liar, 1)
			asks.ARP.TargetIP = s.victim.V4
			if !hears(asks) {
				t.Error("the neighbour is not heard when it asks")
			}
			all := credits(t, engine)
			t.Logf("%d of %d announcements are heard in %v: %v", heard, sent, took, all)
			switch mode {
			case "bare", "audit":
				if heard != sent {
					t.Errorf("%d of %d announcements are heard", heard, sent)
				}
			case "enforce":
				within(t, "announcements", heard, burst, perSecond, took)
			}
			if mode == "bare" {
				return
			}
			told := int(all["arp-storm "+map[string]string{"audit": "would_drop", "enforce": "drop"}[mode]])
			within(t, "announcements that are told", sent-told, burst, perSecond, took)
			if n := all["arp-announced count"]; mode == "audit" && n != sent+1 {
				t.Errorf("%d announcements are counted, want %d", n, sent+1)
			}
		})
	}
}
