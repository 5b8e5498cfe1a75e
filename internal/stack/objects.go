package stack

import (
	"fmt"
	"math"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
)

// objects loads programs one by one, so that one that the kernel refuses does not
// take the others with it, onto one shared set of maps.
type objects struct {
	specs map[HookFamily]*ebpf.CollectionSpec
	// own are the maps that each family has for itself: its read-only data.
	own map[HookFamily]map[string]*ebpf.Map
	// maps are shared by all families, by name.
	maps map[string]*ebpf.Map
	// attached and bank are variables of the programs; see maps.h.
	attached, bank *ebpf.Variable
	// types of the kernel, decoded as they are needed; see forgetTypes.
	types *btf.Cache
}

const readOnlyData = ".rodata"

// namespaces are inode numbers of network namespaces; see maps.h.
type namespaces struct{ scope, own uint32 }

func newObjects(cfg Config, ns namespaces) (*objects, error) {
	o := &objects{
		specs: make(map[HookFamily]*ebpf.CollectionSpec),
		own:   make(map[HookFamily]map[string]*ebpf.Map),
		maps:  make(map[string]*ebpf.Map),
		types: btf.NewCache(),
	}
	loaders := map[HookFamily]func() (*ebpf.CollectionSpec, error){
		Tracepoint: bpf.LoadStackTracepoint,
		Trampoline: bpf.LoadStackTrampoline,
		Kprobe:     bpf.LoadStackKprobe,
		Net:        bpf.LoadStackNet,
	}
	for family, load := range loaders {
		spec, err := load()
		if err != nil {
			return nil, fmt.Errorf("parse %s probes: %w", family, err)
		}
		if err := setConstants(spec, cfg, ns); err != nil {
			return nil, err
		}
		if !runsOn(6, 1) {
			preallocate(spec)
		}
		o.specs[family] = spec
		o.own[family] = make(map[string]*ebpf.Map)
	}
	// The tracepoint family comes first because its variables are the ones that are
	// written: a family loaded later shares them as it shares the maps.
	if err := o.shareVariables(); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func setConstants(spec *ebpf.CollectionSpec, cfg Config, ns namespaces) error {
	values := map[string]any{
		"sample_mask":    uint32(sampleEvery(cfg) - 1),
		"scope_netns":    ns.scope,
		"own_netns":      ns.own,
		"duration_bound": durationBounds(),
	}
	for name, value := range values {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %q: %w", name, err)
		}
	}
	return nil
}

// preallocate makes the map that grows with the watches take all of its memory at
// once, and so less of it: before Linux 6.1 (commit 7c8199e24fa0) a tracing program
// could deadlock where it allocated.
func preallocate(spec *ebpf.CollectionSpec) {
	for _, m := range spec.Maps {
		if m.Flags&unix.BPF_F_NO_PREALLOC != 0 && m.Type == ebpf.PerCPUHash {
			m.Flags &^= unix.BPF_F_NO_PREALLOC
			m.MaxEntries /= 16
		}
	}
}

// sampleEvery returns cfg.SampleEvery as a power of two.
func sampleEvery(cfg Config) int {
	n := 1
	for n < cfg.SampleEvery && n < MaxSampleEvery {
		n *= 2
	}
	return n
}

// durationBounds returns the greatest number of nanoseconds of each slot. The last
// slot is open.
func durationBounds() [Slots]uint64 {
	var bounds [Slots]uint64
	for i := range bounds {
		bounds[i] = math.MaxUint64
		if i < Slots-1 {
			bounds[i] = uint64(math.Floor(UpperBound(i) * 1e9))
		}
	}
	return bounds
}

// shareVariables creates the map of writable variables.
func (o *objects) shareVariables() error {
	coll, err := ebpf.NewCollectionWithOptions(without(o.specs[Tracepoint], nil), ebpf.CollectionOptions{Cache: o.types})
	if err != nil {
		return fmt.Errorf("create maps: %w", err)
	}
	for name, m := range coll.Maps {
		if name == readOnlyData {
			o.own[Tracepoint][name] = m
		} else {
			o.maps[name] = m
		}
		delete(coll.Maps, name)
	}
	o.attached, o.bank = coll.Variables["stations_attached"], coll.Variables["watch_bank"]
	return nil
}

// without returns a copy of spec that holds just the programs in keep.
func without(spec *ebpf.CollectionSpec, keep map[string]bool) *ebpf.CollectionSpec {
	spec = spec.Copy()
	for name := range spec.Programs {
		if !keep[name] {
			delete(spec.Programs, name)
		}
	}
	return spec
}

// load loads one program of a family. The caller closes it.
func (o *objects) load(family HookFamily, name string) (*ebpf.Program, error) {
	spec := without(o.specs[family], map[string]bool{name: true})
	replacements := make(map[string]*ebpf.Map)
	for mapName := range spec.Maps {
		if m := o.own[family][mapName]; m != nil {
			replacements[mapName] = m
		} else if m := o.maps[mapName]; m != nil && mapName != readOnlyData {
			replacements[mapName] = m
		}
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		MapReplacements: replacements,
		Cache:           o.types,
	})
	if err != nil {
		return nil, err
	}
	for mapName, m := range coll.Maps {
		if replacements[mapName] != nil {
			continue // a second handle on it, closed with the collection
		}
		if mapName == readOnlyData {
			o.own[family][mapName] = m
		} else {
			o.maps[mapName] = m
		}
		delete(coll.Maps, mapName)
	}
	prog := coll.Programs[name]
	delete(coll.Programs, name)
	coll.Close()
	return prog, nil
}

// forgetTypes frees what loading needed: tens of megabytes. Nothing can be loaded
// after it.
func (o *objects) forgetTypes() { o.types, o.specs = nil, nil }

// Close frees the maps. Programs in use keep them alive in the kernel.
func (o *objects) Close() {
	for _, m := range o.maps {
		m.Close()
	}
	for _, maps := range o.own {
		for _, m := range maps {
			m.Close()
		}
	}
}
