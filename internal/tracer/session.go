//go:build linux

package tracer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/tracer/filter"
)

// A Config says what to trace.
type Config struct {
	// Filter chooses the packets; nil: all.
	Filter *filter.Filter
	// Stacks asks for [Event.Stack].
	Stacks bool
	// Functions chooses, by their names, functions that take a packet, to see packets where
	// these begin; nil: none. What cannot be had of them, [Session.Missing] tells.
	Functions *regexp.Regexp
	// Buffer is the size of the ring buffer in bytes, a power of 2 and of whole pages; 0: 8
	// MiB, which is some 10,000 events.
	Buffer int
	// Every, if not 0, has at most one packet chosen in such a time, where it comes in or
	// goes out: a sample, whose cost does not grow with what there is.
	Every time.Duration

	// attach is how functions are attached; nil: as the kernel allows it best.
	attach *means
	// most is how many functions have programs of their own; 0: maxEntries.
	most int
}

// Counts is what became of packets at hooks since a session was opened.
type Counts struct {
	// Seen were looked at, Chosen became events, and Lost of those found no room, because
	// they were not read in time.
	Seen, Chosen, Lost uint64
	// Missed is how often a packet was not looked at, as the program had been interrupted at
	// its work by the packet's arrival, or another one, of functions, was at work.
	Missed uint64
}

// A Session is programs that are attached. Its methods may be called from one goroutine, but
// for Close, which ends [Session.Next].
type Session struct {
	coll    *ebpf.Collection
	links   []link.Link
	reader  *ringbuf.Reader
	record  ringbuf.Record
	symbols *kernel.Symbols
	reasons *kernel.DropReasons
	missing []Missing
	// stacks are names that were found, by addresses.
	stacks map[[bpf.TraceFrames]uint64][]string
	// entries are programs of functions.
	entries []*ebpf.Program
	// functions are names, by the cookie less 1.
	functions []string
}

// A Missing is a hook that this kernel does not have as it is needed. For functions together
// there is one at most.
type Missing struct {
	Hook   Hook
	Reason error
}

// ErrNothingAttached is returned if no tracepoint can be used.
var ErrNothingAttached = errors.New("no tracepoint can be used")

// Open loads the programs and attaches them. The caller must call [Session.Close].
func Open(c Config) (*Session, error) {
	_ = rlimit.RemoveMemlock() // what cannot be had, loading tells
	types, err := kernel.LoadBTF()
	if err != nil {
		return nil, err
	}
	s := &Session{reasons: types.DropReasons()}
	if err := s.open(c, types); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Session) open(c Config, types *kernel.BTF) (err error) {
	if s.symbols, err = kernel.OpenSymbols(); err != nil {
		return err
	}
	spec, err := s.spec(c, types)
	if err != nil {
		return err
	}
	probes := takeFunctionPrograms(spec)
	cache := btf.NewCache()
	if s.coll, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: cache}); err != nil {
		return fmt.Errorf("load the tracer: %w", err)
	}
	if s.reader, err = ringbuf.NewReader(s.coll.Maps["trace_events"]); err != nil {
		return err
	}
	if c.Functions != nil {
		if err := s.openFunctions(c, probes, cache); err != nil {
			return err
		}
	}
	for name, program := range s.coll.Programs {
		l, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return fmt.Errorf("attach %s: %w", name, err)
		}
		s.links = append(s.links, l)
	}
	if c.Functions != nil || c.Stacks {
		// Else each new stack would have the kernel's list read again, which takes almost as long
		// as to load it, while the ring buffer runs over.
		return s.symbols.Load()
	}
	return nil
}

// spec returns what to load: the programs whose hooks the kernel has, and those of functions.
func (s *Session) spec(c Config, types *kernel.BTF) (*ebpf.CollectionSpec, error) {
	spec, err := bpf.LoadTrace()
	if err != nil {
		return nil, err
	}
	for _, h := range hooks {
		err := h.missing(types)
		if err == nil {
			continue
		}
		s.missing = append(s.missing, Missing{h.hook, err})
		delete(spec.Programs, "trace_"+string(h.hook))
	}
	slices.SortFunc(s.missing, func(a, b Missing) int { return strings.Compare(string(a.Hook), string(b.Hook)) })
	if len(s.missing) == len(hooks) {
		return nil, ErrNothingAttached
	}
	if c.Buffer != 0 {
		spec.Maps["trace_events"].MaxEntries = uint32(c.Buffer)
	}
	arguments, _ := types.TracepointArgs("kfree_skb")
	for name, value := range map[string]any{
		"trace_stacks": c.Stacks, "trace_kfree_has_reason": arguments > 2,
		"trace_looks_beside": c.Filter != nil && c.Filter.Beside(),
		"trace_every_ns":     uint64(c.Every),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("set %q: %w", name, err)
		}
	}
	if c.Filter == nil {
		return spec, nil
	}
	for name, program := range spec.Programs {
		if program.Instructions, err = replaceFunction(program.Instructions, "trace_filter", c.Filter.BPF("trace_filter")); err != nil {
			return nil, fmt.Errorf("program %s: %w", name, err)
		}
	}
	return spec, nil
}

