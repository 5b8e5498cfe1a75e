//go:build kernel

package compile

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/limit"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A flood is a generation with a limit, and sources that send to it.
type flood struct {
	g     *Generation
	state map[string]*ebpf.Map
	frame []byte
	now   time.Duration
}

// newFlood limits what comes from each source.
func newFlood(t *testing.T, l policy.Limit) *flood {
	t.Helper()
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	p := &policy.Policy{Rules: []policy.Rule{{
		Group: "floods", Name: "udp", Stage: policy.PolicyRule, Action: policy.Drop, Mode: policy.Enforce,
		Match: policy.Protocols{packet.UDP}, Limit: &l,
	}}}
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	state, err := NewState(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range state {
		t.Cleanup(func() { m.Close() })
	}
	g := loaded(t, tables, LoadOptions{FixedClock: true, State: state})
	t.Cleanup(g.Close)
	f := packet.Frame{Source: netip.MustParseAddr("192.0.2.1"), Destination: netip.MustParseAddr("192.0.2.2"), Protocol: packet.UDP, DestinationPort: 7}
	return &flood{g: g, state: state, frame: f.Bytes(), now: time.Hour}
}

// send has a packet come from an IPv4 address, and returns whether it passes.
func (f *flood) send(t *testing.T, source uint32) bool {
	t.Helper()
	const atSource, xdpPass = 14 + 12, 2
	binary.BigEndian.PutUint32(f.frame[atSource:], source)
	verdict, err := f.g.Program.Run(&ebpf.RunOptions{Data: f.frame})
	if err != nil {
		t.Fatal(err)
	}
	return verdict == xdpPass
}

// wait lets time pass.
func (f *flood) wait(t *testing.T, d time.Duration) {
	t.Helper()
	f.now += d
	put(t, f.g.Map(MapSetup), uint32(0), bpf.GuardSetup{Seed: 1, Clock: uint64(f.now)})
}

func (f *flood) full(t *testing.T) uint64 {
	t.Helper()
	return totalOf(t, f.g, bpf.GuardTotalLimitFull)
}

// memory is what all maps of the state take.
func (f *flood) memory(t *testing.T) (bytes uint64) {
	t.Helper()
	for name, m := range f.state {
		info, err := m.Info()
		if err != nil {
			t.Fatal(err)
		}
		n, ok := info.Memlock()
		if !ok && name != MapBuckets && name != MapSketch {
			continue // an empty trie, and before Linux 6.3 a ring, take nothing that is told
		}
		if !ok {
			t.Fatalf("the kernel does not tell the memory of %s", name)
		}
		bytes += n
	}
	return bytes
}

// TestRealSourcesSurviveForgedOnes has 20 sources send at 80 % of their limit while a
// million others, each with an address of its own, send one packet each, in the time
// that a link of 100,000 packets per second needs for that; and one that sends ten times
// its limit.
func TestRealSourcesSurviveForgedOnes(t *testing.T) {
	const seconds, real = 10, 20
	forged := 1_000_000
	if testnet.InVM() {
		forged = 20_000 // each takes some hundred µs there
	}
	for _, c := range []struct {
		name string
		rate float64
		// burst is large enough that a real source never waits.
		burst int
	}{{"fast", 100, 50}, {"slow", 1, 10}} {
		t.Run(c.name, func(t *testing.T) {
			f := newFlood(t, policy.Limit{Level: policy.Level{Per: policy.PerSource, Prefix4: 32, Prefix6: 64}, Rate: c.rate, Burst: c.burst})
			f.wait(t, 0)
			before := f.memory(t)
			random := rand.New(rand.NewPCG(1, 2))
			sent, passed, greedy, left, dropped := 0, 0, 0, 0, 0
			// Each step is a ms with its share of forged packets.
			const steps = 1000 * seconds
			for step := range steps {
				f.wait(t, time.Millisecond)
				for range forged / steps {
					if !f.send(t, 0x0b000000|random.Uint32()) {
						dropped++
					}
				}
				for n := range uint32(real) {
					if due(step, 0.8*c.rate, n) {
						sent++
						if f.send(t, 0x0a000001+n) {
							passed++
						}
					}
				}
				if due(step, 10*c.rate, 0) {
					greedy++
					if f.send(t, 0x0a0000ff) {
						left++
					}
				}
			}
			t.Logf("%d of %d packets of real sources passed, %d of %d of one that sends 10 times its limit, %d of %d forged ones dropped, %d without room",
				passed, sent, left, greedy, dropped, forged, f.full(t))
			if passed*100 < sent*95 {
				t.Errorf("only %d of %d packets of real sources passed", passed, sent)
			}
			if most := int(seconds*c.rate) + c.burst; left > 2*most {
				t.Errorf("%d packets of one that sends too much passed; its limit is %d", left, most)
			}
			if after := f.memory(t); after != before {
				t.Errorf("the maps took %d bytes, and take %d", before, after)
			}
		})
	}
}

// due tells whether a source that sends so many packets per second sends one in a ms.
func due(ms int, rate float64, phase uint32) bool {
	at := func(ms int) int { return int((float64(ms) + 37*float64(phase)) * rate / 1000) }
	return at(ms+1) != at(ms)
}

// TestSlowLimitsLeaveRoomForOthers has many forged sources hit a rule that allows a packet in
// six seconds, so that its buckets are full for minutes; then a source sends ten times what
// another rule allows.
func TestSlowLimitsLeaveRoomForOthers(t *testing.T) {
	for name, full := range map[string]policy.WhenFull{"aggregate": policy.Aggregate, "pass": policy.PassAll} {
		t.Run(name, func(t *testing.T) {
			const fast, slow, fastPerSecond, fastBurst, seconds = 7, 8, 100, 10, 5
			rule := func(port uint32, rate float64, burst int) policy.Rule {
				return policy.Rule{
					Group: "floods", Name: fmt.Sprint(port), Stage: policy.PolicyRule, Action: policy.Drop, Mode: policy.Enforce,
					Match: policy.All{policy.Protocols{packet.UDP}, policy.Ports{Of: policy.DestinationPort, Ranges: []policy.Range{{Low: port, High: port}}}},
					Limit: &policy.Limit{Level: policy.Level{Per: policy.PerSource, Prefix4: 32, Prefix6: 64}, Rate: rate, Burst: burst, WhenFull: full},
				}
			}
			tables, err := Compile(&policy.Policy{Rules: []policy.Rule{rule(fast, fastPerSecond, fastBurst), rule(slow, 1./6, 60)}}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			g := loaded(t, tables, LoadOptions{FixedClock: true})
			defer g.Close()
			frame := packet.Frame{Source: netip.MustParseAddr("192.0.2.1"), Destination: netip.MustParseAddr("192.0.2.2"), Protocol: packet.UDP, DestinationPort: slow}
			f := &flood{g: g, frame: frame.Bytes(), now: time.Hour}
			f.wait(t, 0)
			forged := 64 * bucketsAlone * bpf.GuardBucketWays / 2
			if testnet.InVM() {
				forged /= 2
			}
			random := rand.New(rand.NewPCG(1, 2))
			for range forged {
				f.send(t, 0x0b000000|random.Uint32()>>8)
			}
			frame.DestinationPort = fast
			f.frame = frame.Bytes()
			sent, passed, greedy, left := 0, 0, 0, 0
			for step := range 1000 * seconds {
				f.wait(t, time.Millisecond)
				for n := range uint32(20) {
					if due(step, 0.8*fastPerSecond, n) {
						sent++
						if f.send(t, 0x0a000001+n) {
							passed++
						}
					}
				}
				if due(step, 10*fastPerSecond, 0) {
					greedy++
					if f.send(t, 0x0c0000ff) {
						left++
					}
				}
			}
			t.Logf("%d of %d packets of real sources passed, %d of %d of one that sends 10 times its limit, %d without room", passed, sent, left, greedy, f.full(t))
			if passed*100 < sent*95 || left > 2*(seconds*fastPerSecond+fastBurst) {
				t.Error("forged sources of one rule took the room of the other")
			}
		})
	}
}

// TestSketchIsExactForFew compares limits with the reference where hashes of no two
// sources meet, which the seed is for.
func TestSketchIsExactForFew(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, burst := range []int{1, 2, 3, 4, 20} {
		l := policy.Limit{Level: policy.Level{Per: policy.PerSource, Prefix4: 32, Prefix6: 64}, Rate: 10, Burst: burst}
		f := newFlood(t, l)
		var b limit.Buckets[uint32]
		over := 0
		packets := 20_000
		if testnet.InVM() {
			packets = 3000
		}
		for n := range packets {
			f.wait(t, time.Duration(random.IntN(10))*time.Millisecond)
			source := 0x0a000001 + uint32(random.IntN(30)*random.IntN(2))
			want, got := b.Take(source, l.GCRA(), int64(f.now)) != limit.Over, f.send(t, source)
			if want != got {
				t.Fatalf("burst %d: packet %d of source %x passes: %v, want %v", burst, n, source, got, want)
			}
			if !want {
				over++
			}
		}
		if over < packets/20 || f.full(t) != 0 {
			t.Errorf("burst %d: %d packets over, %d without room; the test tests nothing", burst, over, f.full(t))
		}
	}
}
