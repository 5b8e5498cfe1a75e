package collector

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
)

// hostSnapshot returns the snapshot of a host on which every combination of
// labels occurs that can.
func hostSnapshot(h Host) stack.Snapshot {
	kinds, classes := commonFirst[:h.Kinds], []stack.DeviceClass{stack.NoDevice, stack.Loopback, stack.Physical, stack.Virtual}[:h.Classes]
	watches := []string{""}
	for i := range h.Watches {
		watches = append(watches, fmt.Sprint("watch", i))
	}
	busy := withSlowest(busyHistogram(), time.Second)
	var s stack.Snapshot
	for _, watch := range watches {
		for _, kind := range kinds {
			s.ReadWaits = append(s.ReadWaits, stack.ReadWait{Kind: kind, Watch: watch, Histogram: busy})
			for _, class := range classes {
				for _, at := range stack.Stations() {
					if (at.Layer == stack.Socket) != (class == stack.NoDevice) || forwardedByLoopback(h, at.Direction, class) {
						continue
					}
					s.Traffic = append(s.Traffic, stack.Traffic{
						Layer: at.Layer, Direction: at.Direction, Kind: kind, Class: class, Watch: watch,
						Packets: 1000, Bytes: 64000, WirePackets: wirePackets(at, class),
					})
				}
				if class == stack.NoDevice {
					continue
				}
				for _, span := range stack.Spans() {
					if forwardedByLoopback(h, span.Direction, class) || span == pastNetfilter && !h.OddWays {
						continue
					}
					s.Crossings = append(s.Crossings, stack.Crossing{Span: span, Kind: kind, Class: class, Watch: watch, Packets: 900})
					s.Stages = append(s.Stages, stack.Stage{Span: span, Kind: kind, Class: class, Watch: watch, Histogram: busy})
				}
			}
		}
	}
	for _, span := range stack.Spans() {
		for _, cause := range stack.Causes {
			if !span.Expected() && cause != stack.Stale && cause != stack.Clock {
				continue // only where a packet must come next can it be missed
			}
			s.Unmatched = append(s.Unmatched, stack.Unmatched{Span: span, Cause: cause, Packets: 3})
		}
	}
	addDevices(&s, h.Devices, busy)
	s.SoftirqWaits = map[string]stack.Histogram{"net_rx": busy, "net_tx": busy}
	s.SoftirqRuns = s.SoftirqWaits
	for _, hook := range []string{"prerouting", "input", "forward", "output", "postrouting"} {
		for _, family := range []string{"ipv4", "ipv6"} {
			if h.Netfilter {
				s.NetfilterHooks = append(s.NetfilterHooks, stack.NetfilterHook{Family: family, Hook: hook, Histogram: busy})
			}
		}
	}
	s.LostUpdates = make(map[string]uint64)
	for i := range h.Maps {
		s.LostUpdates[fmt.Sprint("map", i)] = 1
	}
	return s
}

// forwardedByLoopback tells whether a packet would go a way that the host has not.
func forwardedByLoopback(h Host, d stack.Direction, class stack.DeviceClass) bool {
	return d == stack.Forward && class == stack.Loopback && !h.OddWays
}

// commonFirst are all kinds, so that the first ones are what most hosts have.
var commonFirst = []stack.Kind{
	stack.TCP4, stack.UDP4, stack.ICMP4, stack.TCP6, stack.UDP6, stack.ICMP6,
	stack.SCTP4, stack.Other4, stack.SCTP6, stack.Other6, stack.NonIP,
}

func addDevices(s *stack.Snapshot, devices int, busy stack.Histogram) {
	s.QdiscWaits = map[string]stack.Histogram{"other": busy}
	for i := range devices {
		s.QdiscWaits[fmt.Sprint("eth", i)] = busy
	}
	s.DriverXmits = s.QdiscWaits
	s.Polls = make(map[string]stack.Polls)
	for device := range s.QdiscWaits {
		s.Polls[device] = stack.Polls{Buckets: [stack.PollSlots]uint64{1, 2, 3, 4, 5, 6, 7, 8}, Packets: 500, Exhausted: 8}
	}
}

// busyHistogram has durations in forty neighbouring slots, as real ones have.
func busyHistogram() stack.Histogram {
	var h stack.Histogram
	for i := 20; i < 60; i++ {
		h.Buckets[i] = uint64(i * i)
		h.SumSeconds += float64(i*i) * stack.UpperBound(i)
	}
	return h
}

