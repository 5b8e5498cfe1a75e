//go:build kernel

package compile

import (
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
	"github.com/packetscope/packetscope/internal/testnet"
)

const (
	swapFrames = 8192
	outcomes   = 4
)

// swapSize returns how many packets are judged by policies of how many rules.
func swapSize() (packets, rules int) {
	if testnet.InVM() {
		return 1_000_000, 2000
	}
	return 5_000_000, 10_000
}

// TestNoPacketIsJudgedByAMixture has two large policies take turns while
// packets are judged: each must be judged by one of the two.
func TestNoPacketIsJudgedByAMixture(t *testing.T) {
	m := workload.New(newMaker(t).Uint64())
	packets, size := swapSize()
	rules := m.Rules(size)
	trace := m.Trace(rules, swapFrames)
	frames, expected := make([][]byte, swapFrames), make([][2]uint32, swapFrames)
	shared := sharedMaps(t)
	var policies [2]*Generation
	for i := range policies {
		p := workload.Policy(rules)
		slices.Reverse(rules) // other numbers, and other first matches
		begin := time.Now()
		tables, err := Compile(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		compiled := time.Since(begin)
		spec, err := bpf.LoadBenchGuard()
		if err != nil {
			t.Fatal(err)
		}
		if policies[i], err = tables.LoadProgram(spec, "bench_swap_policy", LoadOptions{State: shared}); err != nil {
			t.Fatalf("%+v", err)
		}
		defer policies[i].Close()
		info, err := policies[i].Program.Info()
		if err != nil {
			t.Fatal(err)
		}
		verified, _ := info.VerifiedInstructions()
		t.Logf("compiled in %v, with loading %v; %d instructions verified", compiled, time.Since(begin), verified)
		for n, f := range trace {
			frames[n] = append(f.Bytes(), make([]byte, 96)...)[:96]
			pkt := packet.Parse(frames[n])
			expected[n][i] = uint32(none)
			if by := tables.Classify(&pkt, &policy.Env{}).By; by != policy.None {
				expected[n][i] = uint32(by)
			}
		}
	}
	for n := range frames {
		put(t, shared["bench_frames"], uint32(n), frames[n])
		put(t, shared["bench_expectations"], uint32(n), expected[n])
	}
	put(t, shared[MapGeneration], uint32(0), policies[0].Program)

	entry := swapEntry(t, shared)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range packets / 100_000 {
			if _, _, err := entry.Benchmark(frames[0], 100_000, nil); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	swaps := 0
	for running := true; running; swaps++ {
		select {
		case <-done:
			running = false
		default:
			put(t, shared[MapGeneration], uint32(0), policies[swaps%2].Program)
		}
	}
	total := make([]uint64, outcomes)
	for outcome := range total {
		var perCPU []uint64
		if err := shared["bench_outcomes"].Lookup(uint32(outcome), &perCPU); err != nil {
			t.Fatal(err)
		}
		for _, n := range perCPU {
			total[outcome] += n
		}
	}
	t.Logf("%d swaps; packets by the first policy %d, by the second alone %d, by a mixture %d, by none %d", swaps, total[0], total[1], total[2], total[3])
	if total[0] == 0 || total[1] == 0 || total[2] != 0 || total[3] != 0 || total[0]+total[1] < uint64(packets) {
		t.Error("not each packet was judged by one of two policies in turn")
	}
}

func put(t *testing.T, m *ebpf.Map, key, value any) {
	t.Helper()
	if err := m.Put(key, value); err != nil {
		t.Fatal(err)
	}
}

// sharedMaps returns the maps that both generations and the entry have in common.
func sharedMaps(t *testing.T) map[string]*ebpf.Map {
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	shared := make(map[string]*ebpf.Map)
	for _, name := range []string{MapGeneration, "bench_frames", "bench_turn", "bench_expectations", "bench_outcomes"} {
		m, err := ebpf.NewMap(spec.Maps[name])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		shared[name] = m
	}
	return shared
}

func swapEntry(t *testing.T, shared map[string]*ebpf.Map) *ebpf.Program {
	const name = "bench_swap_entry"
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	needed := []string{MapGeneration, "bench_frames", "bench_turn", "bench_outcomes"}
	keep(spec, name, needed...)
	replacements := make(map[string]*ebpf.Map)
	for _, name := range needed {
		replacements[name] = shared[name]
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: replacements})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(coll.Close)
	return coll.Programs[name]
}
