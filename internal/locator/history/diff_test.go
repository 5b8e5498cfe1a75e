package history

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var equateAddr = cmpopts.EquateComparable(netip.Addr{})

func hop(ttl uint8, addr, country string) Hop {
	return Hop{TTL: ttl, Addr: netip.MustParseAddr(addr), Country: country}
}

func TestCompareTellsWhatDiffers(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	low, high := 10, 40
	dest := netip.MustParseAddr("192.0.2.9")
	a := Checkpoint{
		At: at, Address: dest, Reached: true, MTU: 1500, RiskScore: &low, ASPath: []uint32{64500, 64501},
		Hops: []Hop{
			hop(1, "10.0.0.1", ""), hop(2, "10.0.1.1", "CH"), hop(2, "10.0.1.2", "CH"), hop(3, "10.0.2.1", "DE"),
			hop(4, "10.0.3.1", "DE"), hop(5, "192.0.2.9", "SE"),
		},
	}
	b := Checkpoint{
		At: at.Add(time.Hour), Address: dest, Reached: true, MTU: 1492, RiskScore: &high, ASPath: []uint32{64500, 64502, 64501},
		Hops: []Hop{
			// In no order, and one twice.
			hop(6, "192.0.2.9", "SE"), hop(1, "10.0.0.1", ""), hop(2, "10.0.1.1", "CH"), hop(3, "10.9.0.2", "US"), hop(3, "10.9.0.1", "US"),
			hop(4, "10.0.2.1", "DE"), hop(5, "10.0.3.1", "DE"), hop(5, "10.0.3.1", "DE"),
		},
	}
	a.Hops[5].RTTMedian, b.Hops[0].RTTMedian = 20000, 130000
	want := Diff{
		At: Change[time.Time]{a.At, b.At},
		TTLs: []TTLDiff{
			{TTL: 2, Vanished: []Hop{a.Hops[2]}},
			{TTL: 3, Appeared: []Hop{b.Hops[4], b.Hops[3]}},
			{TTL: 4, Moved: []Move{{b.Hops[5], 3}}},
			{TTL: 5, Moved: []Move{{b.Hops[6], 4}}},
			{TTL: 6, Moved: []Move{{b.Hops[0], 5}}},
		},
		ASPath:    Change[[]uint32]{a.ASPath, b.ASPath},
		Countries: Change[[]string]{[]string{"CH", "DE", "SE"}, []string{"CH", "US", "DE", "SE"}},
		Reached:   Change[bool]{true, true},
		Length:    Change[uint8]{5, 6},
		RTT:       Change[time.Duration]{20 * time.Millisecond, 130 * time.Millisecond},
		MTU:       Change[int]{1500, 1492},
		RiskScore: Change[*int]{&low, &high},
	}
	got := Compare(a, b)
	if diff := cmp.Diff(want, got, equateAddr); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Empty() {
		t.Error("the difference is empty")
	}
}

// A hop may answer at several TTLs, as the destination does to different flows.
func TestTheNearestOfSeveralMoved(t *testing.T) {
	a := []Hop{hop(2, "10.0.0.1", ""), hop(9, "10.0.0.1", ""), hop(4, "10.0.0.2", "")}
	b := []Hop{hop(8, "10.0.0.1", ""), hop(4, "10.0.0.2", "")}
	want := []TTLDiff{
		{TTL: 2, Vanished: []Hop{a[0]}},
		{TTL: 8, Moved: []Move{{b[0], 9}}},
	}
	if diff := cmp.Diff(want, compareHops(a, b), equateAddr); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTimesAloneAreNoDifference(t *testing.T) {
	c := Checkpoint{Address: netip.MustParseAddr("192.0.2.9"), Hops: []Hop{hop(1, "10.0.0.1", "CH"), hop(2, "192.0.2.9", "")}, ASPath: []uint32{1}}
	later := c
	later.At = c.At.Add(time.Hour)
	later.Hops = []Hop{c.Hops[1], c.Hops[0]}
	later.Hops[0].RTTMedian = 7
	if d := Compare(c, later); !d.Empty() || d.RTT.After != 7*time.Microsecond {
		t.Errorf("%+v", d)
	}
	for name, change := range map[string]func(*Checkpoint){
		"hop":     func(c *Checkpoint) { c.Hops = c.Hops[:1] },
		"AS path": func(c *Checkpoint) { c.ASPath = nil },
		"country": func(c *Checkpoint) { c.Hops = []Hop{hop(1, "10.0.0.1", "DE"), c.Hops[0]} },
		"reached": func(c *Checkpoint) { c.Reached = true },
		"length":  func(c *Checkpoint) { c.Address = netip.MustParseAddr("10.0.0.1") },
		"MTU":     func(c *Checkpoint) { c.MTU = 1400 },
	} {
		other := later
		change(&other)
		if Compare(c, other).Empty() {
			t.Errorf("another %s is no difference", name)
		}
	}
}

func TestTimesAreRoundedButNotToUnknown(t *testing.T) {
	for d, want := range map[time.Duration]Micros{
		-time.Second: 0, 0: 0, 1: 1, 499: 1, 1499: 1, 1500: 2, time.Second: 1000000,
	} {
		if got := MicrosOf(d); got != want {
			t.Errorf("%d ns are %d µs, want %d", d, got, want)
		}
	}
}