// wirePackets is what only the two stations nearest to the wire count.
func wirePackets(at stack.Station, class stack.DeviceClass) uint64 {
	if class != stack.NoDevice && (at.Layer == stack.Link || at.Layer == stack.Driver) {
		return 1500
	}
	return 0
}

// hostSockets has a connection to each of the host's ports.
func hostSockets(h Host) socketsReader {
	s := fullSockets()
	s.Listeners = nil
	for i := range h.Ports {
		s.Listeners = append(s.Listeners, sockets.Listener{Port: uint16(i + 1), Connections: 1})
	}
	return socketsReader{s}
}

// hostDrops returns the drops of a host on which every combination of labels occurs
// that can.
func hostDrops(h Host) stack.Drops {
	d := stack.Drops{
		Overflows: make(map[string]uint64), RouteFailures: map[string]uint64{"ipv4": 1, "ipv6": 1},
		NeighborFailures: map[string]uint64{"ipv4": 1, "ipv6": 1},
	}
	for i := range h.Reasons {
		for _, kind := range commonFirst[:h.Kinds] {
			for _, direction := range []stack.Direction{stack.Receive, stack.Transmit} {
				d.Packets = append(d.Packets, stack.Drop{Reason: fmt.Sprint("REASON_", i), Direction: direction, Kind: kind, Function: "drop", Packets: 1})
			}
		}
	}
	for i := range h.Functions - h.Reasons { // the others are there by now
		d.Packets = append(d.Packets, stack.Drop{Reason: "REASON_0", Kind: stack.TCP4, Function: fmt.Sprint("function", i), Packets: 1})
	}
	for i := range h.Devices + 1 {
		for _, c := range stack.DeviceCounters() {
			c.Device, c.Packets = fmt.Sprint("eth", i), 1
			if i == h.Devices {
				c.Device = "other"
			}
			d.Devices = append(d.Devices, c)
		}
	}
	for _, kind := range stack.OverflowKinds() {
		d.Overflows[kind] = 1
	}
	for i := range h.ICMPErrors {
		d.ICMPErrors = append(d.ICMPErrors, stack.ICMPErrors{Type: i / 16, Code: i % 16, Errors: 1})
	}
	for _, hook := range []string{"prerouting", "input", "forward", "output", "postrouting"} {
		for _, family := range []string{"ipv4", "ipv6"} {
			if h.Netfilter {
				d.Netfilter = append(d.Netfilter, stack.NetfilterDrops{Family: family, Hook: hook, Packets: 1})
			}
		}
	}
	return d
}

func hostSelf(h Host) stack.Self {
	s := stack.Self{Maps: make(map[string]stack.MapFill)}
	for i := range h.Probes {
		s.Probes = append(s.Probes, stack.Probe{Name: fmt.Sprint("probe", i), Hook: "tp_btf:kfree_skb", Attached: true})
	}
	for i := range h.Maps {
		s.Maps[fmt.Sprint("map", i)] = stack.MapFill{Capacity: 1}
	}
	return s
}

// seriesIn counts what a server stores of a family without native histograms.
func seriesIn(f *dto.MetricFamily) int {
	n := 0
	for _, m := range f.GetMetric() {
		if m.Summary != nil {
			n += len(m.Summary.Quantile) + 2 // the sum and the count
			continue
		}
		if m.Histogram == nil {
			n++
			continue
		}
		n += 3 // the bucket of +Inf, the sum and the count
		for _, b := range m.Histogram.Bucket {
			if !math.IsInf(b.GetUpperBound(), 1) { // there for its exemplar
				n++
			}
		}
	}
	return n
}

