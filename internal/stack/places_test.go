package stack

import (
	"testing"

	"github.com/packetscope/packetscope/bpf"
)

// The index formulas as abi.h and maps.h have them, to be inverted.

func trafficEntry(way int, k Kind, c DeviceClass) int {
	return (way*bpf.Kinds+int(k))*bpf.Classes + int(c)
}

func spanEntry(s bpf.Span, k Kind, c DeviceClass) int {
	return bpf.LatencySpan + (int(s)*bpf.IPKinds+int(k))*(bpf.Classes-1) + int(c) - 1
}

func unmatchedEntry(s bpf.Span, c Cause) int { return int(s)*bpf.Causes + int(c) }

func TestPlacesInvertTheFormulas(t *testing.T) {
	entries := 0
	for s := range bpf.Ways {
		for _, k := range Kinds {
			for _, c := range DeviceClasses {
				entry := trafficEntry(s, k, c)
				if gotS, gotK, gotC := trafficPlace(entry); gotS != s || gotK != k || gotC != c {
					t.Errorf("trafficPlace(%d) = %v, %v, %v, want %v, %v, %v", entry, gotS, gotK, gotC, s, k, c)
				}
				entries++
			}
		}
	}
	if want := int(spec(t, Tracepoint).Maps["traffic"].MaxEntries) / 2; entries != want {
		t.Errorf("a bank of the map traffic has %d entries, the formula %d", want, entries)
	}
	entries = 0
	for s := range bpf.Span(bpf.Spans) {
		for _, k := range Kinds[:NonIP] {
			for _, c := range DeviceClasses[1:] {
				entry := spanEntry(s, k, c)
				if gotS, gotK, gotC := spanPlace(entry); gotS != s || gotK != k || gotC != c {
					t.Errorf("spanPlace(%d) = %v, %v, %v, want %v, %v, %v", entry, gotS, gotK, gotC, s, k, c)
				}
				entries++
			}
		}
	}
	if entries != bpf.LatencyReadWait {
		t.Errorf("read waits begin at %d, the spans end at %d", bpf.LatencyReadWait, entries)
	}
	entries = 0
	for s := range bpf.Span(bpf.Spans) {
		for _, c := range Causes {
			entry := unmatchedEntry(s, c)
			if gotS, gotC := unmatchedPlace(entry); gotS != s || gotC != c {
				t.Errorf("unmatchedPlace(%d) = %v, %v, want %v, %v", entry, gotS, gotC, s, c)
			}
			entries++
		}
	}
	if want := int(spec(t, Tracepoint).Maps["unmatched"].MaxEntries); entries != want {
		t.Errorf("the map unmatched has %d entries, the formula %d", want, entries)
	}
}

func TestEveryEntryHasItsPlace(t *testing.T) {
	if want := int(spec(t, Tracepoint).Maps["latency"].MaxEntries); bpf.LatencyEntries != want {
		t.Fatalf("the map latency has %d entries, want %d", want, bpf.LatencyEntries)
	}
	b := builder{
		Snapshot: Snapshot{
			QdiscWaits: make(map[string]Histogram), DriverXmits: make(map[string]Histogram),
			SoftirqWaits: make(map[string]Histogram), SoftirqRuns: make(map[string]Histogram),
			Polls: make(map[string]Polls),
		},
		device:    func(slot int) string { return []string{"other", "eth0"}[min(slot, 1)] },
		waits:     make(map[waitPlace]*Histogram),
		traffic:   make(map[stationPlace]*Traffic),
		crossings: make(map[Crossing]uint64),
	}
	// Span 0 is none; its entries are the zeroes that others begin as.
	spans := spanEntry(bpf.ReceiveLinkNetwork, 0, Physical)
	for entry := spans; entry < bpf.LatencyEntries; entry++ {
		b.addLatency(entry, "", &bpf.Latency{SumNs: 1e9, Slots: [Slots]uint64{7: 1}})
	}
	for entry := range 2 * bpf.TrafficEntries {
		b.addTraffic(entry, "", &bpf.Traffic{Packets: 1})
	}
	s := b.build()
	counts := map[string]int{
		"crossings": len(s.Crossings), "traffic": len(s.Traffic), "stages": len(s.Stages), "read waits": len(s.ReadWaits),
		"qdisc waits": sumCounts(s.QdiscWaits), "driver xmits": sumCounts(s.DriverXmits),
		"softirq waits": sumCounts(s.SoftirqWaits), "softirq runs": sumCounts(s.SoftirqRuns),
		"netfilter hooks": len(s.NetfilterHooks),
	}
	for what, want := range map[string]int{
		"crossings": (bpf.Spans - 1) * bpf.Kinds * bpf.Classes,
		"traffic":   (bpf.Stations - 1) * bpf.Kinds * bpf.Classes,
		"stages":    (bpf.Spans - 1) * bpf.IPKinds * (bpf.Classes - 1), "read waits": bpf.IPKinds,
		"qdisc waits": bpf.DeviceSlots + 1, "driver xmits": bpf.DeviceSlots + 1,
		"softirq waits": len(vectorNames), "softirq runs": len(vectorNames),
		"netfilter hooks": len(netfilterFamilies) * len(netfilterHooks),
	} {
		if counts[what] != want {
			t.Errorf("%d %s, want %d", counts[what], what, want)
		}
	}
	for name, h := range s.QdiscWaits {
		if h.SumSeconds != float64(h.Count()) {
			t.Errorf("qdisc waits of %q: %d durations of one second make %v s", name, h.Count(), h.SumSeconds)
		}
	}
	last := s.NetfilterHooks[len(s.NetfilterHooks)-1]
	if last.Family != "ipv6" || last.Hook != "postrouting" {
		t.Errorf("the last hook is %v %v", last.Family, last.Hook)
	}
}

func sumCounts(by map[string]Histogram) int {
	var n uint64
	for _, h := range by {
		n += h.Count()
	}
	return int(n)
}
