package stack

import (
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// files parses all object files of a family.
func files(t testing.TB, f HookFamily) []*ebpf.CollectionSpec {
	t.Helper()
	var specs []*ebpf.CollectionSpec
	for _, parse := range objectFiles()[f] {
		s, err := parse()
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, s)
	}
	return specs
}

// programs returns those of all object files of a family.
func programs(t testing.TB, f HookFamily) map[string]*ebpf.ProgramSpec {
	t.Helper()
	all := make(map[string]*ebpf.ProgramSpec)
	for _, s := range files(t, f) {
		for name, program := range s.Programs {
			if all[name] != nil {
				t.Errorf("two files of the %v family have a program %q", f, name)
			}
			all[name] = program
		}
	}
	return all
}

// spec parses the first object file of a family.
func spec(t testing.TB, f HookFamily) *ebpf.CollectionSpec {
	t.Helper()
	return files(t, f)[0]
}

func TestFilesShareTheirMaps(t *testing.T) {
	first := make(map[string]*ebpf.MapSpec)
	for _, f := range HookFamilies {
		for _, s := range files(t, f) {
			for name, m := range s.Maps {
				shared := first[name]
				if shared == nil {
					first[name] = m
					continue
				}
				if name == readOnlyData {
					continue
				}
				if m.Type != shared.Type || m.KeySize != shared.KeySize || m.ValueSize != shared.ValueSize ||
					m.MaxEntries != shared.MaxEntries || m.Flags != shared.Flags {
					t.Errorf("%v map %q is %v, elsewhere %v", f, name, m, shared)
				}
			}
		}
	}
}

// The writable variables are one map that all files are loaded with, so each must
// find its variables at the same place.
func TestFilesShareTheirVariables(t *testing.T) {
	first := spec(t, Tracepoint).Variables
	for _, f := range HookFamilies {
		for _, s := range files(t, f) {
			for name, v := range s.Variables {
				shared := first[name]
				if v.SectionName == readOnlyData {
					continue
				}
				if shared == nil || shared.SectionName != v.SectionName || shared.Offset != v.Offset || shared.Size() != v.Size() {
					t.Errorf("%v variable %v, of the first file %v", f, v, shared)
				}
			}
		}
	}
	for _, name := range []string{"stations_attached", "watch_bank"} {
		if v := first[name]; v == nil || v.Constant() {
			t.Errorf("variable %q is %v, want a writable one", name, v)
		}
	}
}

func TestConstantsAreSetInEveryFile(t *testing.T) {
	for _, f := range HookFamilies {
		for i, s := range files(t, f) {
			if err := setConstants(s, Config{SampleEvery: 8}, namespaces{scope: 5, own: 7}); err != nil {
				t.Fatalf("%v: %v", f, err)
			}
			for name, want := range map[string]uint32{"sample_mask": 7, "scope_netns": 5, "own_netns": 7} {
				if i > 0 && s.Variables[name] == nil {
					continue
				}
				var got uint32
				if err := s.Variables[name].Get(&got); err != nil || got != want {
					t.Errorf("%v: %q is %d, %v, want %d", f, name, got, err, want)
				}
			}
			if i > 0 && s.Variables["duration_bound"] == nil {
				continue
			}
			var bounds [Slots]uint64
			if err := s.Variables["duration_bound"].Get(&bounds); err != nil || bounds != durationBounds() {
				t.Errorf("%v: duration_bound is %v, %v", f, bounds, err)
			}
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