func TestSeriesBoundIsReachedAndNotExceeded(t *testing.T) {
	withoutWatches, watched := LargestHost, TypicalHost
	withoutWatches.Watches = 0
	watched.Watches = 8
	for _, c := range []struct {
		name  string
		host  Host
		limit int
		want  int
	}{
		{"typical", TypicalHost, DefaultSeriesLimit, 2985},
		{"typical without the path map", withoutPathMap(TypicalHost), DefaultSeriesLimit, 2531},
		{"typical with Guarder", GuardedHost, DefaultSeriesLimit, 3501},
		{"typical with Locator", LocatedHost, DefaultSeriesLimit, 11_060},
		{"typical with Locator and a low limit", LocatedHost, 150, 6528},
		{"typical with 8 watches", watched, DefaultSeriesLimit, 7442},
		{"largest without watches", withoutWatches, DefaultSeriesLimit, 46_090},
		{"largest", LargestHost, DefaultSeriesLimit, 54_886},
		{"low limit", watched, 150, 2408},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := SeriesBound(c.host, c.limit); got != c.want {
				t.Errorf("bound is %d series, want %d", got, c.want)
			}
			r := hostReader{reader{snapshot: hostSnapshot(c.host), self: hostSelf(c.host), tcp: hostTCP(c.host), drops: hostDrops(c.host)}, c.host}
			got := 0
			st := NewStack(r, StackOptions{SeriesLimit: c.limit})
			all := append(st.Collectors(), newFlowsFor(r, StackOptions{SeriesLimit: c.limit}), NewSockets(hostSockets(c.host), st), NewTCP(r, st), NewDrops(r, st), NewSelf(r, st, nil))
			if c.host.Posture {
				all = append(all, NewPosture(hostPosture(c.host)))
			}
			if c.host.PathEdges > 0 {
				all = append(all, NewPathMap(hostPathMap(c.host), st))
			}
			if c.host.GuarderRules > 0 {
				all = append(all, NewGuarder(hostGuarder(c.host), st, whereOf(c.host)))
			}
			if c.host.Destinations > 0 {
				all = append(all, newHostPath(c.host, st))
			}
			set := NewSet(quiet, stopped, all...)
			for _, f := range gatherFrom(t, set) {
				if (f.GetName() == metric.NetfilterHookDuration.Name || f.GetName() == metric.NetfilterDrops.Name) && !c.host.Netfilter {
					t.Errorf("%s is not wanted", f.GetName())
				}
				series := seriesIn(f)
				got += series
				if family, ok := metric.Lookup(f.GetName()); ok {
					if bound := c.host.bound(family, c.limit) * family.SeriesPerSet(); series != bound {
						t.Errorf("%s: %d series, the bound is %d", f.GetName(), series, bound)
					}
				}
			}
			if got != c.want {
				t.Errorf("%d series, the bound is %d", got, c.want)
			}
		})
	}
}

