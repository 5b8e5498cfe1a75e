//go:build linux

package pathmap

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/tracer"
)

// mostWaiting bounds the events that wait for names.
const mostWaiting = 4096

// readPart is the part of the time for which the kernel's list of symbols may be read.
const readPart = 1000

// A gatherer makes packets of records.
type gatherer struct {
	symbols *kernel.Symbols
	reasons *kernel.DropReasons
	now     func() time.Time
	// events are those since packets were made, and those that wait for names.
	events []bpf.PathEvent
	known  map[uint64]bool // addresses whose names are
	// entries are those of them by which the kernel is entered.
	entries map[uint64]bool
	// reads is how often the list may be read at once, and after when again.
	reads   int
	after   time.Time
	unnamed uint64
}

// record takes a record and tells whether it ends a turn.
func (g *gatherer) record(raw []byte) (spent bool, err error) {
	if len(raw) == int(unsafe.Sizeof(bpf.PathSpent{})) {
		return true, nil
	}
	var e bpf.PathEvent
	if err := binary.Read(bytes.NewReader(raw), binary.NativeEndian, &e); err != nil {
		return false, fmt.Errorf("record of %d bytes: %w", len(raw), err)
	}
	if len(g.events) >= mostWaiting {
		g.unnamed++
		return false, nil
	}
	g.events = append(g.events, e)
	return false, nil
}

// A sampled is a packet with its protocol.
type sampled struct {
	*tracer.Packet
	protocol string
}

// packets returns those of the events so far whose functions have names, and keeps the others.
func (g *gatherer) packets() (list []sampled, err error) {
	waiting, err := g.lookUp()
	if err != nil {
		return nil, err
	}
	var joined tracer.Packets
	protocols := make(map[tracer.Identity]string)
	tooks := make(map[tracer.Identity]time.Duration)
	// By time, as what a packet was held up before is taken out of its times.
	slices.SortStableFunc(g.events, func(a, b bpf.PathEvent) int { return cmp.Compare(a.KtimeNs, b.KtimeNs) })
	kept := g.events[:0]
	for i := range g.events {
		e := g.events[i]
		id := tracer.Identity{Head: e.Head, First: e.FirstNs}
		if waiting[id] {
			kept = append(kept, e)
			continue
		}
		event, err := g.event(&e)
		if err != nil {
			return nil, err
		}
		event.Time -= tooks[id]
		tooks[id] += time.Duration(e.TookNs)
		joined.Add(event)
		protocols[id] = protocolName(e.Ether, uint8(e.Protocol))
	}
	g.events = kept
	for _, p := range joined.List() {
		list = append(list, sampled{p, protocols[p.Identity]})
	}
	return list, nil
}

// stackOf returns the functions of an event, the innermost first, up to where the kernel was
// entered. What lies beyond is what it did before, and can be any address of its code.
func (g *gatherer) stackOf(e *bpf.PathEvent) []uint64 {
	all := e.Stack[:min(int(e.Frames)/8, len(e.Stack))]
	for i, a := range all {
		if g.entries[a] {
			return all[:i+1]
		}
	}
	return all
}

// lookUp reads the list of symbols if that is needed and allowed. It returns the packets that
// have to wait.
func (g *gatherer) lookUp() (map[tracer.Identity]bool, error) {
	if g.known == nil {
		g.known, g.entries = make(map[uint64]bool), make(map[uint64]bool)
	}
	waiting := make(map[tracer.Identity]bool)
	var fresh []uint64
	for i := range g.events {
		e := &g.events[i]
		for _, a := range g.stackOf(e) {
			if !g.known[a] {
				fresh = append(fresh, a)
				waiting[tracer.Identity{Head: e.Head, First: e.FirstNs}] = true
			}
		}
	}
	begin := g.now()
	if len(fresh) == 0 || g.reads == 0 && begin.Before(g.after) {
		return waiting, nil
	}
	names, err := g.symbols.Functions(fresh)
	if err != nil {
		return nil, err
	}
	g.reads = max(0, g.reads-1)
	end := g.now()
	g.after = end.Add(readPart * end.Sub(begin))
	for _, a := range fresh {
		g.known[a] = true
		if tracer.ContextOf([]string{names[a]}) != tracer.Unknown {
			g.entries[a] = true
		}
	}
	return nil, nil
}

func (g *gatherer) event(raw *bpf.PathEvent) (e tracer.Event, err error) {
	e = tracer.Event{
		Time:       time.Duration(raw.KtimeNs),
		Packet:     tracer.Identity{Head: raw.Head, First: raw.FirstNs},
		Descriptor: raw.Skb,
		Hook:       points[bpf.PathHook(raw.Hook)].hook,
		Value:      raw.Value,
		CPU:        int(raw.Cpu),
	}
	if bpf.PathHook(raw.Hook) == bpf.PathKfreeSkb {
		e.Reason = g.reasons.Name(uint32(raw.Value))
	}
	if e.Stack, err = tracer.Stack(g.symbols, g.stackOf(raw)); err != nil {
		return e, err
	}
	if e.Context = tracer.ContextOf(e.Stack); e.Context == tracer.System {
		e.Thread = int(raw.Thread)
	}
	return e, nil
}
