package collector

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

func TestSlotsOfEngineAndMetricsAreTheSame(t *testing.T) {
	s := metric.Durations
	if s.Schema != stack.SlotSchema || s.First != stack.SlotOffset || s.Slots != stack.Slots {
		t.Errorf("schema %d, first %d, %d slots; the engine has %d, %d, %d",
			s.Schema, s.First, s.Slots, stack.SlotSchema, stack.SlotOffset, stack.Slots)
	}
	for i := range stack.Slots {
		if got, want := s.UpperBound(i), stack.UpperBound(i); got != want {
			t.Errorf("slot %d ends at %v, the engine's at %v", i, got, want)
		}
	}
	if metric.PollSizes.Slots != stack.PollSlots {
		t.Errorf("%d poll sizes, the engine has %d", metric.PollSizes.Slots, stack.PollSlots)
	}
}

func TestFailingReaderSendsNothing(t *testing.T) {
	st := NewStack(brokenReader{}, StackOptions{})
	set := NewSet(quiet, stopped, append(st.Collectors(), newFlowsFor(brokenReader{}, StackOptions{}), NewSockets(brokenSockets{}, st), NewTCP(brokenReader{}, st), NewDrops(brokenReader{}, st), NewSelf(brokenReader{}, st, nil))...)
	var want []string
	for _, name := range []string{"device", "drops", "flows", "netfilter", "probe", "socket", "sockets", "softirq", "stack", "tcp"} {
		want = append(want, `packetscope_scrape_collector_duration_seconds{collector="`+name+`"} 0`)
	}
	for _, name := range []string{"device", "drops", "flows", "netfilter", "probe", "socket", "sockets", "softirq", "stack", "tcp"} {
		want = append(want, `packetscope_scrape_collector_success{collector="`+name+`"} 0`)
	}
	if diff := cmp.Diff(want, samples(expose(t, set))); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}