// hostGuarder returns a packet filter all of whose rules matched.
func hostGuarder(h Host) guarderReader {
	verdicts := map[string]guarder.Counts{"pass": {Packets: 1}, "drop": {Packets: 1}}
	at := since
	s := guarder.Status{
		Verdicts: verdicts, Unparsable: make(map[string]guarder.Counts), Sockets: make(map[string]guarder.Counts), Sets: make(map[string]int),
		Ceiling: "enforce", InForce: guarder.InForcePolicy, ConfirmBy: &at, ProtectedUntil: &at,
	}
	for reason := packet.OK + 1; reason < packet.Reasons; reason++ {
		s.Unparsable[reason.String()] = guarder.Counts{Packets: 1}
	}
	for _, found := range guarder.SocketNames {
		s.Sockets[found] = guarder.Counts{Packets: 1}
	}
	for i := range h.Devices {
		s.Devices = append(s.Devices, guarder.DeviceStatus{Name: fmt.Sprint("eth", i), Hook: guarder.Native, Verdicts: verdicts})
	}
	for i := range h.GuarderRules {
		s.Rules = append(s.Rules, guarder.RuleStatus{Group: "g", Rule: fmt.Sprint("r", i), Mode: "enforce", Counts: map[string]guarder.Counts{"drop": {Packets: 1}}, LastMatch: &at})
	}
	for i := range h.GuarderSets {
		s.Sets[fmt.Sprint("set", i)] = 1
	}
	for i := range h.GuarderLearning {
		s.Learning = append(s.Learning, guarder.LearningStatus{Set: fmt.Sprint("set", i)})
	}
	for i := range h.GuarderCounting {
		s.Connections, s.Rules[i].Connections = &guarder.ConnectionStatus{}, &guarder.RuleConnections{}
	}
	for i := range h.GuarderFloods {
		s.Floods = append(s.Floods, guarder.FloodStatus{Group: "g", Rule: fmt.Sprint("r", i), Mode: "enforce"})
	}
	for i := range h.GuarderFeeds {
		f := guarder.FeedStatus{Feed: fmt.Sprint("feed", i), Mode: "enforce", Action: "drop", Checked: &at, Reason: string(feed.Empty), Refusals: make(map[string]uint64)}
		f.Counts = map[string]guarder.Counts{"drop": {Packets: 1}, "would_drop": {Packets: 1}, "count": {Packets: 1}}
		for _, reason := range feed.Reasons {
			f.Refusals[string(reason)] = 1
		}
		s.Feeds = append(s.Feeds, f)
	}
	for _, origin := range ban.Classes[:h.GuarderBans] {
		s.Bans = append(s.Bans, guarder.BanCount{Origin: origin, Bans: 1, Counts: map[string]guarder.Counts{"would_drop": {Packets: 1}}})
		for _, action := range ban.Actions {
			s.BanEvents = append(s.BanEvents, guarder.BanEvents{Origin: origin, Action: string(action), Events: 1})
		}
	}
	for i := range h.Maps {
		s.Maps = append(s.Maps, guarder.MapStatus{Name: fmt.Sprint("map", i), Room: 1})
	}
	for i := range 2 * topServices {
		s.Services = append(s.Services, guarder.ServiceStatus{Protocol: "tcp", Port: uint16(i), Counts: verdicts})
	}
	for _, family := range []uint8{4, 6} {
		for i := range h.GuarderMessages {
			s.ICMP = append(s.ICMP, guarder.ICMPStatus{Family: family, Type: uint8(i), Name: fmt.Sprint(i), Packets: 1})
		}
		for _, class := range []string{"unreachable", "packet-too-big", "time-exceeded", "redirect", "parameter-problem", "source-quench"} {
			for _, protocol := range []string{"tcp", "udp", "icmp", "other", "none"} {
				s.Quoted = append(s.Quoted, guarder.QuotedStatus{Family: family, Class: class, Protocol: protocol, Packets: 1})
			}
		}
	}
	hits := make([]guarder.Hit, h.GuarderCountries)
	for i := range hits {
		hits[i] = guarder.Hit{Source: numbered(i), Effect: "drop", Packets: 1, First: 1}
	}
	return guarderReader{s, hits}
}

// numbered returns an address with a number.
func numbered(i int) netip.Addr { return netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}) }

// whereOf has each numbered address in a country and an AS of its own.
func whereOf(h Host) Locate {
	if h.GuarderCountries == 0 {
		return nil
	}
	return func(a netip.Addr) (string, uint32, string) {
		b := a.As4()
		n := uint32(b[2])<<8 | uint32(b[3])
		return fmt.Sprint("C", n), 1 + n, fmt.Sprint("system ", n)
	}
}

// TestPathsHaveFewerThan20000Series, however many destinations, hops and rules there
// are.
func TestPathsHaveFewerThan20000Series(t *testing.T) {
	without := LargestHost
	without.Destinations = 0
	if got := SeriesBound(LargestHost, DefaultSeriesLimit) - SeriesBound(without, DefaultSeriesLimit); got >= 20_000 {
		t.Errorf("%d series", got)
	}
}

func TestTypicalHostHasFewerThan3000Series(t *testing.T) {
	if got := SeriesBound(TypicalHost, DefaultSeriesLimit); got >= 3000 {
		t.Errorf("%d series", got)
	}
}

func TestSeriesBoundKnowsEveryLabel(t *testing.T) {
	dependent := map[string]bool{"rule": true, "to": true, "family": true, "service_port": true, "role": true, "severity": true, "code": true,
		"stage": true, "action": true, "limit": true, "attack": true, "class": true, "as_name": true}
	for _, f := range metric.Families {
		if f.Collector == metric.CollectorPath || f.Collector == metric.CollectorAnnotator || f.Collector == metric.CollectorPathMap {
			continue // their bounds go by what a family is of
		}
		for _, label := range f.Labels {
			beside := label == "direction" || label == "hook" || f.HasLabel("reason") && (label == "layer" || label == "reason")
			beside = beside || label == "protocol" && f.HasLabel("remote") || (label == "verdict" || label == "mode") && f.HasLabel("rule")
			if f.Collector != "" && LargestHost.values(f, label) == 1 && !dependent[label] && !beside {
				t.Errorf("%s: label %q counts as one value", f.Name, label)
			}
		}
	}
}
