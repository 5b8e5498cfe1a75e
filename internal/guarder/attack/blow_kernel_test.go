//go:build kernel && linux

package attack

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
	policies "github.com/packetscope/packetscope/rules/guarder"
)

// A blow is an attack of one packet or a few, or what resembles one and must pass.
type blow struct {
	attack int // its number in the Catalogue
	name   string
	// rules are those that are credited with the frames, one each, as GROUP/RULE; "" for
	// a frame that passes, and unreadable for one that no rule is asked about.
	rules  []string
	frames func(s *siege) [][]byte
	// answered tells whether a packet of the victim is what it does for the attacker if
	// nothing stops the frames. It is nil if Linux ignores them by itself; then it
	// is looked whether they come as far as to the victim's packet sockets.
	answered func(p *packet.Packet) bool
	// works tells of something else that the frames do, and undoes it; nil if there is nothing.
	works func(t *testing.T, s *siege) bool
}

// unreadable stands for a packet that is dropped as it cannot be read.
const unreadable = "unparsable"

// A siege is a scene in which many blows fall.
type siege struct {
	*scene
	port      uint16       // of the attacker: another one for each blow
	open      uint16       // where the victim listens for TCP
	socket    *net.UDPConn // of the victim, for datagrams of everybody to the port, if there is one
	datagrams uint16
	seen      *testnet.Wire // of the victim
	engine    *guarder.Engine
}

// modes are how a policy is in force: not at all, as it comes, and all of it enforced.
var modes = []string{"bare", "as it comes", "enforced"}

// besiege has the blows fall on a victim in each mode. All that a rule drops must not be
// seen nor answered, all else must; and no other rule may be credited.
func besiege(t *testing.T, files []string, change func(text string) string, prepare func(s *siege), blows []blow) {
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			s := newSiege(t, shieldOf(files, change, mode))
			if prepare != nil {
				prepare(s)
			}
			for i, b := range blows {
				s.port = 4000 + uint16(i)
				b.fall(t, s)
			}
		})
	}
	known(t, blows)
}

// shieldOf returns ready-made policies in a mode, or nil.
func shieldOf(files []string, change func(text string) string, mode string) func(t *testing.T, ns *testnet.Namespace) *guarder.Engine {
	if mode == "bare" {
		return nil
	}
	return func(t *testing.T, ns *testnet.Namespace) *guarder.Engine {
		t.Helper()
		var paths []string
		for _, name := range files {
			text, err := policies.Files.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			policy := string(text)
			if change != nil {
				policy = change(policy)
			}
			if mode == "enforced" {
				policy = strings.ReplaceAll(policy, "mode: audit", "mode: enforce")
			}
			paths = append(paths, written(t, policy))
		}
		return enforce(t, ns, paths...)
	}
}

// newSiege has a victim that answers everybody, by way of a router that keeps the answers to
// nobody for itself.
func newSiege(t *testing.T, shield func(t *testing.T, ns *testnet.Namespace) *guarder.Engine) *siege {
	t.Helper()
	s := &siege{scene: newScene(t, nil)}
	for _, f := range testnet.Families {
		everybody := &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
		if f == testnet.IPv4 {
			everybody = &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
		}
		addRoute(t, s.victim, &netlink.Route{Dst: everybody, Gw: s.router.Addr(f).AsSlice()})
		addRoute(t, s.router, &netlink.Route{Dst: everybody, Type: unix.RTN_BLACKHOLE})
	}
	s.victim.Do(t, func() {
		listener, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		s.open = uint16(listener.Addr().(*net.TCPAddr).Port)
	})
	if shield != nil {
		s.engine = shield(t, s.victim)
	}
	s.seen = s.victim.Wire(t)
	return s
}

// listenUDP opens the victim's socket for everybody.
func (s *siege) listenUDP(t *testing.T) {
	t.Helper()
	s.socket = s.listen(t, 0)
	s.datagrams = uint16(s.socket.LocalAddr().(*net.UDPAddr).Port)
}

func addRoute(t *testing.T, ns *testnet.Namespace, r *netlink.Route) {
	t.Helper()
	ns.Do(t, func() {
		if err := netlink.RouteAdd(r); err != nil {
			t.Fatalf("add route %v in %q: %v", r, ns.Name, err)
		}
	})
}