// TestProbesAreShownWithoutASnapshot: what the probes say matters most when there
// is nothing else.
func TestProbesAreShownWithoutASnapshot(t *testing.T) {
	r := reader{self: fullSelf()}
	text := expose(t, newFullSet(brokenReader{}, r, StackOptions{}))
	for _, want := range []string{
		`packetscope_probe_attached{hook="tp_btf:netif_receive_skb",probe="link_receive"} 1`,
		`packetscope_scrape_collector_success{collector="probe"} 1`,
		`packetscope_scrape_collector_success{collector="stack"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("exposition lacks %s", want)
		}
	}
}

// countingReader counts how often the engine is read.
type countingReader struct{ reads atomic.Int64 }

func (r *countingReader) Snapshot() (stack.Snapshot, error) {
	r.reads.Add(1)
	return fullSnapshot(), nil
}

func TestEngineIsReadOncePerScrape(t *testing.T) {
	r := new(countingReader)
	set := newFullSet(r, reader{}, StackOptions{})
	for scrape := int64(1); scrape <= 3; scrape++ {
		expose(t, set)
		if got := r.reads.Load(); got != scrape {
			t.Fatalf("after %d scrapes the engine was read %d times", scrape, got)
		}
	}
}

func TestCollectorAloneReadsTheEngine(t *testing.T) {
	r := new(countingReader)
	ch := make(chan prometheus.Metric, 100)
	for _, c := range NewStack(r, StackOptions{}).Collectors() {
		if err := c.Update(ch); err != nil {
			t.Errorf("%s: %v", c.Name(), err)
		}
	}
	if got := r.reads.Load(); got != 5 {
		t.Errorf("five collectors read the engine %d times", got)
	}
	if err := NewStack(brokenReader{}, StackOptions{}).Collectors()[0].Update(ch); !errors.Is(err, errBroken) {
		t.Errorf("broken reader: %v", err)
	}
}

// TestOverlappingScrapesAgree is for the race detector.
func TestOverlappingScrapesAgree(t *testing.T) {
	snapshot := fullSnapshot() // shared by all, so that a write to it is a race
	r := reader{snapshot: snapshot, self: fullSelf(), tcp: fullTCP(), drops: fullDrops()}
	set := newFullSet(r, r, StackOptions{Since: since, SeriesLimit: 30})
	expose(t, set) // what was folded first is counted in the second scrape
	want := expose(t, set)
	texts := make([]string, 8)
	var scrapes sync.WaitGroup
	for i := range texts {
		scrapes.Go(func() { texts[i] = expose(t, set) })
	}
	scrapes.Wait()
	for _, got := range texts {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("exposition (-first +overlapping):\n%s", diff)
		}
	}
	if diff := cmp.Diff(fullSnapshot(), snapshot, cmp.Comparer(func(a, b stack.Exemplar) bool { return a == b })); diff != "" {
		t.Errorf("snapshot was changed (-before +after):\n%s", diff)
	}
}

func TestAddedHistogramsKeepTheSlowestPacket(t *testing.T) {
	for _, f := range gatherFrom(t, newFixtureSet()) {
		if f.GetName() != metric.StageDuration.Name {
			continue
		}
		for _, m := range f.Metric {
			if label(m, "protocol") != "tcp" {
				continue
			}
			got := m.Histogram.Exemplars
			if len(got) != 1 || got[0].GetValue() != 4.5 {
				t.Errorf("exemplars %v, want the one of 4.5 s", got)
			}
			return
		}
	}
	t.Error("no stage of tcp")
}

func TestCreatedIsWhenCountingBegan(t *testing.T) {
	seen := 0
	for _, f := range gatherFrom(t, newFixtureSet()) {
		for _, m := range f.Metric {
			created := m.GetCounter().GetCreatedTimestamp()
			if m.Histogram != nil {
				created = m.Histogram.CreatedTimestamp
			}
			switch {
			case m.Gauge != nil:
			case m.Summary != nil: // of hops, which appear at any time
				if created := m.Summary.CreatedTimestamp; created != nil {
					t.Errorf("%s was created at %v", f.GetName(), created.AsTime())
				}
			case f.GetName() == metric.DeviceDrops.Name, f.GetName() == metric.RouteLookupFailures.Name:
				if created != nil {
					t.Errorf("%s, which the kernel counts, was created at %v", f.GetName(), created.AsTime())
				}
			case label(m, "watch") != "":
				if created != nil {
					t.Errorf("%s of a watch was created at %v", f.GetName(), created.AsTime())
				}
			case created == nil || !created.AsTime().Equal(since):
				t.Errorf("%s was created at %v, want %v", f.GetName(), created, since)
			default:
				seen++
			}
		}
	}
	if seen == 0 {
		t.Error("nothing to check")
	}
}

// TestDeviceNamesNeedNotBeText: the kernel takes any bytes as a name, the registry
// does not.
func TestDeviceNamesNeedNotBeText(t *testing.T) {
	h := histogram(0.5, 90)
	r := reader{snapshot: stack.Snapshot{DriverXmits: map[string]stack.Histogram{"eth\xff": h, "eth\xfe": h}}}
	text := expose(t, newFullSet(r, r, StackOptions{}))
	if want := "packetscope_driver_xmit_seconds_count{device=\"eth\uFFFD\"} 2\n"; !strings.Contains(text, want) {
		t.Errorf("exposition lacks %s", want)
	}
}

func TestUnsampledRatioIsOne(t *testing.T) {
	for every, want := range map[int]string{0: "1", 1: "1", 8: "0.125"} {
		r := reader{self: stack.Self{SampleEvery: every, StatsWindow: time.Second}}
		text := expose(t, newFullSet(r, r, StackOptions{}))
		if want := "\npacketscope_sampling_ratio " + want + "\n"; !strings.Contains(text, want) {
			t.Errorf("one packet in %d: exposition lacks %q", every, want)
		}
	}
}

func label(m *dto.Metric, name string) string {
	for _, pair := range m.Label {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}
