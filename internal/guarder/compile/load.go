package compile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// keptAlone is how many connections and peers a generation without a state has room
// for.
const keptAlone = 1024

// bucketsAlone is how many sets of buckets, and blocks of their sketch, such a generation
// has, if it needs any; a power of two.
const bucketsAlone = 1024

// LoadOptions are what a generation shares with others.
type LoadOptions struct {
	// Slots are the entries of the map of counts, by rule. Without them rule i has
	// entry i.
	Slots []uint32
	// State are maps that outlive a generation, by name; see NewState. Those that are
	// not here belong to the generation.
	State map[string]*ebpf.Map
	// Own are the addresses of this host.
	Own []netip.Addr
	// Sockets has sockets looked up, if the policy asks for them. Without it nothing is
	// known of any, as is right for packets of another time or place.
	Sockets bool
	// Conntrack has connection tracking asked where no socket has a connection; see
	// Conntrack of kernel.Host.
	Conntrack bool
	// Explain has each packet's judgement written to the map of results.
	Explain bool
	// MaxSamples is how many packets per second are copied to user space at most, for
	// all rules together; with 0 nothing is copied, whatever the rules say.
	MaxSamples float64
	// Hits has those that rules hit noted, in the maps of hits and services; without
	// these in State they have no room.
	Hits bool
	// FeedSlots are the bits of the policy's feeds in tables of feeds, and the entries of
	// their counts. Without them feed i has bit i.
	FeedSlots []uint32
	// FixedClock has states go by the time in MapSetup, for tests.
	FixedClock bool
	// NoSketch has each key get a bucket at once, so that limits are exact as long as there
	// is room.
	NoSketch bool
	// Bans has bans looked for, in the maps of bans; without these in State there are none.
	// What they do is at most what the ceiling says: Audit drops nothing.
	Bans policy.Mode
}

// The maps that outlive a generation.
const (
	MapCounts     = "guard_counts"
	MapTotals     = "guard_totals"
	MapDevices    = "guard_devices"
	MapICMP       = "guard_icmp"
	MapSamples    = "guard_samples"
	MapHits       = "guard_hits"
	MapServices   = "guard_services"
	MapGeneration = "guard_generation"
	MapResults    = "guard_results"
	MapKept       = "guard_kept"
	MapBuckets    = "guard_buckets"
	MapSketch     = "guard_sketch"
	MapSpreads    = "guard_spreads"
	MapSetup      = "guard_setup"
	MapFloods     = "guard_floods"
	// The connections that are open by prefix, and until when these are known: they belong
	// to whoever counts.
	MapConnections  = "guard_connections"
	MapCountedUntil = "guard_counted_until"
)

// NewState makes the maps that outlive a generation, with room for the counts of so
// many rules. The caller closes them.
func NewState(slots int) (map[string]*ebpf.Map, error) {
	spec, err := bpf.LoadGuard()
	if err != nil {
		return nil, err
	}
	state := make(map[string]*ebpf.Map)
	for _, name := range append([]string{MapCounts, MapTotals, MapDevices, MapICMP, MapSamples, MapHits, MapServices, MapGeneration, MapResults, MapKept, MapBuckets, MapSketch, MapSpreads, MapSetup, MapFloods}, slices.Concat(FeedMaps, BanMaps)...) {
		m := spec.Maps[name]
		if name == MapCounts {
			m.MaxEntries = uint32(max(slots, 1))
		}
		if state[name], err = ebpf.NewMap(m); err != nil {
			for _, made := range state {
				made.Close()
			}
			return nil, fmt.Errorf("make map %q: %w", name, err)
		}
	}
	if err := state[MapSetup].Put(uint32(0), bpf.GuardSetup{Seed: rand.Uint64()}); err != nil {
		for _, made := range state {
			made.Close()
		}
		return nil, fmt.Errorf("write map %q: %w", MapSetup, err)
	}
	return state, nil
}

// LoadEntry loads the program that devices run: it jumps to the program in entry 0
// of the map of generations, and passes packets while there is none.
func LoadEntry(state map[string]*ebpf.Map) (*ebpf.Program, error) {
	spec, err := bpf.LoadGuard()
	if err != nil {
		return nil, err
	}
	const name = "guard_entry"
	keep(spec, name, MapGeneration)
	return loadEntry(spec, state, name)
}

// LoadTrial loads the program that devices run while a policy is on trial: from the
// deadline on, in ns of CLOCK_MONOTONIC, it jumps to the program in entry 1.
func LoadTrial(state map[string]*ebpf.Map, deadline uint64) (*ebpf.Program, error) {
	spec, err := bpf.LoadGuard()
	if err != nil {
		return nil, err
	}
	const name = "guard_deadline"
	end := spec.Variables[name]
	if err := end.Set(deadline); err != nil {
		return nil, fmt.Errorf("set the deadline: %w", err)
	}
	keep(spec, "guard_trial", MapGeneration, end.SectionName)
	spec.Variables = map[string]*ebpf.VariableSpec{name: end}
	return loadEntry(spec, state, "guard_trial")
}

