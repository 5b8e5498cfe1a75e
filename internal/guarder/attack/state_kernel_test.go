//go:build kernel && linux

package attack

import (
	"encoding/binary"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
	policies "github.com/packetscope/packetscope/rules/guarder"
)

// A stray is a packet that no socket of the victim waits for, and that it answers.
type stray struct {
	name, rule string
	packet     func(c *call) packet.Frame
	// answered tells whether the victim's packet is the answer.
	answered func(p *packet.Packet) bool
}

// A call is a connection from the peer to the victim.
type call struct {
	*scene
	local, remote netip.AddrPort // of the victim, and of the peer
	expected, own uint32         // the sequence numbers that the victim waits for, and sends next
	here, there   net.Conn
	asked         uint16 // a port of UDP of the victim that is connected to the peer's port 9
}

func isReset(p *packet.Packet) bool { return p.Protocol == packet.TCP && p.Flags&rst != 0 }

// isChallenge is an ACK without data, by which the peer is asked whether it is in earnest
// (RFC 5961).
func isChallenge(p *packet.Packet) bool {
	return p.Protocol == packet.TCP && p.Flags == ack && p.Segment == 0
}

func isUnreachable(p *packet.Packet) bool {
	return p.ICMP != nil && (p.Family == 4 && p.ICMP.Type == unreachable || p.Family == 6 && p.ICMP.Type == 1)
}

// to returns a packet from the peer to a port of the victim.
func (c *call) to(protocol uint8, from, port uint16, flags uint8, payload int) packet.Frame {
	return packet.Frame{
		Source: c.remote.Addr(), Destination: c.local.Addr(), Protocol: protocol, SourcePort: from, DestinationPort: port,
		Flags: flags, Sequence: 77, Acknowledgement: 99, Payload: make([]byte, payload),
	}
}

// of returns a segment of the connection.
func (c *call) of(flags uint8, sequence uint32) packet.Frame {
	f := c.to(packet.TCP, c.remote.Port(), c.local.Port(), flags, 0)
	f.Sequence = sequence
	return f
}

const closedPort = 99

var strays = []stray{
	{"datagram to a closed port", "closed-udp-port", func(c *call) packet.Frame { return c.to(packet.UDP, 4000, closedPort, 0, 40) }, isUnreachable},
	{"amplified reply", "amplified-reply", func(c *call) packet.Frame { return c.to(packet.UDP, 53, closedPort, 0, 600) }, isUnreachable},
	{"answer of another port than was asked", "closed-udp-port", func(c *call) packet.Frame { return c.to(packet.UDP, 53, c.asked, 0, 80) }, isUnreachable},
	{"ACK to a closed port", "stray-segment", func(c *call) packet.Frame { return c.to(packet.TCP, 4000, closedPort, ack, 0) }, isReset},
	{"data to a closed port", "stray-segment", func(c *call) packet.Frame { return c.to(packet.TCP, 4000, closedPort, ack|8, 500) }, isReset},
	{"FIN to a closed port", "stray-segment", func(c *call) packet.Frame { return c.to(packet.TCP, 4000, closedPort, ack|fin, 0) }, isReset},
	{"RST to a closed port", "stray-segment", func(c *call) packet.Frame { return c.to(packet.TCP, 4000, closedPort, rst, 0) }, nil},
	{"SYN-ACK to a closed port", "stray-answer", func(c *call) packet.Frame { return c.to(packet.TCP, 80, closedPort, syn|ack, 0) }, isReset},
	{"SYN-ACK to an open port", "stray-answer", func(c *call) packet.Frame { return c.to(packet.TCP, 80, c.local.Port(), syn|ack, 0) }, isReset},
	{"ACK to an open port", "segment-to-listener", func(c *call) packet.Frame { return c.to(packet.TCP, 4000, c.local.Port(), ack, 0) }, isReset},
	{"SYN on a connection", "syn-on-connection", func(c *call) packet.Frame { return c.of(syn, 77) }, isChallenge},
	{"RST in the window", "reset-not-next", func(c *call) packet.Frame { return c.of(rst, c.expected+100) }, isChallenge},
	{"RST out of the window", "reset-out-of-window", func(c *call) packet.Frame { return c.of(rst, c.expected-1<<20) }, nil},
}

