//go:build kernel && linux

package guarder

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A station counts the connections that the left makes to the right.
type station struct {
	*census
	net      *testnet.Net
	listener net.Listener // on the right, of both families
	accepted chan net.Conn
}

func newStation(t *testing.T, n *testnet.Net) *station {
	t.Helper()
	s := &station{net: n, accepted: make(chan net.Conn, 100)}
	n.Right.Do(t, func() {
		var err error
		if s.listener, err = net.Listen("tcp", ":0"); err != nil { // one socket, of IPv6
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { s.listener.Close() })
	go func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.accepted <- c
		}
	}()
	return s
}

// begin begins to count, by addresses and by wider prefixes.
func (s *station) begin(t *testing.T) {
	t.Helper()
	s.net.Right.Do(t, func() {
		home, err := openNamespace()
		if err != nil {
			t.Fatal(err)
		}
		defer home.file.Close()
		if s.census, err = newCensus(compile.Lengths{IPv4: []uint8{32, 24}, IPv6: []uint8{64}}, bpf.GuardMaxPrefixes, home); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(s.close)
}

// connect returns both ends of a connection.
func (s *station) connect(t *testing.T, f testnet.Family) (here, there net.Conn) {
	t.Helper()
	to := netip.AddrPortFrom(s.net.Right.Addr(f), netip.MustParseAddrPort(s.listener.Addr().String()).Port())
	s.net.Left.Do(t, func() {
		var err error
		if there, err = net.Dial("tcp", to.String()); err != nil {
			t.Fatal(err)
		}
	})
	here = <-s.accepted
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

// counts are those in the map.
func (s *station) counts(t *testing.T) map[netip.Prefix]int32 {
	t.Helper()
	all := make(map[netip.Prefix]int32)
	var key bpf.GuardPrefix
	var open int32
	i := s.objects.GuardConnections.Iterate()
	for i.Next(&key, &open) {
		all[compile.PrefixOf(key)] = open
	}
	if err := i.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// settles fails unless the counts become those of so many connections of each family.
func (s *station) settles(t *testing.T, v4, v6 int32) {
	t.Helper()
	want := make(map[netip.Prefix]int32)
	for bits, n := range map[int]int32{32: v4, 24: v4} {
		want[netip.PrefixFrom(s.net.Left.V4, bits).Masked()] = n
	}
	want[netip.PrefixFrom(s.net.Left.V6, 64).Masked()] = v6
	maps.DeleteFunc(want, func(_ netip.Prefix, n int32) bool { return n == 0 })
	equal := func() bool { return cmp.Equal(want, s.counts(t), cmpopts.EquateComparable(netip.Prefix{})) }
	defer func() {
		if t.Failed() {
			t.Logf("(-want +got)\n%s", cmp.Diff(want, s.counts(t), cmpopts.EquateComparable(netip.Prefix{})))
		}
	}()
	until(t, equal)
}

// compares compares the counts with the sockets.
func (s *station) compares(t *testing.T) {
	t.Helper()
	s.net.Right.Do(t, func() {
		if err := s.compare(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCensusCountsWhatOthersOpen(t *testing.T) {
	s := newStation(t, testnet.New(t))
	before, beforeThere := s.connect(t, testnet.IPv4)
	s.begin(t)
	s.settles(t, 1, 0) // one that was there
	var first, second [3]net.Conn
	for i := range first {
		first[i], second[i] = s.connect(t, testnet.IPv4)
	}
	here, there := s.connect(t, testnet.IPv6)
	s.settles(t, 4, 1)
	// What the host opens itself, to the same peer, is not counted.
	var back net.Listener
	s.net.Left.Do(t, func() {
		var err error
		if back, err = net.Listen("tcp", netip.AddrPortFrom(s.net.Left.V4, 0).String()); err != nil {
			t.Fatal(err)
		}
	})
	defer back.Close()
	s.net.Right.Do(t, func() {
		c, err := net.Dial("tcp", back.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	})
	s.compares(t)
	s.settles(t, 4, 1)
	// Half closed is open: who asks for the end first does not matter.
	there.(*net.TCPConn).CloseWrite()
	s.settles(t, 4, 1)
	here.Close()
	there.Close()
	s.settles(t, 4, 0)
	second[0].(*net.TCPConn).SetLinger(0) // RST
	second[0].Close()
	s.settles(t, 3, 0)
	for _, c := range append(first[:], second[:]...) {
		c.Close()
	}
	s.settles(t, 1, 0)
	s.compares(t)
	if is, err := s.status(); err != nil || is.Open != 1 || is.Uncounted != 0 {
		t.Errorf("status %+v, %v", is, err)
	}
	asks := policy.Rule{Match: policy.All{policy.Protocols{packet.TCP}, policy.Any{policy.Connections{Above: 9, IPv4: 32, IPv6: 64}, policy.Connections{Above: 7, IPv4: 32, IPv6: 64}}}}
	if of := s.of(&asks); of == nil || *of != (RuleConnections{Most: 1, Above: 7}) {
		t.Errorf("of a rule %+v", of)
	}
	if of := s.of(&policy.Rule{Match: policy.Protocols{packet.TCP}}); of != nil {
		t.Errorf("of a rule that asks for none %+v", of)
	}
	// One from before has no mark, so its end is seen by comparing.
	before.Close()
	beforeThere.Close()
	s.compares(t)
	s.compares(t)
	s.settles(t, 0, 0)
	if is, err := s.status(); err != nil || is.Uncounted != 0 {
		t.Errorf("status %+v, %v", is, err)
	}
}

// TestCensusPutsRightWhatItMissed has counts that are too high, too low, and below zero, as
// they are if events are missed.
func TestCensusPutsRightWhatItMissed(t *testing.T) {
	s := newStation(t, testnet.New(t))
	s.begin(t)
	here, there := s.connect(t, testnet.IPv4)
	s.connect(t, testnet.IPv4)
	s.settles(t, 2, 0)
	own, wide := netip.PrefixFrom(s.net.Left.V4, 32), netip.PrefixFrom(s.net.Left.V4, 24).Masked()
	elsewhere := netip.MustParsePrefix("203.0.113.9/32")
	for _, wrong := range []int32{9, 1, 0, -5} {
		for _, p := range []netip.Prefix{own, wide, elsewhere} {
			if err := s.objects.GuardConnections.Put(compile.PrefixKey(p), wrong); err != nil {
				t.Fatal(err)
			}
		}
		s.compares(t)
		if got := s.counts(t)[own]; got != wrong {
			t.Errorf("%d was put right to %d at once: it may be a connection that begins", wrong, got)
		}
		s.compares(t)
		s.settles(t, 2, 0)
	}
	// Below zero is never: the end of connections that are not in the map leaves nothing.
	for _, p := range []netip.Prefix{own, wide} {
		if err := s.objects.GuardConnections.Delete(compile.PrefixKey(p)); err != nil {
			t.Fatal(err)
		}
	}
	here.Close()
	there.Close()
	s.settles(t, 0, 0)
	s.compares(t)
	s.compares(t)
	s.settles(t, 1, 0)
	if s.corrected == 0 {
		t.Error("no correction was counted")
	}
}

// TestCensusEndsWithoutSockets has the list of sockets fail: counts end then by themselves.
func TestCensusEndsWithoutSockets(t *testing.T) {
	s := newStation(t, testnet.New(t))
	s.begin(t)
	holds := func() (until uint64) {
		if err := s.objects.GuardCountedUntil.Lookup(uint32(0), &until); err != nil {
			t.Fatal(err)
		}
		return until
	}
	before := holds()
	if now := bootNow(); before <= now || before > now+uint64(countsHold) {
		t.Errorf("counts hold until %d, now is %d", before, now)
	}
	s.inbound = func(map[uint16]bool) ([]netip.Addr, error) { return nil, errors.New("no list") }
	if err := s.compare(); err == nil || holds() != before {
		t.Errorf("counts hold until %d, before %d; %v", holds(), before, err)
	}
}
