//go:build kernel && linux

package attack

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// Types and codes of ICMP.
const (
	echoReply           = 0
	unreachable         = 3
	fragmentationNeeded = 4
	redirect            = 5
)

// A forgery is a "fragmentation needed" about a packet that was never sent.
type forgery struct {
	mtu          uint32
	dontFragment bool       // of the quoted packet
	source       netip.Addr // of the quoted packet; not valid: the victim
}

// message returns the forgery as from a stranger, about an echo reply of the victim
// to the peer.
func (f forgery) message(t *testing.T, s *scene) packet.Frame {
	t.Helper()
	quoted := s.quoted(f.dontFragment)
	if f.source.IsValid() {
		quoted.Source = f.source
	}
	if f.source.IsLoopback() { // as kube-proxy has it
		s.victim.Set(t, "ipv4/conf/all/route_localnet", "1")
	}
	return packet.Frame{
		Source: stranger, Destination: s.victim.V4, Protocol: packet.ICMPv4,
		ICMP: &packet.Message{Type: unreachable, Code: fragmentationNeeded, MTU: f.mtu, Quoted: quoted},
	}
}

// quoted returns an echo reply of the victim to the peer.
func (s *scene) quoted(dontFragment bool) *packet.Frame {
	return &packet.Frame{
		Source: s.victim.V4, Destination: s.peer.V4, Protocol: packet.ICMPv4, DontFragment: dontFragment,
		ICMP: &packet.Message{Type: echoReply}, Payload: make([]byte, 1400),
	}
}

var forgeries = []struct {
	name string
	forgery
	want int // path MTU of the bare victim
}{
	{"600", forgery{mtu: 600, dontFragment: true}, 600},
	// net.ipv4.route.min_pmtu; a path that should be smaller is locked there, and
	// packets on it lose their "don't fragment".
	{"absurd", forgery{mtu: 100, dontFragment: true}, 552},
	{"nothing", forgery{dontFragment: true}, 552},
	{"about a packet that may be fragmented", forgery{mtu: 600}, 600},
	// Linux looks for the route to the peer from no source, or from one that it has for
	// its own, such as all of 127.0.0.0/8; devices have 127.0.0.1 alone.
	{"about a packet of nobody", forgery{mtu: 600, dontFragment: true, source: netip.IPv4Unspecified()}, 600},
	{"about a packet of another loopback address", forgery{mtu: 600, dontFragment: true, source: netip.MustParseAddr("127.0.0.2")}, 600},
}

// TestForgedPathMTU: one packet from anywhere makes the victim cut its packets to a
// peer of the attacker's choice.
func TestForgedPathMTU(t *testing.T) {
	for _, f := range forgeries {
		t.Run(f.name, func(t *testing.T) {
			s := newScene(t, nil)
			s.inject(t, f.message(t, s))
			// A kernel that does not believe it makes the tests below meaningless.
			if mtu := s.pathMTU(t); mtu != f.want {
				t.Errorf("path MTU is %d, want %d", mtu, f.want)
			}
		})
	}
}

// TestForgedPathMTUAgainstAShield runs the same attacks.
func TestForgedPathMTUAgainstAShield(t *testing.T) {
	for name, shield := range shields {
		for _, f := range forgeries {
			t.Run(name+"/"+f.name, func(t *testing.T) { withstandsForgedMTU(t, shield, f.forgery) })
		}
	}
}

// withstandsForgedMTU fails unless a shield stops a forgery.
func withstandsForgedMTU(t *testing.T, shield Shield, f forgery) {
	t.Helper()
	s := newScene(t, shield)
	s.inject(t, f.message(t, s))
	if mtu := s.pathMTU(t); mtu != 0 {
		t.Errorf("path MTU fell to %d", mtu)
	}
	if n := s.dropped(); n != 1 {
		t.Errorf("the shield dropped %d packets, want 1", n)
	}
}

// disguises hide from rules what a forgery is about, and Linux believes them all the
// same.
var disguises = map[string]func(s *scene, f packet.Frame) [][]byte{
	"quote of another version": func(s *scene, f packet.Frame) [][]byte {
		m := *f.ICMP
		f.Payload = s.addressed(*m.Quoted).Bytes()[offVersion:]
		f.Payload[0] = 0x65
		m.Quoted = nil
		f.ICMP = &m
		return [][]byte{s.addressed(f).Bytes()}
	},
	"fragments": func(s *scene, f packet.Frame) [][]byte {
		m := *f.ICMP
		m.QuotedSize = 40
		f.ICMP, f.ID = &m, 77
		return s.addressed(f).Fragments(16)
	},
}