// TestStraysAreAnswered: the bare victim answers whoever asks, in the name of whom its
// packets claim to be from; so it does behind out-of-state.yaml as it comes, which sees
// them. Behind the same policy that is enforced it does not. Connections last in all cases.
func TestStraysAreAnswered(t *testing.T) {
	for _, mode := range scenes() {
		for _, f := range testnet.Families {
			if testnet.InVM() && f == testnet.IPv6 {
				continue // to load a policy takes up to half a minute there
			}
			t.Run(mode+"/"+f.String(), func(t *testing.T) {
				var engine *guarder.Engine
				s := newScene(t, inMode("out-of-state.yaml", mode, &engine))
				for _, stray := range strays {
					c := s.call(t, f)
					before := credits(t, engine)
					answered := c.answers(t, stray.packet(c), stray.answered)
					if want := mode != "enforce" && stray.answered != nil; answered != want {
						t.Errorf("%s: answered %v, want %v", stray.name, answered, want)
					}
					c.talks(t)
					want := maps.Clone(before)
					if engine != nil {
						want[stray.rule+" "+map[string]string{"audit": "would_drop", "enforce": "drop"}[mode]]++
					}
					if diff := cmp.Diff(want, credits(t, engine)); diff != "" {
						t.Errorf("%s: credits (-want +got):\n%s", stray.name, diff)
					}
				}
			})
		}
	}
}

// credits returns how many packets rules were credited with, by "RULE CREDIT".
func credits(t *testing.T, e *guarder.Engine) map[string]uint64 {
	t.Helper()
	all := map[string]uint64{}
	if e == nil {
		return all
	}
	status, err := e.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range status.Rules {
		for credit, n := range r.Counts {
			all[r.Rule+" "+credit] = n.Packets
		}
	}
	return all
}

// scenes are the modes of inMode. An emulated machine takes ten seconds to load a policy; that one
// which is audited never drops is tested there without a scene of its own, by package compile.
func scenes() []string {
	if testnet.InVM() {
		return []string{"bare", "enforce"}
	}
	return []string{"bare", "audit", "enforce"}
}

// inMode is a ready-made policy as it comes, or all of it enforced, or nothing.
func inMode(name, mode string, engine **guarder.Engine) Shield {
	if mode == "bare" {
		return nil
	}
	return func(t testing.TB, ns *testnet.Namespace) (dropped func() uint64) {
		t.Helper()
		text, err := policies.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		*engine = enforce(t, ns, written(t, strings.ReplaceAll(string(text), "mode: audit", "mode: "+mode)))
		return func() uint64 { return 0 }
	}
}

// fileInMode is a policy whose mode is MODE, or nothing.
func fileInMode(text, mode string, engine **guarder.Engine) Shield {
	if mode == "bare" {
		return nil
	}
	return func(t testing.TB, ns *testnet.Namespace) (dropped func() uint64) {
		t.Helper()
		*engine = enforce(t, ns, written(t, strings.ReplaceAll(text, "MODE", mode)))
		return func() uint64 { return 0 }
	}
}

