package stack

import (
	"fmt"
	"maps"
	"math"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
)

// objects loads programs one by one, so that one that the kernel refuses does not
// take the others with it, onto one shared set of maps.
type objects struct {
	// files are by the family of their programs; see objectFiles.
	files map[HookFamily][]*objectFile
	// maps are shared by all files, by name.
	maps map[string]*ebpf.Map
	// attached and bank are variables of the programs; see maps.h.
	attached, bank *ebpf.Variable
	// types of the kernel, decoded as they are needed; see forgetTypes.
	types *btf.Cache
	// resetReasons are the kernel's names of the reasons for a TCP reset.
	resetReasons map[int]string
}

// An objectFile is a compiled source and its read-only data, which no other file
// shares; nil before it was loaded.
type objectFile struct {
	spec         *ebpf.CollectionSpec
	readOnlyData *ebpf.Map
}

// readOnlyData is the name of the map that holds it.
const readOnlyData = ".rodata"

// objectFiles returns how to parse the files of each family. The first one of the
// tracepoint family has the writable variables: a file loaded later shares them as it
// shares the maps.
func objectFiles() map[HookFamily][]func() (*ebpf.CollectionSpec, error) {
	return map[HookFamily][]func() (*ebpf.CollectionSpec, error){
		Tracepoint: {bpf.LoadStackTracepoint, bpf.LoadFlows, bpf.LoadTCP, bpf.LoadDrops},
		Trampoline: {bpf.LoadStackTrampoline},
		Kprobe:     {bpf.LoadStackKprobe},
		Net:        {bpf.LoadStackNet},
	}
}

// namespaces are inode numbers of network namespaces; see maps.h.
type namespaces struct{ scope, own uint32 }

func newObjects(cfg Config, ns namespaces) (*objects, error) {
	o := &objects{
		files: make(map[HookFamily][]*objectFile),
		maps:  make(map[string]*ebpf.Map),
		types: btf.NewCache(),
	}
	types, err := kernel.LoadBTF()
	if err != nil {
		return nil, err
	}
	o.resetReasons = resetReasons(types.Spec())
	drops := dropConstants(cfg, types)
	for family, parsers := range objectFiles() {
		for _, parse := range parsers {
			spec, err := parse()
			if err != nil {
				return nil, fmt.Errorf("parse %s probes: %w", family, err)
			}
			if err := setConstants(spec, cfg, ns, drops); err != nil {
				return nil, err
			}
			sizeFlows(spec, cfg)
			if err := tcpArguments(spec, types.TracepointArgs); err != nil {
				return nil, err
			}
			if !runsOn(6, 1) {
				preallocate(spec)
			}
			o.files[family] = append(o.files[family], &objectFile{spec: spec})
		}
	}
	if err := o.shareVariables(); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// setConstants sets those of the switches that the file has; more are further ones
// by name.
func setConstants(spec *ebpf.CollectionSpec, cfg Config, ns namespaces, more ...map[string]any) error {
	values := map[string]any{
		"sample_mask":    uint32(sampleEvery(cfg) - 1),
		"scope_netns":    ns.scope,
		"own_netns":      ns.own,
		"duration_bound": durationBounds(),
	}
	maps.Copy(values, flowConstants(cfg))
	for _, m := range more {
		maps.Copy(values, m)
	}
	for name, value := range values {
		if spec.Variables[name] == nil {
			continue
		}
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
	first := o.files[Tracepoint][0]
	coll, err := ebpf.NewCollectionWithOptions(without(first.spec, nil), ebpf.CollectionOptions{Cache: o.types})
	if err != nil {
		return fmt.Errorf("create maps: %w", err)
	}
	o.keep(first, coll, nil)
	o.attached, o.bank = coll.Variables["stations_attached"], coll.Variables["watch_bank"]
	return nil
}

// keep takes from coll the maps of a file that are new.
func (o *objects) keep(file *objectFile, coll *ebpf.Collection, old map[string]*ebpf.Map) {
	for name, m := range coll.Maps {
		if old[name] != nil {
			continue // a second handle on it, closed with the collection
		}
		if name == readOnlyData {
			file.readOnlyData = m
		} else {
			o.maps[name] = m
		}
		delete(coll.Maps, name)
	}
}

// file returns the file of a family that has a program, which must exist.
func (o *objects) file(family HookFamily, program string) *objectFile {
	for _, f := range o.files[family] {
		if f.spec.Programs[program] != nil {
			return f
		}
	}
	panic(fmt.Sprintf("no %s program %q", family, program))
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
	file := o.file(family, name)
	spec := without(file.spec, map[string]bool{name: true})
	old := make(map[string]*ebpf.Map)
	for mapName := range spec.Maps {
		m := o.maps[mapName]
		if mapName == readOnlyData {
			m = file.readOnlyData
		}
		if m != nil {
			old[mapName] = m
		}
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: old, Cache: o.types})
	if err != nil {
		return nil, err
	}
	o.keep(file, coll, old)
	prog := coll.Programs[name]
	delete(coll.Programs, name)
	coll.Close()
	return prog, nil
}

// forgetTypes frees what loading needed: tens of megabytes. Nothing can be loaded
// after it.
func (o *objects) forgetTypes() {
	o.types = nil
	for _, files := range o.files {
		for _, f := range files {
			f.spec = nil
		}
	}
}

// Close frees the maps. Programs in use keep them alive in the kernel.
func (o *objects) Close() {
	for _, m := range o.maps {
		m.Close()
	}
	for _, files := range o.files {
		for _, f := range files {
			if f.readOnlyData != nil {
				f.readOnlyData.Close()
			}
		}
	}
}