func loadEntry(spec *ebpf.CollectionSpec, state map[string]*ebpf.Map, name string) (*ebpf.Program, error) {
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		MapReplacements: map[string]*ebpf.Map{MapGeneration: state[MapGeneration]},
	})
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	defer coll.Close()
	return coll.DetachProgram(name), nil
}

// keep leaves one program and the maps that it needs in a collection, and none of the
// variables, which are in maps too.
func keep(spec *ebpf.CollectionSpec, program string, names ...string) {
	spec.Programs = map[string]*ebpf.ProgramSpec{program: spec.Programs[program]}
	spec.Variables = nil
	needed := make(map[string]bool)
	for _, name := range names {
		needed[name] = true
	}
	maps.DeleteFunc(spec.Maps, func(name string, _ *ebpf.MapSpec) bool { return !needed[name] })
}

// A Generation is a policy in the kernel: a program with tables of its own.
type Generation struct {
	Program *ebpf.Program
	coll    *ebpf.Collection
	own     []bpf.GuardAddressOfHost
}

// Load puts tables in the kernel. The caller closes what it returns; the kernel keeps
// the program and its tables for as long as a map of generations has it.
func (t *Tables) Load(o LoadOptions) (*Generation, error) {
	const name = "guard_policy"
	spec, err := bpf.LoadGuard()
	if err != nil {
		return nil, err
	}
	return t.LoadProgram(spec, name, o)
}

// LoadProgram is Load for a program of another collection with the same maps.
func (t *Tables) LoadProgram(spec *ebpf.CollectionSpec, name string, o LoadOptions) (*Generation, error) {
	spec.Programs = map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}
	delete(spec.Maps, MapGeneration)
	replacements := maps.Clone(o.State)
	delete(replacements, MapGeneration)
	tables := t.tables(o)
	place(spec, tables)
	t.operands(spec.Programs[name], tables)
	spec.Maps["guard_own"].MaxEntries = ownRoom
	spec.Maps["guard_bindings"].MaxEntries = uint32(max(len(t.Bounds), 1))
	if t.AskOverlaps {
		spec.Maps["guard_fragments"].MaxEntries = packet.MaxFragmented
	}
	spec.Maps[MapCounts].MaxEntries = uint32(max(len(t.Credits), 1))
	if shared := o.State[MapCounts]; shared != nil {
		spec.Maps[MapCounts].MaxEntries = shared.MaxEntries()
	}
	for name, least := range map[string]int{MapKept: keptAlone, MapSamples: os.Getpagesize(), MapHits: 1, MapServices: 1, MapConnections: 1, MapBanRates: 1, MapBanRequests: os.Getpagesize()} {
		spec.Maps[name].MaxEntries = uint32(least)
		if shared := o.State[name]; shared != nil {
			spec.Maps[name].MaxEntries = shared.MaxEntries()
		}
	}
	if o.State[MapSpreads] == nil && !t.spreads() {
		spec.Maps[MapSpreads].MaxEntries = 1
	}
	for _, name := range []string{MapBuckets, MapSketch} {
		switch shared := o.State[name]; {
		case shared != nil:
			spec.Maps[name].MaxEntries = shared.MaxEntries()
		case t.States != nil:
			spec.Maps[name].MaxEntries = bucketsAlone
		default:
			spec.Maps[name].MaxEntries = 1
		}
	}
	if err := t.constants(spec, o); err != nil {
		return nil, err
	}
	if !o.Conntrack {
		forgetKernelFunctions(spec.Programs[name])
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: replacements})
	if err != nil {
		return nil, fmt.Errorf("load %s with tables of %d rules: %w", name, len(t.Credits), err)
	}
	g := &Generation{Program: coll.Programs[name], coll: coll}
	if err := errors.Join(t.fill(coll), t.addFloods(coll.Maps[MapFloods]), g.SetOwn(o.Own)); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// forgetKernelFunctions takes the calls of functions of the kernel out, so that nobody looks
// for these, which takes CAP_SYS_ADMIN if they are in a module. A constant says that they are
// not called.
func forgetKernelFunctions(program *ebpf.ProgramSpec) {
	program.Instructions = slices.Clone(program.Instructions)
	for i := range program.Instructions {
		if ins := &program.Instructions[i]; ins.IsKfuncCall() {
			*ins = asm.Mov.Imm(asm.R0, 0)
		}
	}
}

