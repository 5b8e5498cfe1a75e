package passive

import (
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/geo"
)

const ms = time.Millisecond

func conn(remote string, rtt, least time.Duration, c Counts) Conn {
	return Conn{
		Local: netip.MustParseAddrPort("192.0.2.1:40000"), Remote: netip.AddrPortFrom(netip.MustParseAddr(remote), 443),
		RTT: rtt, MinRTT: least, Total: Counts{math.MaxUint32, math.MaxUint32, 1 << 40, 1 << 40}, Interval: c,
	}
}

func TestGroupSumsByPrefix(t *testing.T) {
	conns := []Conn{
		conn("198.51.100.7", 30*ms, 20*ms, Counts{Segments: 10, Retransmitted: 1, Acked: 1000, Received: 200}),
		conn("2001:db8:1:2::7", 5*ms, 4*ms, Counts{Acked: 10}),
		conn("198.51.100.9", 10*ms, 0, Counts{Segments: 20, Retransmitted: 2, Acked: 1000, Received: 500}),
		conn("198.51.100.7", 40*ms, 15*ms, Counts{Segments: 5, Acked: 1, Received: 299}),
		conn("198.51.100.9", 0, 0, Counts{}),
		conn("203.0.113.200", 7*ms, 7*ms, Counts{Received: 10}),
		conn("203.0.113.3", 9*ms, 8*ms, Counts{Received: 10}),
		conn("2001:db8:1:ffff::", 6*ms, 3*ms, Counts{Acked: 10}),
	}
	// .7 and .9 moved 1500 bytes each, and .3 and .200 10 each: the lesser address is told.
	want := []Peer{
		{
			Prefix: netip.MustParsePrefix("198.51.100.0/24"), Addr: netip.MustParseAddr("198.51.100.7"), Conns: 4,
			Interval: Sums{Segments: 35, Retransmitted: 3, Acked: 2001, Received: 999}, RTT: 30 * ms, MinRTT: 15 * ms,
		},
		{
			Prefix: netip.MustParsePrefix("203.0.113.0/24"), Addr: netip.MustParseAddr("203.0.113.3"), Conns: 2,
			Interval: Sums{Received: 20}, RTT: 7 * ms, MinRTT: 7 * ms,
		},
		{
			Prefix: netip.MustParsePrefix("2001:db8:1::/48"), Addr: netip.MustParseAddr("2001:db8:1:2::7"), Conns: 2,
			Interval: Sums{Acked: 20}, RTT: 5 * ms, MinRTT: 3 * ms,
		},
	}
	if diff := cmp.Diff(want, Group(conns, 24, 48), equate); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGroupTellsTheAddressWithMostBytes(t *testing.T) {
	conns := []Conn{
		conn("198.51.100.1", 0, 0, Counts{Acked: 10}),
		conn("198.51.100.2", 0, 0, Counts{Received: 6}),
		conn("198.51.100.2", 0, 0, Counts{Received: 5}),
	}
	if got := Group(conns, 24, 48)[0].Addr.String(); got != "198.51.100.2" {
		t.Errorf("address %s", got)
	}
}

func TestPrefixLengthsAreBounded(t *testing.T) {
	conns := []Conn{conn("198.51.100.1", 0, 0, Counts{}), conn("2001:db8::1", 0, 0, Counts{})}
	for _, c := range []struct {
		bits int
		want [2]string
	}{
		{-1, [2]string{"0.0.0.0/0", "::/0"}},
		{1000, [2]string{"198.51.100.1/32", "2001:db8::1/128"}},
	} {
		peers := Group(conns, c.bits, c.bits)
		if len(peers) != 2 || peers[0].Prefix.String() != c.want[0] || peers[1].Prefix.String() != c.want[1] {
			t.Errorf("%d bits: %+v", c.bits, peers)
		}
	}
	if peers := Group([]Conn{{}}, 24, 48); len(peers) != 0 {
		t.Errorf("of no address: %+v", peers)
	}
}

func TestRatioOfSegmentsThatWereSentAgain(t *testing.T) {
	for _, c := range []struct {
		sums  Sums
		ratio float64
		known bool
	}{
		{Sums{}, 0, false},
		{Sums{Retransmitted: 1}, 0, false},
		{Sums{Segments: 8, Retransmitted: 1}, 0.125, true},
		{Sums{Segments: 1, Retransmitted: 3}, 1, true}, // FINs
	} {
		if ratio, known := c.sums.RetransRatio(); ratio != c.ratio || known != c.known {
			t.Errorf("%+v: %v, %v; want %v, %v", c.sums, ratio, known, c.ratio, c.known)
		}
	}
}

func TestWithoutLeavesOutOwnAndUnwantedAddresses(t *testing.T) {
	self := conn("9.9.9.1", 0, 0, Counts{})
	accepted := conn("9.9.9.1", 0, 0, Counts{})
	accepted.Local, self.Local = self.Remote, netip.MustParseAddrPort("9.9.9.1:40000")
	conns := []Conn{
		self, accepted,
		conn("8.8.4.4", 0, 0, Counts{}), conn("10.1.2.3", 0, 0, Counts{}), conn("127.0.0.1", 0, 0, Counts{}),
		conn("fe80::1", 0, 0, Counts{}), conn("2001:db8::1", 0, 0, Counts{}), conn("fd00::1", 0, 0, Counts{}),
		conn("2001:4860:4860::8844", 0, 0, Counts{}), conn("100.64.0.1", 0, 0, Counts{}),
	}
	for _, c := range []struct {
		kinds []geo.Kind
		want  []string
	}{
		{Unrouted, []string{"8.8.4.4", "2001:4860:4860::8844"}},
		{[]geo.Kind{geo.Loopback, geo.Private}, []string{"8.8.4.4", "fe80::1", "2001:db8::1", "2001:4860:4860::8844", "100.64.0.1"}},
		{nil, []string{"8.8.4.4", "10.1.2.3", "127.0.0.1", "fe80::1", "2001:db8::1", "fd00::1", "2001:4860:4860::8844", "100.64.0.1"}},
	} {
		var got []string
		for _, c := range Without(conns, c.kinds...) {
			got = append(got, c.Remote.Addr().String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("without %v (-want +got):\n%s", c.kinds, diff)
		}
	}
}

func TestReaderTellsWhatHappenedSince(t *testing.T) {
	var conns []Conn
	var fault error
	r := &Reader{read: func() ([]Conn, error) { return append([]Conn(nil), conns...), fault }}
	read := func(want ...Counts) {
		t.Helper()
		var got []Counts
		all, err := r.Read()
		for _, c := range all {
			got = append(got, c.Interval)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != fault {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	}
	conns = []Conn{{Cookie: 1, Total: Counts{math.MaxUint32 - 1, math.MaxUint32, 100, 1000}}}
	read(conns[0].Total)
	// The kernel's counters of segments wrap around.
	conns = []Conn{
		{Cookie: 2, Total: Counts{5, 0, 7, 9}},
		{Cookie: 1, Total: Counts{3, 1, 150, 1000}},
	}
	read(conns[0].Total, Counts{5, 2, 50, 0})
	fault = errors.New("no answer")
	read()
	fault = nil
	conns[0].Total.Acked += 3
	read(Counts{Acked: 3}, Counts{})
	// A connection that was away is one that the reader has not seen.
	kept := conns
	conns = conns[:1]
	read(Counts{})
	conns = kept
	read(Counts{}, conns[1].Total)
}
