package stack

import (
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
)

// spec parses the object of a family.
func spec(t testing.TB, f HookFamily) *ebpf.CollectionSpec {
	t.Helper()
	load := map[HookFamily]func() (*ebpf.CollectionSpec, error){
		Tracepoint: bpf.LoadStackTracepoint, Trampoline: bpf.LoadStackTrampoline,
		Kprobe: bpf.LoadStackKprobe, Net: bpf.LoadStackNet,
	}[f]
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFamiliesShareTheirMaps(t *testing.T) {
	first := spec(t, Tracepoint)
	for _, f := range HookFamilies[1:] {
		for name, m := range spec(t, f).Maps {
			shared := first.Maps[name]
			if name == readOnlyData || shared == nil {
				continue
			}
			if m.Type != shared.Type || m.KeySize != shared.KeySize || m.ValueSize != shared.ValueSize ||
				m.MaxEntries != shared.MaxEntries || m.Flags != shared.Flags {
				t.Errorf("%v map %q is %v, of the tracepoint family %v", f, name, m, shared)
			}
		}
	}
}

// The writable variables are one map that all families are loaded with, so each must
// find its variables at the same place.
func TestFamiliesShareTheirVariables(t *testing.T) {
	first := spec(t, Tracepoint).Variables
	for _, f := range HookFamilies[1:] {
		variables := spec(t, f).Variables
		if len(variables) != len(first) {
			t.Errorf("%v family has %d variables, the tracepoint family %d", f, len(variables), len(first))
		}
		for name, v := range variables {
			shared := first[name]
			if shared == nil || shared.SectionName != v.SectionName || shared.Offset != v.Offset || shared.Size() != v.Size() {
				t.Errorf("%v variable %v, of the tracepoint family %v", f, v, shared)
			}
		}
	}
	for _, name := range []string{"stations_attached", "watch_bank"} {
		if v := first[name]; v == nil || v.Constant() {
			t.Errorf("variable %q is %v, want a writable one", name, v)
		}
	}
}

func TestConstantsAreSetInEveryFamily(t *testing.T) {
	for _, f := range HookFamilies {
		s := spec(t, f)
		if err := setConstants(s, Config{SampleEvery: 8}, namespaces{scope: 5, own: 7}); err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		for name, want := range map[string]uint32{"sample_mask": 7, "scope_netns": 5, "own_netns": 7} {
			var got uint32
			if err := s.Variables[name].Get(&got); err != nil || got != want {
				t.Errorf("%v: %q is %d, %v, want %d", f, name, got, err, want)
			}
		}
		var bounds [Slots]uint64
		if err := s.Variables["duration_bound"].Get(&bounds); err != nil || bounds != durationBounds() {
			t.Errorf("%v: duration_bound is %v, %v", f, bounds, err)
		}
	}
}

func TestLoadedSpecHoldsOneProgram(t *testing.T) {
	whole := spec(t, Tracepoint)
	one := without(whole, map[string]bool{"drop_tracepoint": true})
	if len(one.Programs) != 1 || one.Programs["drop_tracepoint"] == nil {
		t.Errorf("programs %v, want the one", one.Programs)
	}
	if len(whole.Programs) < 2 {
		t.Error("the original lost its programs")
	}
}

func TestSampleEveryIsAPowerOfTwo(t *testing.T) {
	for every, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 3: 4, 8: 8, 9: 16, 255: 256, 256: 256, 100_000: 256} {
		if got := sampleEvery(Config{SampleEvery: every}); got != want {
			t.Errorf("SampleEvery %d is %d in force, want %d", every, got, want)
		}
	}
}

func TestOldKernelsGetPreallocatedMaps(t *testing.T) {
	before, after := spec(t, Tracepoint), spec(t, Tracepoint).Copy()
	preallocate(after)
	for name, m := range after.Maps {
		was := before.Maps[name]
		if name != "watched_latency" {
			if m.Flags != was.Flags || m.MaxEntries != was.MaxEntries {
				t.Errorf("map %q changed", name)
			}
			continue
		}
		if m.Flags&unix.BPF_F_NO_PREALLOC != 0 || m.MaxEntries*16 != was.MaxEntries {
			t.Errorf("map %q has flags %#x and %d entries, of %d before", name, m.Flags, m.MaxEntries, was.MaxEntries)
		}
	}
}