// constants sets what is known when the program is verified.
func (t *Tables) constants(spec *ebpf.CollectionSpec, o LoadOptions) error {
	flag := func(yes bool) uint32 {
		if yes {
			return 1
		}
		return 0
	}
	var sourceWords, destinationWords [bpf.GuardMaxSummaries]uint64
	copy(sourceWords[:], t.SourceWords)
	copy(destinationWords[:], t.DestinationWords)
	usual, unusual := t.sectionWords()
	for name, value := range map[string]any{
		"guard_no_source": t.NoSource, "guard_no_destination": t.NoDestination,
		"guard_no_source_port": t.NoSourcePort, "guard_no_destination_port": t.NoDestinationPort,
		"guard_not_ip": t.NotIP, "guard_source6": t.Source6, "guard_destination6": t.Destination6,
		"guard_source_words": sourceWords, "guard_destination_words": destinationWords,
		"guard_triggers": t.Triggers,
		"guard_sections": usual, "guard_unusual_words": unusual,
		"guard_ask_sections": flag(t.FirstAudited < t.Words || unusual != sectionWords{}),
		"guard_ask_audited":  flag(t.FirstAudited < t.FirstCounting), "guard_ask_counting": flag(t.FirstCounting < t.FirstStateful),
		"guard_ask_states": flag(t.FirstStateful < t.Words), "guard_ask_guard_states": flag(t.guardStates()), "guard_bucket_sets": spec.Maps[MapBuckets].MaxEntries - 1,
		"guard_ask_sketch": flag(!o.NoSketch), "guard_sketch_blocks": spec.Maps[MapSketch].MaxEntries - 1,
		"guard_fixed_clock":     flag(o.FixedClock),
		"guard_ask_source_port": flag(t.AskSourcePort), "guard_ask_conditions": flag(len(t.Conditions) > 1),
		"guard_ask_overlaps":     flag(t.AskOverlaps),
		"guard_keep_connections": flag(t.KeepConnections), "guard_protect_applier": flag(t.ProtectApplier),
		"guard_first_policy":    uint32(t.firstPolicy()),
		"guard_ask_source_sets": flag(t.SourceIn.Sets), "guard_ask_destination_sets": flag(t.DestinationIn.Sets),
		"guard_ask_source_own": flag(t.SourceIn.Own), "guard_ask_destination_own": flag(t.DestinationIn.Own),
		"guard_ask_source_in": flag(t.SourceIn.Rows), "guard_ask_destination_in": flag(t.DestinationIn.Rows),
		"guard_ask_other_sets": flag(t.OtherIn.Sets), "guard_ask_other_own": flag(t.OtherIn.Own),
		"guard_any4_shift": t.Blocks.Shift4, "guard_any6_skip": t.Blocks.Skip6, "guard_any6_shift": t.Blocks.Shift6,
		"guard_root6": t.Blocks.Root6, "guard_outside6": t.Blocks.Outside6, "guard_pages": uint32(len(t.Blocks.Words)),
		"guard_unparsable": uint32(t.Unparsable), "guard_explain": flag(o.Explain),
		"guard_ask_feeds": flag(len(t.Feeds) > 0), "guard_feeds": t.feedConstants(o.FeedSlots),
		"guard_socket_atoms": t.SocketAtoms, "guard_look_sockets": flag(o.Sockets && (t.SocketAtoms != [bpf.GuardBanks]uint64{} || t.answers())),
		"guard_ask_conntrack": flag(o.Conntrack),
		"guard_ask_bans":      flag(o.Bans != policy.Off), "guard_ban_credit": uint32(creditOf(policy.Drop, o.Bans)),
		"guard_ask_bannings": flag(o.Bans != policy.Off && t.Bannings != nil),
		"guard_ask_hits":     flag(o.Hits), "guard_ask_samples": flag(t.samples(o.MaxSamples)),
		"guard_ask_cookies": flag(o.Sockets && t.answers()),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// sectionWords are the words of each section, by bit.
type sectionWords [sections][bpf.GuardMaxSummaries]uint64

// sectionWords returns the words that have lines which any packet can match, and those of
// lines for packets with traits alone.
func (t *Tables) sectionWords() (usual, unusual sectionWords) {
	for word := range t.Words {
		of := &usual
		if t.Filters[2*word].Possible == 0 {
			of = &unusual
		}
		of[t.section(word)][word/wordBits] |= 1 << (word % wordBits)
	}
	return usual, unusual
}

// fill writes the bindings.
func (t *Tables) fill(coll *ebpf.Collection) error {
	for _, b := range t.Bounds {
		key := bpf.GuardBound{Address: wordsOf(b.IP), Set: b.Set, Mac: b.MAC, Family: 4}
		if b.HasMAC {
			key.HasMac = 1
		}
		if b.IP.Is6() {
			key.Family = 6
		}
		if err := coll.Maps["guard_bindings"].Put(key, uint32(1)); err != nil {
			return fmt.Errorf("fill guard_bindings with %v: %w", b.IP, err)
		}
	}
	return nil
}

// Map returns one of the maps of the generation, which closes it.
func (g *Generation) Map(name string) *ebpf.Map { return g.coll.Maps[name] }

// Result returns how the last packet was judged, if Explain was set and the state
// has no map of results.
func (g *Generation) Result() (r bpf.GuardResult, err error) {
	return r, g.coll.Maps[MapResults].Lookup(uint32(0), &r)
}

// Close gives up the program and its maps, but for those of the state.
func (g *Generation) Close() { g.coll.Close() }

// wordsOf returns an address as it stands in the network.
func wordsOf(a netip.Addr) (words [4]uint32) {
	var b [16]byte
	copy(b[:], a.AsSlice())
	for i := range words {
		words[i] = binary.NativeEndian.Uint32(b[4*i:])
	}
	return words
}
