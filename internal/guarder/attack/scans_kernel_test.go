//go:build kernel && linux

package attack

import (
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// scanned are how many ports a scan asks for. Up to 20 are within the limit, and some share
// a bit.
const (
	scanned = 200
	unseen  = 40
)

// scan sends a packet to each of some closed ports in the name of the peer, and returns how
// many the victim answers.
func (c *call) scan(t *testing.T, protocol, flags uint8, answered func(p *packet.Packet) bool) (answers int) {
	t.Helper()
	c.marked(t, func(*packet.Packet) {})
	for port := range scanned {
		c.inject(t, c.to(protocol, 4000, uint16(10_000+port), flags, 0))
	}
	c.marked(t, func(p *packet.Packet) {
		if answered(p) {
			answers++
		}
	})
	return answers
}

// TestScansAreSeen scans 200 closed ports of TCP, and then of UDP: the bare victim tells
// which are closed. Behind scans.yaml as it comes that is seen, and enforced it is hidden.
// A client with as many connections is no scan.
func TestScansAreSeen(t *testing.T) {
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("scans.yaml", mode, &engine))
			// The host limits how often it tells a peer that a port of UDP is closed, and all of
			// them together, which cannot be had otherwise on every kernel.
			s.victim.Set(t, "ipv4/icmp_ratemask", "0")
			client := s.accepts(t)
			for range 30 {
				client.asks(t, testnet.IPv4)
				conn := <-client.accepted
				t.Cleanup(func() { conn.Close() })
			}
			if got := credits(t, engine); len(got) != 0 {
				t.Errorf("a client is taken for something else: %v", got)
			}
			c := s.call(t, testnet.IPv4)
			verdict := map[string]string{"audit": " would_drop", "enforce": " drop"}[mode]
			for _, probe := range []struct {
				name     string
				protocol uint8
				flags    uint8
				answered func(p *packet.Packet) bool
			}{{"tcp-port-scan", packet.TCP, syn, isReset}, {"udp-port-scan", packet.UDP, 0, isUnreachable}} {
				answers := c.scan(t, probe.protocol, probe.flags, probe.answered)
				credit := credits(t, engine)
				t.Logf("%s: %d answers, %v", probe.name, answers, credit)
				// Audited, everything is answered; the rule behind hides the rest of TCP.
				least, most := scanned, scanned
				if probe.protocol == packet.UDP {
					least = unseen + 1
				}
				switch {
				case mode == "enforce" && probe.protocol == packet.TCP:
					least, most = 0, 0
				case mode == "enforce":
					least, most = 20, unseen
				}
				if answers < least || answers > most {
					t.Errorf("%s: %d of %d ports are answered, want %d to %d", probe.name, answers, scanned, least, most)
				}
				if seen := credit[probe.name+verdict]; mode != "bare" && (seen < scanned-unseen || seen > scanned-20) {
					t.Errorf("%s: %d of %d packets are seen", probe.name, seen, scanned)
				}
			}
			c.talks(t)
		})
	}
}

// toPeer tells apart what the victim answers the peer from what the peer answers itself.
func (c *call) toPeer(answered func(p *packet.Packet) bool) func(p *packet.Packet) bool {
	return func(p *packet.Packet) bool {
		return p.Destination == c.remote.Addr() && answered != nil && answered(p)
	}
}