// Missing returns the hooks that are not attached.
func (s *Session) Missing() []Missing { return s.missing }

// Next waits for an event. It returns [os.ErrClosed] if the session was closed, and
// [os.ErrDeadlineExceeded] when a deadline that was set is over.
func (s *Session) Next() (Event, error) {
	if err := s.reader.ReadInto(&s.record); err != nil {
		if errors.Is(err, ringbuf.ErrClosed) {
			err = os.ErrClosed
		}
		return Event{}, err
	}
	if got, want := len(s.record.RawSample), int(unsafe.Sizeof(bpf.TraceEvent{})); got < want {
		return Event{}, fmt.Errorf("event of %d bytes, not %d", got, want)
	}
	// Not by package binary, which takes longer than the kernel takes for the packet.
	return s.event((*bpf.TraceEvent)(unsafe.Pointer(&s.record.RawSample[0])))
}

// SetDeadline ends [Session.Next] at a time; the zero time never.
func (s *Session) SetDeadline(t time.Time) { s.reader.SetDeadline(t) }

// Follow calls tell with each event until ctx ends, which is no error, or tell returns false.
func (s *Session) Follow(ctx context.Context, tell func(Event) bool) error {
	// A deadline would not end a wait that has begun.
	stop := context.AfterFunc(ctx, func() { _ = s.reader.Flush() })
	defer stop()
	for {
		e, err := s.Next()
		switch {
		case errors.Is(err, ringbuf.ErrFlushed):
			return nil
		case err != nil:
			return err
		case !tell(e):
			return nil
		}
	}
}

func (s *Session) event(raw *bpf.TraceEvent) (Event, error) {
	point, of := hooks[bpf.TraceHook(raw.Hook)], ""
	if bpf.TraceHook(raw.Hook) == bpf.TraceFunction {
		point.hook = FunctionHook
		if i := raw.Location - 1; i < uint64(len(s.functions)) {
			of = s.functions[i]
		}
	}
	captured := min(int(raw.Packet.Captured), len(raw.Packet.Data))
	e := Event{
		Time:       time.Duration(raw.KtimeNs),
		Packet:     Identity{raw.Head, raw.FirstNs},
		Descriptor: raw.Skb,
		Hook:       point.hook,
		Func:       of,
		Value:      raw.Value,
		CPU:        int(raw.Cpu),
		Interface:  int(raw.Packet.Interface),
		Device:     textOf(raw.Device[:]),
		Namespace:  raw.Packet.Netns,
		Socket:     raw.Inode,
		Cgroup:     raw.Packet.Cgroup,
		Family:     int(raw.Packet.Family),
		Length:     int(raw.Packet.Length),
		Segments:   int(raw.Segments),
		Frame:      bytes.Clone(raw.Packet.Data[:captured]),
	}
	if point.meaning == dropReason {
		e.Reason = s.reasons.Name(uint32(raw.Value))
	}
	var err error
	if e.Stack, err = s.stack(raw.Stack[:min(int(raw.Frames)/8, len(raw.Stack))]); err != nil {
		return e, err
	}
	// Stacks of equal addresses share their names.
	if e.Func != "" && len(e.Stack) > 0 {
		e.Stack = s.beginning(e.Stack, e.Func)
	}
	if e.Context = contextOf(e.Stack); e.Context == System {
		e.Process, e.Thread, e.Command = int(raw.Packet.Process), int(raw.Thread), textOf(raw.Command[:])
	}
	return e, nil
}

// beginning returns a stack, the outermost function first, with one that has just begun as the
// innermost. A trampoline is called by the function, and may have, as its program, the name of
// some other one.
func (s *Session) beginning(stack []string, function string) []string {
	deepest := len(stack) - 1
	if len(s.entries) > 0 {
		deepest = max(0, len(stack)-3)
	}
	for i := len(stack) - 1; i >= deepest; i-- {
		if stack[i] == function {
			return stack[:i+1]
		}
	}
	return append(slices.Clip(stack), function)
}

// ours are functions at the inner end of each stack that are there because of the Tracer.
var ours = []string{"bpf_get_stack", "bpf_prog_", "bpf_trace_run", "__bpf_trace_", "bpf_trampoline_", "__traceiter_"}

