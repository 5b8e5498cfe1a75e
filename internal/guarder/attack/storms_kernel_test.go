//go:build kernel && linux

package attack

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A storm is nothing as one packet, and an attack by the hundred; or wrong at once, if it
// has no burst.
type storm struct {
	rule             string
	packet           func(n int) packet.Frame
	sent             int
	burst, perSecond int
	// answered tells whether a packet of the victim is what each costs it; nil if Linux
	// ignores them by itself.
	answered func(p *packet.Packet) bool
	counts   bool // what the rule does, enforced, instead of dropping
}

func (c *call) storms() []storm {
	data := func(flags uint8) func(n int) packet.Frame {
		return func(n int) packet.Frame {
			return c.to(packet.TCP, uint16(4000+n), c.local.Port(), flags, 33)
		}
	}
	return []storm{
		{"small-out-of-order", func(int) packet.Frame { // a byte behind a gap
			f := c.of(ack, c.expected+1000)
			f.Acknowledgement, f.Payload = c.own, []byte{1}
			return f
		}, 600, 200, 50, isChallenge, false},
		{"zero-window-holder", func(int) packet.Frame {
			f := c.of(ack, c.expected)
			f.Acknowledgement, f.NoWindow = c.own, true
			return f
		}, 150, 50, 5, nil, true},
		{"data-in-syn", data(syn), 10, 0, 0, isWelcome, false},
		{"data-in-rst", data(rst), 10, 0, 0, nil, false},
		{"bfd-from-afar", func(int) packet.Frame { return c.to(packet.UDP, 50_000, 3784, 0, 24) }, 10, 0, 0, isUnreachable, false},
		{"fragment-flood", func(n int) packet.Frame { // of datagrams that never are whole
			f := c.to(packet.UDP, 4000, closedPort, 0, 1400)
			f.MoreFragments, f.ID = true, uint32(n)
			return f
		}, 900, 400, 200, nil, false},
	}
}

// TestStormsAreSeen sends storms: the bare victim answers each of their packets, or keeps
// it until the rest of it comes. Behind scans.yaml as it comes all of it is told that is
// beyond the limit, and enforced it is dropped. The connection that some of them are about lasts.
func TestStormsAreSeen(t *testing.T) {
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("scans.yaml", mode, &engine))
			s.victim.Set(t, "ipv4/icmp_ratemask", "0")
			s.victim.Set(t, "ipv4/tcp_comp_sack_nr", "0") // each gap is told
			c := s.call(t, testnet.IPv4)
			for _, storm := range c.storms() {
				storm.comes(t, c, engine, mode)
				c.talks(t)
			}
		})
	}
}

func (s *storm) comes(t *testing.T, c *call, engine *guarder.Engine, mode string) {
	t.Helper()
	kept := c.fragments(t)
	answers, took := c.flood(t, s.sent, s.packet, c.toPeer(s.answered))
	credit := credits(t, engine)
	told := int(credit[s.rule+map[string]string{"bare": "", "audit": " would_drop", "enforce": " drop"}[mode]])
	if s.counts {
		told = int(credit[s.rule+" count"])
	}
	t.Logf("%s: %d of %d packets are told, %d answers", s.rule, told, s.sent, answers)
	switch {
	case mode == "bare":
	case s.burst > 0:
		within(t, s.rule, s.sent-told, s.burst, s.perSecond, took)
	case told != s.sent:
		t.Errorf("%s: %d of %d packets are told", s.rule, told, s.sent)
	}
	passed := s.sent
	if mode == "enforce" && !s.counts {
		passed -= told
	}
	if s.answered != nil && answers != passed {
		t.Errorf("%s: %d answers, want %d", s.rule, answers, passed)
	}
	if kept = c.fragments(t) - kept; s.rule == "fragment-flood" && kept != passed {
		t.Errorf("%d fragments are kept, want %d", kept, passed)
	}
}

// fragments returns how many fragments the victim has been asked to put together, "ReasmReqds".
func (s *scene) fragments(t *testing.T) (n int) {
	t.Helper()
	s.victim.Do(t, func() {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		names, values := strings.Fields(lines[0]), strings.Fields(lines[1])
		if n, err = strconv.Atoi(values[slices.Index(names, "ReasmReqds")]); err != nil {
			t.Fatal(err)
		}
	})
	return n
}
