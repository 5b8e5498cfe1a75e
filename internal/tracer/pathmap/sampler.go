//go:build linux

package pathmap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/tracer"
)

// What a CPU may do of each at the least: on hosts of many, all of them together then may do
// more.
const (
	leastRuns   = 500
	leastEvents = 16
	leastDrops  = 4
)

func (c Config) complete() Config {
	set := func(to *int, value int) {
		if *to == 0 {
			*to = value
		}
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	set(&c.Runs, DefaultRuns)
	set(&c.Events, DefaultEvents)
	set(&c.Drops, DefaultDrops)
	set(&c.Limit, DefaultLimit)
	set(&c.Reads, defaultReads)
	return c
}

// turn returns what each CPU may do in a turn.
func (c Config) turn(number, chance uint32, cpus int) bpf.PathTurn {
	return bpf.PathTurn{
		Turn: number, Chance: chance - 1,
		Runs:   uint32(max(c.Runs/cpus, leastRuns)),
		Events: uint32(max(c.Events/cpus, leastEvents)),
		Drops:  uint32(max(c.Drops/cpus, leastDrops)),
	}
}

// A Sampler looks at few packets all the time. Its methods may be called from any goroutine.
type Sampler struct {
	config  Config
	coll    *ebpf.Collection
	reader  *ringbuf.Reader
	gather  *gatherer
	cpus    int
	stop    context.CancelFunc
	stopped sync.WaitGroup

	mu    sync.Mutex
	sum   *Map
	state Snapshot // without its graph
	err   error
}

// ErrNoNames says that functions cannot be named, so that there is nothing to draw.
var ErrNoNames = errors.New("the kernel hides the addresses of its functions: it takes CAP_SYSLOG, and the sysctl kernel.kptr_restrict below 2")

// Open loads the programs and begins to sample. The caller must call [Sampler.Close].
func Open(c Config) (*Sampler, error) {
	_ = rlimit.RemoveMemlock() // what cannot be had, loading tells
	types, err := kernel.LoadBTF()
	if err != nil {
		return nil, err
	}
	s := &Sampler{config: c.complete()}
	if err := s.load(types); err != nil {
		return nil, errors.Join(err, s.release())
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.stopped.Go(func() { s.run(ctx) })
	return s, nil
}

func (s *Sampler) load(types *kernel.BTF) error {
	spec, missing, err := specOf(s.config, types)
	if err != nil {
		return err
	}
	if s.coll, err = ebpf.NewCollection(spec); err != nil {
		return fmt.Errorf("load the path map: %w", err)
	}
	if s.reader, err = ringbuf.NewReader(s.coll.Maps["path_events"]); err != nil {
		return err
	}
	if s.cpus, err = ebpf.PossibleCPU(); err != nil {
		return err
	}
	symbols, err := kernel.OpenSymbols()
	if err != nil {
		return err
	}
	hidden, err := symbols.Hidden()
	if err == nil && hidden {
		err = ErrNoNames
	}
	if err != nil {
		return errors.Join(err, symbols.Close())
	}
	s.gather = &gatherer{symbols: symbols, reasons: types.DropReasons(), reads: s.config.Reads, now: time.Now}
	s.sum = &Map{Limit: s.config.Limit}
	s.state = Snapshot{Chance: max(s.config.Chance, 1), Missing: missing}
	for name := range s.coll.Programs {
		s.state.Hooks = append(s.state.Hooks, tracer.Hook(strings.TrimPrefix(name, "path_")))
	}
	slices.Sort(s.state.Hooks)
	return nil
}

// run has turns until ctx ends. One that fails, as for want of file descriptors, is no reason to
// have no others.
func (s *Sampler) run(ctx context.Context) {
	// Turns begin a little off the beat, so that what happens on it is seen at times.
	for number := uint32(1); ctx.Err() == nil; number++ {
		length := s.config.Every - rand.N(s.config.Every/8+1)
		err := s.turn(ctx, number, length)
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
		if err != nil {
			rest(ctx, length)
		}
	}
}

// rest returns after a time, or at the end of ctx.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// turn attaches the programs until they used up their budget, and returns when the length of the
// turn is over.
func (s *Sampler) turn(ctx context.Context, number uint32, length time.Duration) error {
	before, err := s.counts()
	if err != nil {
		return err
	}
	limits := s.config.turn(number, s.state.Chance, s.cpus)
	if err := s.coll.Maps["path_turns"].Put(uint32(0), limits); err != nil {
		return fmt.Errorf("begin a turn of the path map: %w", err)
	}
	begin := time.Now()
	links, err := s.attach()
	if err == nil {
		err = s.wait(ctx, begin.Add(length))
	}
	for _, l := range links {
		err = errors.Join(err, l.Close())
	}
	attached := time.Since(begin)
	if err != nil {
		return err
	}
	if err := s.collect(before, limits, attached); err != nil {
		return err
	}
	rest(ctx, length-time.Since(begin))
	return nil
}

func (s *Sampler) attach() (links []link.Link, err error) {
	for name, program := range s.coll.Programs {
		l, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return links, fmt.Errorf("attach %s: %w", name, err)
		}
		links = append(links, l)
	}
	return links, nil
}

// wait reads events until the budget is used up, or a time. The kernel half wakes it for that
// alone.
func (s *Sampler) wait(ctx context.Context, until time.Time) error {
	s.reader.SetDeadline(until)
	// A deadline could not be set as long as a read waits.
	end := context.AfterFunc(ctx, func() { _ = s.reader.Flush() })
	defer end()
	return s.read(true)
}

// read reads what there is, or, if it is to wait, until a turn is spent or the deadline.
func (s *Sampler) read(wait bool) error {
	for {
		var record ringbuf.Record
		switch err := s.reader.ReadInto(&record); {
		case errors.Is(err, ringbuf.ErrFlushed), wait && errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue // that of the wait before, which a spent turn ended
		case err != nil:
			return err
		}
		spent, err := s.gather.record(record.RawSample)
		if err != nil {
			return err
		}
		if spent && wait {
			return nil
		}
	}
}

// collect adds what a turn told of to the map.
func (s *Sampler) collect(before Counts, limits bpf.PathTurn, attached time.Duration) error {
	s.reader.SetDeadline(time.Time{})
	if err := s.reader.Flush(); err != nil {
		return err
	}
	if err := s.read(false); err != nil {
		return err
	}
	after, err := s.counts()
	if err != nil {
		return err
	}
	packets, err := s.gather.packets()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range packets {
		s.sum.add(p.Packet, p.protocol)
	}
	after.Turns, after.Attached, after.Unnamed = s.state.Counts.Turns+1, s.state.Counts.Attached+attached, s.gather.unnamed
	s.state.Counts, s.state.Last = after, time.Now()
	if s.config.Chance == 0 {
		s.state.Chance = adapt(s.state.Chance, before, after, s.config, limits)
	}
	return nil
}

// mostChance is the smallest part of packets that are chosen.
const mostChance = 1 << 16

// adapt returns the chance of the next turn: a turn on a busy host shall use up its events about
// when it uses up its runs, so that what it samples is spread over all that it sees. The turn ends
// when one CPU has used up its part, of the limits: that it were its runs is out of the question
// if all CPUs together had fewer. Drops are told of whatever the chance is.
func adapt(chance uint32, before, after Counts, c Config, limits bpf.PathTurn) uint32 {
	spent, runs, events := after.Spent > before.Spent, after.Runs-before.Runs, after.Events-before.Events
	events -= min(events, after.Drops-before.Drops)
	switch {
	case spent && runs < uint64(limits.Runs) && chance < mostChance:
		return chance * 2
	case events < uint64(c.Events)/4 && chance > 1:
		return chance / 2
	}
	return chance
}

// counts reads those of the kernel half.
func (s *Sampler) counts() (c Counts, err error) {
	var perCPU []bpf.PathCount
	if err := s.coll.Maps["path_counts"].Lookup(uint32(0), &perCPU); err != nil {
		return c, fmt.Errorf("read counts: %w", err)
	}
	for _, n := range perCPU {
		c.Spent += n.Spent
		c.Runs += n.Runs
		c.Offered += n.Offered
		c.Chosen += n.Chosen
		c.Drops += n.Drops
		c.Events += n.Events
		c.Lost += n.Lost
	}
	return c, nil
}

// Snapshot returns what is known by now, or why the last turn failed.
func (s *Sampler) Snapshot() (Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return Snapshot{}, s.err
	}
	state := s.state
	state.Graph = s.sum.Graph(0)
	return state, nil
}