// mostStacks is how many stacks are remembered: one takes some 1.5 KB with its names.
const mostStacks = 2048

// stack returns the names of functions, the outermost first. Packets come by few ways, so that
// most stacks were there before.
func (s *Session) stack(addresses []uint64) ([]string, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	var key [bpf.TraceFrames]uint64
	copy(key[:], addresses)
	if stack, ok := s.stacks[key]; ok {
		return stack, nil
	}
	stack, err := s.namesOf(addresses)
	if err != nil {
		return nil, err
	}
	if s.stacks == nil || len(s.stacks) == mostStacks {
		s.stacks = make(map[[bpf.TraceFrames]uint64][]string)
	}
	s.stacks[key] = stack
	return stack, nil
}

func (s *Session) namesOf(addresses []uint64) ([]string, error) {
	names, err := s.symbols.Functions(addresses)
	if err != nil {
		return nil, err
	}
	stack := make([]string, len(addresses))
	for i, a := range addresses {
		stack[i] = cmp.Or(names[a], kernel.UnknownFunction)
	}
	stack = stack[foreign(stack):]
	slices.Reverse(stack)
	return stack, nil
}

// mostOurs is how many frames the kernel puts between a tracepoint and what a program sees.
const mostOurs = 6

// foreign returns how many frames, the innermost first, are there because of the Tracer. The
// program's own has the name of some other function where the kernel tells no names of programs
// (the sysctl net.core.bpf_jit_harden), so that what called it decides.
func foreign(names []string) (n int) {
	isOurs := func(name string) bool {
		return name == kernel.UnknownFunction || slices.ContainsFunc(ours, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	for i, name := range names[:min(len(names), mostOurs)] {
		if name != kernel.UnknownFunction && isOurs(name) {
			n = i + 1
		}
	}
	for n < len(names) && isOurs(names[n]) {
		n++
	}
	return n
}

// Counts returns what became of packets so far.
func (s *Session) Counts() (Counts, error) {
	var c Counts
	for key, to := range map[uint32]*uint64{
		uint32(bpf.TraceCountSeen): &c.Seen, uint32(bpf.TraceCountChosen): &c.Chosen, uint32(bpf.TraceCountLost): &c.Lost,
		uint32(bpf.TraceCountMissed): &c.Missed,
	} {
		var perCPU []uint64
		if err := s.coll.Maps["trace_counts"].Lookup(key, &perCPU); err != nil {
			return c, fmt.Errorf("read counts: %w", err)
		}
		for _, n := range perCPU {
			*to += n
		}
	}
	for _, p := range slices.Concat(slices.Collect(maps.Values(s.coll.Programs)), s.entries) {
		stats, err := p.Stats()
		if err != nil {
			return c, fmt.Errorf("read counts: %w", err)
		}
		c.Missed += stats.RecursionMisses
	}
	return c, nil
}

// A RunStats is how often a program ran, and for how long together. Both are 0 as long as the
// kernel does not account for them (sysctl kernel.bpf_stats_enabled).
type RunStats struct {
	Runs uint64
	Took time.Duration
}

// RunStats returns what the programs at tracepoints took, by hook, and those of functions
// together.
func (s *Session) RunStats() (map[Hook]RunStats, error) {
	all := make(map[Hook]RunStats)
	add := func(hook Hook, p *ebpf.Program) error {
		stats, err := p.Stats()
		if err != nil {
			return fmt.Errorf("read the run time of %s: %w", hook, err)
		}
		sum := all[hook]
		sum.Runs, sum.Took = sum.Runs+stats.RunCount, sum.Took+stats.Runtime
		all[hook] = sum
		return nil
	}
	var errs []error
	for name, p := range s.coll.Programs {
		errs = append(errs, add(Hook(strings.TrimPrefix(name, "trace_")), p))
	}
	for _, p := range s.entries {
		errs = append(errs, add(FunctionHook, p))
	}
	return all, errors.Join(errs...)
}

// Close detaches the programs.
func (s *Session) Close() error {
	var errs []error
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	for _, l := range s.links {
		errs = append(errs, l.Close())
	}
	for _, p := range s.entries {
		errs = append(errs, p.Close())
	}
	if s.coll != nil {
		s.coll.Close()
	}
	if s.symbols != nil {
		errs = append(errs, s.symbols.Close())
	}
	return errors.Join(errs...)
}

func textOf[B int8 | uint8](b []B) string {
	text := make([]byte, 0, len(b))
	for _, c := range b {
		if c == 0 {
			break
		}
		text = append(text, byte(c))
	}
	return string(text)
}