// written returns the name of a file with a policy.
func written(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// call has the peer call the victim, and say something, so that its numbers are known.
func (s *scene) call(t *testing.T, f testnet.Family) *call {
	t.Helper()
	c := &call{scene: s}
	var listener net.Listener
	s.victim.Do(t, func() {
		var err error
		if listener, err = net.Listen("tcp", netip.AddrPortFrom(s.victim.Addr(f), 0).String()); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { listener.Close() })
	s.peer.Do(t, func() {
		var err error
		if c.there, err = net.Dial("tcp", listener.Addr().String()); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { c.there.Close() })
	var err error
	if c.here, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.here.Close() })
	c.local, c.remote = netip.MustParseAddrPort(c.here.LocalAddr().String()), netip.MustParseAddrPort(c.there.LocalAddr().String())
	c.asked = c.connected(t)
	c.talks(t)
	if _, err := s.wire.Receive(c.saw); err != nil {
		t.Fatal(err)
	}
	return c
}

// talks fails unless both ends of the connection hear each other.
func (c *call) talks(t *testing.T) {
	t.Helper()
	for _, way := range [][2]net.Conn{{c.there, c.here}, {c.here, c.there}} {
		if _, err := way[0].Write([]byte("hear me")); err != nil {
			t.Fatal(err)
		}
		way[1].SetReadDeadline(time.Now().Add(testnet.Margin(5 * time.Second)))
		if _, err := io.ReadFull(way[1], make([]byte, len("hear me"))); err != nil {
			t.Fatal(err)
		}
	}
	c.expected, c.own = c.expected+uint32(len("hear me")), c.own+uint32(len("hear me"))
}

// answers sends a packet and returns whether the victim answers the peer, before it
// sends a datagram that it is asked for afterwards.
func (c *call) answers(t *testing.T, f packet.Frame, answered func(p *packet.Packet) bool) (yes bool) {
	t.Helper()
	// What the connection said before is no answer.
	c.marked(t, func(*packet.Packet) {})
	c.inject(t, f)
	c.marked(t, func(p *packet.Packet) { yes = yes || answered != nil && answered(p) })
	return yes
}

// marked has the victim send a datagram to the peer, and calls see for the packets to the
// peer before it.
func (c *call) marked(t *testing.T, see func(p *packet.Packet)) {
	t.Helper()
	c.leaving(t, func(p *packet.Packet) {
		if p.Destination == c.remote.Addr() {
			see(p)
		}
	})
}

// leaving is marked for packets to anybody.
func (c *call) leaving(t *testing.T, see func(p *packet.Packet)) {
	t.Helper()
	c.mark(t)
	if _, err := c.wire.Receive(func(frame []byte) bool {
		p := packet.Parse(frame)
		see(&p)
		return p.Protocol == packet.UDP && p.DestinationPort == discard
	}); err != nil {
		t.Fatal(err)
	}
}

// discard is the port of the datagram that marks what was sent before it.
const discard = 9

// mark has the victim send a datagram to the peer.
func (s *scene) mark(t *testing.T) {
	t.Helper()
	if _, err := s.fence.WriteToUDPAddrPort([]byte("mark"), netip.AddrPortFrom(s.peer.V4, discard)); err != nil {
		t.Fatal(err)
	}
}

// saw takes note of the numbers of the victim, from the segment with its answer.
func (c *call) saw(frame []byte) bool {
	p := packet.Parse(frame)
	if p.Protocol != packet.TCP || p.SourcePort != c.local.Port() || p.Segment == 0 || p.Flags&syn != 0 {
		return false
	}
	const acknowledgement = 8
	header := 14 + 20
	if p.Family == 6 {
		header = 14 + 40
	}
	c.expected, c.own = binary.BigEndian.Uint32(frame[header+acknowledgement:]), p.Sequence+p.Segment
	return true
}

// TestWantedTrafficPassesOutOfState has the victim do what hosts do, behind the enforced
// policy, and nothing is dropped.
func TestWantedTrafficPassesOutOfState(t *testing.T) {
	var engine *guarder.Engine
	s := newScene(t, inMode("out-of-state.yaml", "enforce", &engine))
	for _, f := range testnet.Families {
		for _, way := range [][2]*testnet.Namespace{{s.victim, s.peer}, {s.peer, s.victim}} {
			if err := testnet.SendTCP(way[0], way[1], f, 200_000); err != nil {
				t.Errorf("%v: %v", f, err)
			}
			if err := testnet.Ping(way[0], way[1], f, 3); err != nil {
				t.Errorf("%v: %v", f, err)
			}
		}
		// A question to the peer, as resolvers ask it, and one to the victim.
		for _, way := range [][2]*testnet.Namespace{{s.victim, s.peer}, {s.peer, s.victim}} {
			service := bound(t, way[1], f, 5353)
			var asks *net.UDPConn
			way[0].Do(t, func() {
				var err error
				if asks, err = net.DialUDP("udp", nil, service.LocalAddr().(*net.UDPAddr)); err != nil {
					t.Fatal(err)
				}
			})
			defer asks.Close()
			if _, err := asks.Write([]byte("who?")); err != nil {
				t.Fatal(err)
			}
			service.SetReadDeadline(time.Now().Add(testnet.Margin(5 * time.Second)))
			_, from, err := service.ReadFromUDPAddrPort(make([]byte, 16))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := service.WriteToUDPAddrPort(make([]byte, 600), from); err != nil {
				t.Fatal(err)
			}
			if !reads(asks, testnet.Margin(5*time.Second)) {
				t.Errorf("%v: no answer", f)
			}
			service.Close()
		}
	}
	if got := credits(t, engine); len(got) != 0 {
		t.Errorf("rules were credited: %v", got)
	}
	status, err := engine.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range []string{"listen", "syn_sent", "established"} {
		if status.Sockets[found].Packets == 0 {
			t.Errorf("no socket was found %s: %v", found, status.Sockets)
		}
	}
	if n := status.Sockets["none"].Packets; n != 0 {
		t.Errorf("%d packets found no socket", n)
	}
}
