package stack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/netns"
)

// A DropEvent is one dropped packet.
type DropEvent struct {
	Time time.Time
	// Drop has the reason, the place and so on; its Packets is 1.
	Drop
	// Device is the name of the device that the packet was at, "" if it was at none.
	Device string
	// Interface is the index of that device, or else of the one it came by; 0 if it
	// is not known.
	Interface int
	// Namespace is the inode number of the network namespace, 0 if it is not known.
	Namespace uint32
	// Source and Destination are zero for what is not IP; their ports are 0 if the
	// protocol has none.
	Source, Destination netip.AddrPort
	// Bytes is the length of the packet from where the kernel had got to.
	Bytes int
}

// DropEvents is what became of the drops since a [DropWatch] was opened.
type DropEvents struct {
	// Seen is how many drops there were, in the namespaces that are looked at.
	Seen uint64
	// Unwanted are those that the filter left out.
	Unwanted uint64
	// Limited are those beyond the rate.
	Limited uint64
	// Lost are those that nobody read in time.
	Lost uint64
}

// A DropWatchConfig says which drops to tell. The zero value stands for all.
type DropWatchConfig struct {
	// OwnNamespaceOnly is as in [Config].
	OwnNamespaceOnly bool
	// DropSeverity is as in [Config].
	DropSeverity map[string]Severity
	// Severities and Reasons are those wanted; empty for all.
	Severities []Severity
	Reasons    []string
	// PerSecond bounds how many one CPU tells in a second, so that a flood of drops
	// does not become a flood of events; 0 for [DefaultDropRate].
	PerSecond int
}

// DefaultDropRate is about what a terminal can show and no one can read.
const DefaultDropRate = 1000

// turnsPerSecond is how often a CPU gets a new allowance, see TURN_NS.
const turnsPerSecond = 10

// A DropWatch tells about single drops as they happen.
type DropWatch struct {
	cfg    DropWatchConfig
	names  *dropReader
	coll   *ebpf.Collection
	link   link.Link
	reader *ringbuf.Reader
	record ringbuf.Record
	// passed counts events that only user space could tell to be unwanted.
	passed uint64
}

// watchMaps are the maps of the program; the file declares those of the other probes
// too, which it does not use.
var watchMaps = []string{"drop_events", "reasons", "fates", "turns", readOnlyData, ".bss"}

// WatchDrops attaches a program that is independent of any [Engine]. The caller must
// call [DropWatch.Close].
func WatchDrops(cfg DropWatchConfig) (*DropWatch, error) {
	_ = rlimit.RemoveMemlock() // what cannot be had will be told by loading
	types, err := kernel.LoadBTF()
	if err != nil {
		return nil, err
	}
	w := &DropWatch{cfg: cfg}
	if w.names, err = newDropReader(Config{DropSeverity: cfg.DropSeverity}, types); err != nil {
		return nil, err
	}
	if err := w.open(types); err != nil {
		w.Close()
		return nil, fmt.Errorf("%w: %w", ErrNothingAttached, explain(Tracepoint, err))
	}
	return w, nil
}

func (w *DropWatch) open(types *kernel.BTF) error {
	wanted, others, err := w.wantedReasons()
	if err != nil {
		return err
	}
	spec, err := w.spec(types, others)
	if err != nil {
		return err
	}
	if w.coll, err = ebpf.NewCollection(spec); err != nil {
		return err
	}
	for number, want := range wanted {
		if err := w.coll.Maps["reasons"].Put(number, want); err != nil {
			return fmt.Errorf("set the filter of reasons: %w", err)
		}
	}
	if w.reader, err = ringbuf.NewReader(w.coll.Maps["drop_events"]); err != nil {
		return err
	}
	w.link, err = link.AttachTracing(link.TracingOptions{Program: w.coll.Programs["drop_watch_tracepoint"]})
	return err
}

func (w *DropWatch) spec(types *kernel.BTF, others bool) (*ebpf.CollectionSpec, error) {
	spec, err := bpf.LoadDropWatch()
	if err != nil {
		return nil, err
	}
	for name := range spec.Maps {
		if !slices.Contains(watchMaps, name) {
			delete(spec.Maps, name)
		}
	}
	var ns namespaces
	if w.cfg.OwnNamespaceOnly {
		inode, err := netns.OfThread()
		if err != nil {
			return nil, err
		}
		ns.scope = uint32(inode)
	}
	rate := w.cfg.PerSecond
	if rate == 0 {
		rate = DefaultDropRate
	}
	return spec, setConstants(spec, Config{}, ns, dropConstants(Config{}, types), map[string]any{
		"others_wanted": others,
		"turn_records":  uint32(max(1, rate/turnsPerSecond)),
	})
}

