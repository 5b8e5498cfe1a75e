package stack

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
)

// Snapshot reads all counters and histograms.
func (e *Engine) Snapshot() (Snapshot, error) {
	if err := e.devices.refresh(); err != nil {
		return Snapshot{}, err
	}
	b := builder{
		Snapshot: Snapshot{
			QdiscWaits: make(map[string]Histogram), DriverXmits: make(map[string]Histogram),
			SoftirqWaits: make(map[string]Histogram), SoftirqRuns: make(map[string]Histogram),
			Polls: make(map[string]Polls),
		},
		device:    e.devices.name,
		bootTime:  bootTime(),
		waits:     make(map[waitPlace]*Histogram),
		traffic:   make(map[stationPlace]*Traffic),
		crossings: make(map[Crossing]uint64),
	}
	for _, read := range []func(*builder) error{
		e.readTraffic, e.readWatchedTraffic, e.readLatency, e.readWatchedLatency,
		e.readUnmatched, e.readPolls, e.readLosses,
	} {
		if err := read(&b); err != nil {
			return Snapshot{}, err
		}
	}
	return b.build(), nil
}

// A builder sums what the CPUs counted and gives it names.
type builder struct {
	Snapshot
	device    func(slot int) string
	bootTime  time.Time
	waits     map[waitPlace]*Histogram
	traffic   map[stationPlace]*Traffic
	crossings map[Crossing]uint64 // by a Crossing without packets
}

// waitPlace is an entry of the latency maps and the name of its watch.
type waitPlace struct {
	entry int
	watch string
}

// stationPlace is what one Traffic counts.
type stationPlace struct {
	station bpf.Station
	kind    Kind
	class   DeviceClass
	watch   string
}

func (e *Engine) readTraffic(b *builder) error {
	return sumArray(e.objects.maps["traffic"], func(i int, t *bpf.Traffic) { b.addTraffic(i, "", t) })
}

func (e *Engine) readWatchedTraffic(b *builder) error {
	return sumHash(e.objects.maps["watched_traffic"], func(k bpf.WatchedStation, t *bpf.Traffic) {
		if name, ok := e.watches.name(k.Watch); ok {
			b.addTraffic(int(k.Entry), name, t)
		}
	})
}

func (e *Engine) readLatency(b *builder) error {
	return sumArray(e.objects.maps["latency"], func(i int, l *bpf.Latency) { b.addLatency(i, "", l) })
}

func (e *Engine) readWatchedLatency(b *builder) error {
	return sumHash(e.objects.maps["watched_latency"], func(k bpf.WatchedEntry, l *bpf.Latency) {
		if name, ok := e.watches.name(k.Watch); ok {
			b.addLatency(int(k.Entry), name, l)
		}
	})
}

func (e *Engine) readUnmatched(b *builder) error {
	sums := make(map[int]uint64)
	// Listed at zero too, so that a rate can tell none from unknown.
	for _, span := range expectedSpans {
		for _, cause := range Causes {
			sums[int(span)*bpf.Causes+int(cause)] = 0
		}
	}
	err := sumArray(e.objects.maps["unmatched"], func(i int, n *uint64) { sums[i] += *n })
	for i, n := range sums {
		span, cause := unmatchedPlace(i)
		b.Unmatched = append(b.Unmatched, Unmatched{spanLabels[span], cause, n})
	}
	return err
}

func (e *Engine) readPolls(b *builder) error {
	return sumArray(e.objects.maps["polls"], func(i int, p *bpf.Polls) {
		sum := b.Polls[b.device(i)]
		sum.Packets += p.Packets
		sum.Exhausted += p.Exhausted
		for slot, n := range p.Slots {
			sum.Buckets[slot] += n
		}
		b.Polls[b.device(i)] = sum
	})
}

func (e *Engine) readLosses(b *builder) error {
	names := map[bpf.Loss]string{
		bpf.LossWatchedTraffic: "watched_traffic",
		bpf.LossWatchedLatency: "watched_latency",
		bpf.LossSocketsReady:   "ready_by_socket",
		bpf.LossFlows:          "flows",
		bpf.LossTCPSockets:     "tcp_by_socket",
		bpf.LossDrops:          "drops",
	}
	// Every source is listed, so that a rate can tell none from unknown.
	b.LostUpdates = map[string]uint64{lossRecursion: 0}
	for _, name := range names {
		b.LostUpdates[name] = 0
	}
	for _, x := range e.fixtures {
		misses, err := x.misses()
		if err != nil {
			return err
		}
		b.LostUpdates[lossRecursion] += misses
	}
	return sumArray(e.objects.maps["losses"], func(i int, n *uint64) { b.LostUpdates[names[bpf.Loss(i)]] += *n })
}

func (b *builder) addTraffic(entry int, watch string, t *bpf.Traffic) {
	way, kind, class := trafficPlace(entry)
	station, spans := wayEnd(way)
	for _, span := range spans {
		b.crossings[Crossing{Span: spanLabels[span], Kind: kind, Class: class, Watch: watch}] += t.Packets
	}
	if station == 0 {
		return
	}
	place := stationPlace{station, kind, class, watch}
	sum := b.traffic[place]
	if sum == nil {
		at := stationLabels[station]
		sum = &Traffic{Layer: at.Layer, Direction: at.Direction, Kind: kind, Class: class, Watch: watch}
		b.traffic[place] = sum
	}
	sum.Packets += t.Packets
	sum.Bytes += t.Bytes
	sum.WirePackets += t.Segments
}

