//go:build kernel

package compile

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// newFullFlood limits each source to a packet per second, at a table with room for few, and
// fills it: of 64 sources each sends as much at once as it may, and those that found room
// are returned apart.
func newFullFlood(t *testing.T, full policy.WhenFull) (f *flood, with, without []uint32) {
	t.Helper()
	const sets, sources = 4, 64 // of 8 each
	l := policy.Limit{Level: policy.Level{Per: policy.PerSource, Prefix4: 32, Prefix6: 64}, Rate: 1, Burst: fullBurst, WhenFull: full}
	tables, err := Compile(&policy.Policy{Rules: []policy.Rule{{
		Group: "floods", Name: "udp", Stage: policy.PolicyRule, Action: policy.Drop, Mode: policy.Enforce,
		Match: policy.Protocols{packet.UDP}, Limit: &l,
	}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := bpf.LoadGuard()
	if err != nil {
		t.Fatal(err)
	}
	spec.Maps[MapBuckets].MaxEntries = sets
	buckets, err := ebpf.NewMap(spec.Maps[MapBuckets])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { buckets.Close() })
	// Without a sketch, all that has room is exact.
	g := loaded(t, tables, LoadOptions{FixedClock: true, NoSketch: true, State: map[string]*ebpf.Map{MapBuckets: buckets}})
	t.Cleanup(g.Close)
	frame := packet.Frame{Source: netip.MustParseAddr("192.0.2.1"), Destination: netip.MustParseAddr("192.0.2.2"), Protocol: packet.UDP, DestinationPort: 7}
	f = &flood{g: g, frame: frame.Bytes(), now: time.Hour}
	f.wait(t, 0)
	for source := uint32(0x0a010000); source < 0x0a010000+sources; source++ {
		before := f.full(t)
		f.passes(t, source, fullBurst)
		if f.full(t) == before {
			with = append(with, source)
		} else {
			without = append(without, source)
		}
	}
	if len(with) > sets*bpf.GuardBucketWays || len(with) < sets*bpf.GuardBucketWays/2 {
		t.Fatalf("%d sources of %d found room, of %d", len(with), sources, sets*bpf.GuardBucketWays)
	}
	return f, with, without
}

const fullBurst = 20

// passes sends packets of a source and returns how many pass.
func (f *flood) passes(t *testing.T, source uint32, packets int) (n int) {
	t.Helper()
	for range packets {
		if f.send(t, source) {
			n++
		}
	}
	return n
}

// TestFullTableOfLimits: sources that have a bucket are limited as ever. Those without one are
// counted with their network, or let pass, as the policy says; and have one when others are
// quiet.
func TestFullTableOfLimits(t *testing.T) {
	for name, full := range map[string]policy.WhenFull{"aggregate": policy.Aggregate, "pass": policy.PassAll} {
		t.Run(name, func(t *testing.T) {
			f, with, without := newFullFlood(t, full)
			for _, source := range with {
				if n := f.passes(t, source, 5); n != 0 {
					t.Errorf("%d packets pass of a source that is at its limit, and has a bucket", n)
				}
			}
			before, passed := f.full(t), 0
			for _, source := range without {
				passed += f.passes(t, source, 5)
			}
			sent := 5 * len(without)
			if n := f.full(t) - before; n != uint64(sent) {
				t.Errorf("%d packets of %d are counted as without room", n, sent)
			}
			// All of them are of one /16, which has sent a burst by now.
			if want := map[policy.WhenFull]int{policy.Aggregate: 0, policy.PassAll: sent}[full]; passed != want {
				t.Errorf("%d packets of %d pass that are of sources without room, want %d", passed, sent, want)
			}
			f.wait(t, 10*time.Second)
			// 10 more of each with a bucket, and 10 of all others together.
			passed = 0
			for range fullBurst {
				for _, source := range without {
					passed += f.passes(t, source, 1)
				}
			}
			if full == policy.Aggregate && passed != 10 {
				t.Errorf("%d packets of all sources without room pass after 10 s, want 10", passed)
			}
			if n := f.passes(t, with[0], fullBurst); n != 10 {
				t.Errorf("%d packets of one with a bucket pass after 10 s, want 10", n)
			}
			f.wait(t, time.Hour) // nobody is near its limit any more
			before = f.full(t)
			if n := f.passes(t, without[0], 2*fullBurst); n != fullBurst || f.full(t) != before {
				t.Errorf("%d packets of one that was without room pass, want %d; %d without room", n, fullBurst, f.full(t)-before)
			}
		})
	}
}

// TestFullTableHasNoRoomForNetworks: when there is no room for a network either, its sources
// pass, whatever the policy says, and are counted.
func TestFullTableHasNoRoomForNetworks(t *testing.T) {
	f, _, _ := newFullFlood(t, policy.Aggregate)
	// Of 64 other networks each has one source; some find no room, and neither do all of their
	// networks.
	passing := 0
	for network := uint32(0x0a020000); network < 0x0a420000; network += 0x10000 {
		before := f.full(t)
		if n := f.passes(t, network, 2*fullBurst); n == 2*fullBurst && f.full(t) == before+2*fullBurst {
			passing++
		} else if n != fullBurst {
			t.Errorf("%d packets of a source pass, want a burst, or all without room", n)
		}
	}
	if passing == 0 {
		t.Error("each network finds room; the test tests nothing")
	}
	t.Logf("%d of 64 networks found no room", passing)
}
