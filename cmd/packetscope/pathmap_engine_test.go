package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// fakePathMap stands in for a sampler of packets.
type fakePathMap struct {
	closed int
	needs  []string
}

func newFakePathMap() *fakePathMap { return &fakePathMap{} }

func (f *fakePathMap) Snapshot() (pathmap.Snapshot, error) {
	edge := pathmap.Edge{Source: "ip_output", Target: "__dev_queue_xmit", Direction: pathmap.Transmit, Protocol: pathmap.ProtocolTCP}
	return pathmap.Snapshot{Graph: pathmap.Graph{Steps: []pathmap.Step{{Edge: edge, Samples: 31}}}}, nil
}

func (f *fakePathMap) NeedsAfterAttach() []string { return f.needs }

func (f *fakePathMap) Close() error {
	f.closed++
	return nil
}

func TestPathMapIsSampled(t *testing.T) {
	w := newWorld()
	w.pathMap.needs = []string{kernel.CapPerfmon}
	s := w.startReady(t)
	const series = `packetscope_stack_path_samples_total{direction="transmit",protocol="tcp",source="ip_output",target="__dev_queue_xmit"} 31`
	if got := s.series(t, "/metrics", strings.Split(series, " ")[0]); !slices.Equal(got, []string{series}) {
		t.Errorf("got %q, want %s", got, series)
	}
	if !slices.Contains(w.kept, kernel.CapPerfmon) {
		t.Errorf("kept %q", w.kept)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
	if w.pathMap.closed != 1 {
		t.Errorf("closed %d times", w.pathMap.closed)
	}
}

func TestPathMapCostsNothingIfNotWanted(t *testing.T) {
	w := newWorld("--no-collector.pathmap")
	w.startReady(t)
	if w.openedPathMap != nil {
		t.Errorf("opened with %+v", w.openedPathMap)
	}
}

func TestPathMapThatCannotBeIsAFailedCollector(t *testing.T) {
	w := newWorld()
	w.pathMap, w.pathMapErr = nil, errors.New("no tracepoint can be used")
	s := w.startReady(t)
	const series = `packetscope_scrape_collector_success{collector="pathmap"} 0`
	if got := s.series(t, "/metrics", strings.Split(series, " ")[0]); !slices.Equal(got, []string{series}) {
		t.Errorf("got %q, want %s", got, series)
	}
}

// TestPathMapWithoutNamesIsNoFailure: the host's owner decided that functions have no names.
func TestPathMapWithoutNamesIsNoFailure(t *testing.T) {
	w := newWorld()
	w.pathMap, w.pathMapErr = nil, pathmap.ErrNoNames
	s := w.startReady(t)
	if got := s.series(t, "/metrics", `packetscope_scrape_collector_success{collector="pathmap"}`); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	if text := w.stderr.String(); !strings.Contains(text, "kernel.kptr_restrict") {
		t.Errorf("the log does not say why:\n%s", text)
	}
}