func (b *builder) addLatency(entry int, watch string, l *bpf.Latency) {
	sum := b.waits[waitPlace{entry, watch}]
	if sum == nil {
		sum = new(Histogram)
		b.waits[waitPlace{entry, watch}] = sum
	}
	sum.SumSeconds += float64(l.SumNs) / 1e9
	for i, n := range l.Slots {
		sum.Buckets[i] += n
	}
	if x := b.example(l); x != nil && (sum.Slowest == nil || x.Duration > sum.Slowest.Duration) {
		sum.Slowest = x
	}
}

// build turns the sums into the lists of a snapshot, in the order of the maps.
func (b *builder) build() Snapshot {
	for _, t := range b.traffic {
		b.Traffic = append(b.Traffic, *t)
	}
	slices.SortFunc(b.Traffic, func(x, y Traffic) int {
		return cmp.Or(cmp.Compare(x.Layer, y.Layer), cmp.Compare(x.Direction, y.Direction),
			cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Class, y.Class), cmp.Compare(x.Watch, y.Watch))
	})
	for c, n := range b.crossings {
		c.Packets = n
		b.Crossings = append(b.Crossings, c)
	}
	slices.SortFunc(b.Crossings, func(x, y Crossing) int {
		return cmp.Or(compareSpans(x.Span, y.Span), cmp.Compare(x.Kind, y.Kind),
			cmp.Compare(x.Class, y.Class), cmp.Compare(x.Watch, y.Watch))
	})
	places := make([]waitPlace, 0, len(b.waits))
	for at := range b.waits {
		places = append(places, at)
	}
	slices.SortFunc(places, func(x, y waitPlace) int {
		return cmp.Or(cmp.Compare(x.entry, y.entry), cmp.Compare(x.watch, y.watch))
	})
	for _, at := range places {
		b.place(at, b.waits[at])
	}
	slices.SortFunc(b.Unmatched, func(x, y Unmatched) int {
		return cmp.Or(compareSpans(x.Span, y.Span), cmp.Compare(x.Cause, y.Cause))
	})
	return b.Snapshot
}

func compareSpans(x, y Span) int {
	return cmp.Or(cmp.Compare(x.Direction, y.Direction), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
}

// place puts one entry of the latency maps where it belongs.
func (b *builder) place(at waitPlace, h *Histogram) {
	part := func(begin int) int { return at.entry - begin }
	switch {
	case at.entry < bpf.LatencyReadWait:
		b.placeSpan(at, h)
	case at.entry < bpf.LatencyQdiscWait:
		b.ReadWaits = append(b.ReadWaits, ReadWait{Kind(part(bpf.LatencyReadWait)), at.watch, *h})
	case at.entry < bpf.LatencyDriverXmit:
		addTo(b.QdiscWaits, b.device(part(bpf.LatencyQdiscWait)), *h)
	case at.entry < bpf.LatencySoftirqWait:
		addTo(b.DriverXmits, b.device(part(bpf.LatencyDriverXmit)), *h)
	case at.entry < bpf.LatencySoftirqRun:
		b.SoftirqWaits[vectorNames[part(bpf.LatencySoftirqWait)]] = *h
	case at.entry < bpf.LatencyNetfilter:
		b.SoftirqRuns[vectorNames[part(bpf.LatencySoftirqRun)]] = *h
	default:
		i := part(bpf.LatencyNetfilter)
		b.NetfilterHooks = append(b.NetfilterHooks, NetfilterHook{
			netfilterFamilies[i/len(netfilterHooks)], netfilterHooks[i%len(netfilterHooks)], *h,
		})
	}
}

func (b *builder) placeSpan(at waitPlace, h *Histogram) {
	span, kind, class := spanPlace(at.entry)
	b.Stages = append(b.Stages, Stage{spanLabels[span], kind, class, at.watch, *h})
}

// addTo adds h to the histogram of a name; only "other" comes more than once.
func addTo(to map[string]Histogram, name string, h Histogram) {
	sum := to[name]
	sum.SumSeconds += h.SumSeconds
	for i, n := range h.Buckets {
		sum.Buckets[i] += n
	}
	to[name] = sum
}

// example decodes the slow packet of an entry; nil if there is none, or it was
// being written as it was read.
func (b *builder) example(l *bpf.Latency) *Exemplar {
	if l.SlowBegun == 0 || l.SlowBegun != l.SlowDone {
		return nil
	}
	return &Exemplar{
		Source:      decodeEnd(l.SlowFlow.Saddr, l.SlowFlow.Sport),
		Destination: decodeEnd(l.SlowFlow.Daddr, l.SlowFlow.Dport),
		Duration:    time.Duration(l.SlowNs),
		Time:        b.bootTime.Add(time.Duration(l.SlowKtimeNs)),
	}
}

// bootTime returns the wall clock at zero of CLOCK_MONOTONIC, the clock of
// bpf_ktime_get_ns.
func bootTime() time.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("read CLOCK_MONOTONIC: %v", err)) // every Linux has it
	}
	return time.Now().Add(-time.Duration(ts.Nano()))
}