// fall sends the frames, and fails unless what becomes of each, and the credits, are what
// the rules say.
func (b *blow) fall(t *testing.T, s *siege) {
	t.Helper()
	frames := b.frames(s)
	if len(frames) != len(b.rules) {
		t.Fatalf("%s: %d frames, and rules for %d", b.name, len(frames), len(b.rules))
	}
	s.untilMark(t, func(*packet.Packet) {})
	want := b.credit(t, s)
	stopped := false
	for i, frame := range frames {
		s.injectBytes(t, frame)
		dropped := s.engine != nil && b.rules[i] != "" && enforced(t, s.engine, b.rules[i])
		if seen := s.sees(t, frame); seen == dropped {
			t.Errorf("%d %s: frame %d is seen: %v", b.attack, b.name, i, seen)
		}
		stopped = stopped || dropped
	}
	answers := false
	s.untilMark(t, func(p *packet.Packet) { answers = answers || b.answered != nil && b.answered(p) })
	if answers != (b.answered != nil && !stopped) {
		t.Errorf("%d %s: the victim answers: %v", b.attack, b.name, answers)
	}
	if b.works != nil && b.works(t, s) == stopped {
		t.Errorf("%d %s: it works: %v", b.attack, b.name, stopped)
	}
	if diff := cmp.Diff(want, creditsByRule(t, s.engine)); diff != "" {
		t.Errorf("%d %s: credits (-want +got):\n%s", b.attack, b.name, diff)
	}
}

// credit returns the credits that there will be when the frames have come.
func (b *blow) credit(t *testing.T, s *siege) map[string]uint64 {
	t.Helper()
	want := maps.Clone(creditsByRule(t, s.engine))
	for _, rule := range b.rules {
		switch {
		case s.engine == nil || rule == "":
		case enforced(t, s.engine, rule):
			want[rule+" drop"]++
		default:
			want[rule+" would_drop"]++
		}
	}
	return want
}

// enforced tells whether a rule drops.
func enforced(t *testing.T, e *guarder.Engine, rule string) bool {
	t.Helper()
	if rule == unreadable {
		return true
	}
	status, err := e.Status()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(status.Rules, func(r guarder.RuleStatus) bool { return r.Group+"/"+r.Rule == rule })
	if i < 0 {
		t.Fatalf("no rule %s", rule)
	}
	return status.Rules[i].Mode == "enforce"
}

// creditsByRule returns how many packets rules were credited with, by "GROUP/RULE CREDIT".
func creditsByRule(t *testing.T, e *guarder.Engine) map[string]uint64 {
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
			all[fmt.Sprintf("%s/%s %s", r.Group, r.Rule, credit)] = n.Packets
		}
	}
	for _, n := range status.Unparsable {
		if n.Packets > 0 {
			all[unreadable+" drop"] += n.Packets
		}
	}
	return all
}

// sees tells whether a frame came as far as to packet sockets of the victim, before the
// datagram that was sent behind it.
func (s *siege) sees(t *testing.T, frame []byte) (seen bool) {
	t.Helper()
	fence := uint16(s.fence.LocalAddr().(*net.UDPAddr).Port)
	if _, err := s.seen.Receive(func(got []byte) bool {
		seen = seen || bytes.HasPrefix(got, frame)
		p := packet.Parse(got)
		return p.Protocol == packet.UDP && p.DestinationPort == fence
	}); err != nil {
		t.Fatal(err)
	}
	return seen
}

// untilMark has the victim send a datagram to the peer, and calls see for all that it sent
// before.
func (s *siege) untilMark(t *testing.T, see func(p *packet.Packet)) {
	t.Helper()
	s.mark(t)
	if _, err := s.wire.Receive(func(frame []byte) bool {
		p := packet.Parse(frame)
		if p.SourceMAC != s.address[1] {
			return false
		}
		see(&p)
		return p.Protocol == packet.UDP && p.DestinationPort == discard && p.SourcePort != s.port
	}); err != nil {
		t.Fatal(err)
	}
}

// known fails unless the catalogue knows all rules of the blows as those of their attacks.
func known(t *testing.T, blows []blow) {
	t.Helper()
	for _, b := range blows {
		for _, rule := range b.rules {
			i := slices.IndexFunc(Catalogue, func(a Attack) bool { return a.Number == b.attack })
			if i < 0 || rule != "" && !slices.Contains(Catalogue[i].Rules, rule) {
				t.Errorf("the catalogue has no attack %d with rule %s", b.attack, rule)
			}
		}
	}
}