// wantedReasons returns what the kernel half may tell: by number, and for all other
// numbers.
func (w *DropWatch) wantedReasons() (map[uint32]uint8, bool, error) {
	wanted := make(map[uint32]uint8)
	if len(w.cfg.Reasons) > 0 {
		for _, name := range w.cfg.Reasons {
			number, err := w.names.number(name)
			if err != nil {
				return nil, false, err
			}
			wanted[number] = 1
		}
		return wanted, false, nil
	}
	if w.names.reasons == nil {
		return wanted, true, nil
	}
	for number, name := range w.names.reasons.Known() {
		wanted[number] = 0
		// Without a reason the function decides, which is looked up later.
		if !isNoDrop(name) && (name == unspecifiedReason || w.wants(w.names.severityOf(name, ""))) {
			wanted[number] = 1
		}
	}
	return wanted, w.wants(Loss), nil
}

func (w *DropWatch) wants(s Severity) bool {
	return len(w.cfg.Severities) == 0 || slices.Contains(w.cfg.Severities, s)
}

// number returns the number of a reason by its name.
func (r *dropReader) number(name string) (uint32, error) {
	if r.reasons == nil {
		return 0, kernel.Missing("drop reasons", "5.17")
	}
	if number, ok := r.reasons.Number(name); ok {
		return number, nil
	}
	var number uint32
	if _, err := fmt.Sscanf(name, "reason_%d", &number); err == nil && r.reasons.Name(number) == name {
		return number, nil
	}
	return 0, fmt.Errorf("this kernel has no drop reason %q", name)
}

// Next waits for the next drop until the deadline, and returns an error that matches
// [os.ErrDeadlineExceeded] if there is none. It must not be called by two goroutines
// at the same time.
func (w *DropWatch) Next(deadline time.Time) (DropEvent, error) {
	w.reader.SetDeadline(deadline)
	for {
		if err := w.reader.ReadInto(&w.record); err != nil {
			return DropEvent{}, fmt.Errorf("read drop: %w", err)
		}
		var raw bpf.DropEvent
		if err := binary.Read(bytes.NewReader(w.record.RawSample), binary.NativeEndian, &raw); err != nil {
			return DropEvent{}, fmt.Errorf("decode drop: %w", err)
		}
		event, err := w.event(raw)
		if err != nil {
			return DropEvent{}, err
		}
		if w.wants(event.Severity) {
			return event, nil
		}
		w.passed++
	}
}

func (w *DropWatch) event(raw bpf.DropEvent) (DropEvent, error) {
	functions, err := w.names.symbols.Functions([]uint64{raw.Place.Location})
	if err != nil {
		return DropEvent{}, err
	}
	reason, function := w.names.reason(raw.Place.Reason), functions[raw.Place.Location]
	device, _, _ := bytes.Cut(raw.Device[:], []byte{0})
	event := DropEvent{
		Time: bootTime().Add(time.Duration(raw.KtimeNs)),
		Drop: Drop{
			Reason: reason, Severity: w.names.severityOf(reason, function), Layer: layerOf(reason, function),
			Direction: directionOf(reason, raw.Place.Direction), Kind: Kind(raw.Place.Kind), Function: function, Packets: 1,
		},
		Device: string(device), Interface: int(raw.Ifindex), Namespace: raw.Netns, Bytes: int(raw.Bytes),
	}
	if raw.Flow.Version != 0 {
		event.Source = decodeEnd(raw.Flow.Saddr, raw.Flow.Sport)
		event.Destination = decodeEnd(raw.Flow.Daddr, raw.Flow.Dport)
	}
	return event, nil
}

// Events tells what became of the drops so far.
func (w *DropWatch) Events() (DropEvents, error) {
	sums := make(map[bpf.DropFate]uint64)
	err := sumArray(w.coll.Maps["fates"], func(i int, n *uint64) { sums[bpf.DropFate(i)] += *n })
	return DropEvents{
		Seen: sums[bpf.FateSeen], Unwanted: sums[bpf.FateUnwanted] + w.passed,
		Limited: sums[bpf.FateLimited], Lost: sums[bpf.FateLost],
	}, err
}

// Close detaches the program.
func (w *DropWatch) Close() error {
	var errs []error
	if w.link != nil {
		errs = append(errs, w.link.Close())
	}
	if w.reader != nil {
		errs = append(errs, w.reader.Close())
	}
	if w.coll != nil {
		w.coll.Close()
	}
	w.names.Close()
	return errors.Join(errs...)
}