// TestSearchForTheResolversPortIsSeen sends datagrams in the name of a resolver to 200 ports,
// of which somebody who counts errors learns where a question waits (SAD DNS). The bare
// victim answers; behind scans.yaml as it comes that is seen, and enforced it ends. An answer
// that is late a few times is nothing.
func TestSearchForTheResolversPortIsSeen(t *testing.T) {
	// 64 bits hold 40 ports when about 63 have come, or as soon as 40 have, one of which is that
	// of late answers.
	const late, missed, least = 20, 120, 39
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("scans.yaml", mode, &engine))
			s.victim.Set(t, "ipv4/icmp_ratemask", "0")
			c := s.call(t, testnet.IPv4)
			c.flood(t, late, func(int) packet.Frame { return c.to(packet.UDP, 53, closedPort, 0, 80) }, c.toPeer(isUnreachable))
			if got := credits(t, engine); got["resolver-port-search would_drop"]+got["resolver-port-search drop"] != 0 {
				t.Errorf("late answers are told: %v", got)
			}
			answers, took := c.flood(t, scanned, func(n int) packet.Frame { return c.to(packet.UDP, 53, uint16(10_000+n), 0, 80) }, c.toPeer(isUnreachable))
			told := int(credits(t, engine)["resolver-port-search"+map[string]string{"bare": "", "audit": " would_drop", "enforce": " drop"}[mode]])
			t.Logf("%d of %d datagrams are told in %v, %d answers", told, scanned, took, answers)
			if mode != "bare" && (told < scanned-missed || told > scanned-least) {
				t.Errorf("%d of %d datagrams are told", told, scanned)
			}
			if mode == "enforce" && answers > scanned-told || mode != "enforce" && answers == 0 {
				t.Errorf("%d datagrams are answered", answers)
			}
			c.talks(t)
		})
	}
}

// TestProbesOfConnectionsAreSeen: somebody else guesses at a connection with RST in the
// window, SYN, and RST out of it. The victim challenges the peer for the former, behind the
// enforced policy no more than is allowed. The connection lasts, and some are nothing.
func TestProbesOfConnectionsAreSeen(t *testing.T) {
	const probes, allowed = 60, 20
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("scans.yaml", mode, &engine))
			s.victim.Set(t, "ipv4/tcp_invalid_ratelimit", "0")
			c := s.call(t, testnet.IPv4)
			verdict := map[string]string{"audit": " would_drop", "enforce": " drop"}[mode]
			for _, probe := range []struct {
				rule   string
				packet func() packet.Frame
				answer func(p *packet.Packet) bool
			}{
				{"challenge-probing", func() packet.Frame { return c.of(rst, c.expected+100) }, isChallenge},
				{"challenge-probing", func() packet.Frame { return c.of(syn, 77) }, isChallenge},
				{"blind-reset-storm", func() packet.Frame { return c.of(rst, c.expected-1<<20) }, nil},
			} {
				before := credits(t, engine)[probe.rule+verdict]
				answers := 0
				c.marked(t, func(*packet.Packet) {})
				for range probes {
					c.inject(t, probe.packet())
				}
				c.marked(t, func(p *packet.Packet) {
					if probe.answer != nil && probe.answer(p) {
						answers++
					}
				})
				seen := credits(t, engine)[probe.rule+verdict] - before
				t.Logf("%s: %d of %d seen, %d answers", probe.rule, seen, probes, answers)
				if mode != "bare" && seen < probes-2*allowed {
					t.Errorf("%s: %d of %d probes are seen", probe.rule, seen, probes)
				}
				if want := probes - int(seen); mode == "enforce" && answers > want {
					t.Errorf("%s: %d answers, want at most %d", probe.rule, answers, want)
				}
				if probe.answer != nil && mode == "bare" && answers != probes {
					t.Errorf("%s: %d answers of the bare victim, want %d", probe.rule, answers, probes)
				}
				c.talks(t)
			}
		})
	}
}

// TestClosedWindowsAreCounted has a peer that takes no more data: the victim's probes of its
// window are answered with a window of zero.
func TestClosedWindowsAreCounted(t *testing.T) {
	var engine *guarder.Engine
	s := newScene(t, inMode("scans.yaml", "enforce", &engine))
	c := s.call(t, testnet.IPv4)
	if n := credits(t, engine)["zero-window count"]; n != 0 {
		t.Fatalf("%d closed windows of a connection that is read", n)
	}
	c.here.SetWriteDeadline(time.Now().Add(testnet.Margin(2 * time.Second)))
	for {
		if _, err := c.here.Write(make([]byte, 65536)); err != nil {
			break // the buffers of both are full: nobody reads
		}
	}
	if n := credits(t, engine)["zero-window count"]; n == 0 {
		t.Errorf("no closed window is counted: %v", credits(t, engine))
	}
}