// NeedsAfterAttach names the capabilities that the sampler goes on using: it attaches its
// programs again and again, which takes none since Linux 5.19 (commit c8644cd0efe7) if they are
// loaded.
func (s *Sampler) NeedsAfterAttach() []string {
	if release, _, err := kernel.ThisHost().Release(); err == nil && release.AtLeast(5, 19) {
		return nil
	}
	return []string{kernel.CapBPF, kernel.CapPerfmon}
}

// Close ends sampling and detaches what is attached.
func (s *Sampler) Close() error {
	s.stop()
	s.stopped.Wait()
	return s.release()
}

func (s *Sampler) release() error {
	var errs []error
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.coll != nil {
		s.coll.Close()
	}
	if s.gather != nil {
		errs = append(errs, s.gather.symbols.Close())
	}
	return errors.Join(errs...)
}

// RunTime returns how often the programs ran, and for how long, while the kernel measured that
// (the sysctl kernel.bpf_stats_enabled).
func (s *Sampler) RunTime() (runs uint64, all time.Duration, err error) {
	for name, program := range s.coll.Programs {
		stats, err := program.Stats()
		if err != nil {
			return 0, 0, fmt.Errorf("statistics of %s: %w", name, err)
		}
		runs += stats.RunCount
		all += stats.Runtime
	}
	return runs, all, nil
}