// TestForgedPathMTUInDisguise sends forgeries that rules about the quoted packet see only
// if the parser does.
func TestForgedPathMTUInDisguise(t *testing.T) {
	f := forgeries[0]
	for name, disguise := range disguises {
		t.Run(name+"/bare", func(t *testing.T) {
			s := newScene(t, nil)
			for _, frame := range disguise(s, f.message(t, s)) {
				s.injectBytes(t, frame)
			}
			if mtu := s.pathMTU(t); mtu != f.want {
				t.Errorf("path MTU is %d, want %d", mtu, f.want)
			}
		})
		t.Run(name+"/forged-icmp.yaml", func(t *testing.T) {
			s := newScene(t, shields["forged-icmp.yaml"])
			for _, frame := range disguise(s, f.message(t, s)) {
				s.injectBytes(t, frame)
			}
			if mtu := s.pathMTU(t); mtu != 0 {
				t.Errorf("path MTU fell to %d", mtu)
			}
			if n := s.dropped(); n != 1 {
				t.Errorf("the shield dropped %d packets, want 1", n)
			}
		})
	}
}

// TestForgedRedirect: one packet that claims to be from the router makes the victim
// send to another neighbour what is for the peer.
func TestForgedRedirect(t *testing.T) {
	s := newScene(t, nil)
	before := s.nextHop(t)
	s.injectBytes(t, s.redirect(attackersHost))
	// A kernel that does not believe it makes the test below meaningless.
	if hop := s.nextHop(t); hop != attackersHost {
		t.Errorf("next hop is %v and was %v, want %v", hop, before, attackersHost)
	}
}

func TestForgedRedirectAgainstAShield(t *testing.T) {
	for name, shield := range shields {
		t.Run(name, func(t *testing.T) { withstandsRedirect(t, shield) })
	}
}

// withstandsRedirect fails unless a shield stops a redirect.
func withstandsRedirect(t *testing.T, shield Shield) {
	t.Helper()
	s := newScene(t, shield)
	before := s.nextHop(t)
	s.injectBytes(t, s.redirect(attackersHost))
	if hop := s.nextHop(t); hop != before {
		t.Errorf("next hop is %v, was %v", hop, before)
	}
	if n := s.dropped(); n != 1 {
		t.Errorf("the shield dropped %d packets, want 1", n)
	}
}

// attackersHost is an address on the network of victim and router.
var attackersHost = netip.MustParseAddr("198.18.1.77")

// redirect returns the frame that tells the victim to use another gateway for the
// peer. Its source is the router, as others are not believed.
func (s *scene) redirect(gateway netip.Addr) []byte {
	const icmp = 14 + 20 // where the message begins
	frame := s.addressed(packet.Frame{
		Source: s.router.V4, Destination: s.victim.V4, Protocol: packet.ICMPv4,
		ICMP: &packet.Message{Type: redirect, Code: 1, Quoted: s.quoted(false)},
	}).Bytes()
	// The gateway stands where other messages have nothing; what it adds to the sum
	// is taken from the checksum (RFC 1624).
	copy(frame[icmp+4:], gateway.AsSlice())
	sum := uint32(^binary.BigEndian.Uint16(frame[icmp+2:]))
	sum += uint32(binary.BigEndian.Uint16(frame[icmp+4:])) + uint32(binary.BigEndian.Uint16(frame[icmp+6:]))
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(frame[icmp+2:], ^uint16(sum))
	return frame
}

// TestGenuinePathMTU: the router has a narrow link to the peer, and the victim learns
// of it, with a shield and without.
func TestGenuinePathMTU(t *testing.T) {
	t.Run("bare", func(t *testing.T) { learnsGenuineMTU(t, nil) })
	for name, shield := range shields {
		t.Run(name, func(t *testing.T) { learnsGenuineMTU(t, shield) })
	}
}

// learnsGenuineMTU fails unless the victim learns the MTU of the router's link from
// the router, and from a message that is built like the forged ones but is about a
// datagram of a socket that is there. Whoever guesses the port of such a socket can
// send it too: nothing in the message itself tells the two apart.
func learnsGenuineMTU(t *testing.T, shield Shield) {
	t.Helper()
	const narrow = 1100
	s := newScene(t, shield)
	s.router.SetMTU(t, "router1", narrow)
	s.sendLarge(t, narrow+100)
	s.waitMTU(t, narrow)

	s = newScene(t, shield)
	conn := s.openUDP(t)
	s.inject(t, packet.Frame{
		Source: s.router.V4, Destination: s.victim.V4, Protocol: packet.ICMPv4,
		ICMP: &packet.Message{Type: unreachable, Code: fragmentationNeeded, MTU: narrow, Quoted: &packet.Frame{
			Source: s.victim.V4, Destination: s.peer.V4, Protocol: packet.UDP, DontFragment: true,
			SourcePort: uint16(conn.LocalAddr().(*net.UDPAddr).Port), DestinationPort: 9, Payload: make([]byte, narrow+100),
		}},
	})
	s.waitMTU(t, narrow)
	if n := s.dropped(); n != 0 {
		t.Errorf("the shield dropped %d packets", n)
	}
}

// waitMTU waits until the path MTU is as wanted.
func (s *scene) waitMTU(t *testing.T, want int) {
	t.Helper()
	got := 0
	for deadline := time.Now().Add(testnet.Margin(5 * time.Second)); time.Now().Before(deadline); {
		if got = s.pathMTU(t); got == want {
			return
		}
	}
	t.Errorf("path MTU is %d, want %d", got, want)
}
