package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/talkers"
	"github.com/packetscope/packetscope/internal/stack"
)

// fakeService is an engine of paths that does as it is told.
type fakeService struct {
	applied  []string
	applyErr error
	closed   bool
}

func (f *fakeService) Snapshot() *locator.Snapshot {
	return &locator.Snapshot{Paths: []locator.Path{{Destination: locator.Destination{Name: "shop", Protocol: 1}, AddressFamily: 4, State: locator.Unresolved}}}
}

func (f *fakeService) Apply(c locator.Config) error {
	f.applied = nil
	for _, d := range c.Destinations {
		f.applied = append(f.applied, d.Name)
	}
	return f.applyErr
}

func (*fakeService) Needs() []string { return []string{kernel.CapNetRaw} }

func (f *fakeService) Close() error {
	f.closed = true
	return nil
}

func TestPathsAreServedAndReloaded(t *testing.T) {
	path := writeConfig(t, "locator: {destinations: [shop.example]}\nflows: {top: 5}")
	w := newWorld("--config.file="+path, "--web.enable-lifecycle")
	paths := &fakeService{}
	var opened pathSetup
	w.openPaths = func(setup pathSetup, _ *slog.Logger) (pathService, error) {
		opened = setup
		return paths, nil
	}
	s := w.startReady(t)
	if len(opened.Config.Destinations) != 1 || opened.Way != "auto" {
		t.Errorf("opened with %+v", opened)
	}
	if !slices.Contains(w.kept, kernel.CapNetRaw) {
		t.Errorf("kept %v", w.kept)
	}
	got := s.series(t, "/metrics", "packetscope_locator_path_state")
	if want := `packetscope_locator_path_state{dest="shop",family="ipv4",protocol="icmp",state="unresolved"} 1`; !slices.Contains(got, want) {
		t.Errorf("series %q, want %q among them", got, want)
	}
	rewriteConfig(t, path, "locator: {destinations: [shop.example, bank.example], discover: {top: 3, ipv4_prefix: 16}}\nflows: {top: 5}")
	if got := s.ask(t, http.MethodPost, "/-/reload"); got.Status != 200 || cmp.Diff([]string{"shop.example", "bank.example"}, paths.applied) != "" {
		t.Errorf("reload: %v, applied %v", got, paths.applied)
	}
	if got, ok := opened.flows.network(netip.MustParsePrefix("203.0.113.0/24")); !ok || got.String() != "203.0.0.0/16" {
		t.Errorf("after the reload 203.0.113.0/24 is in %v (%v)", got, ok)
	}
	rewriteConfig(t, path, "locator: {destinations: [shop.example], way: queue}\nflows: {top: 5}")
	if got := s.ask(t, http.MethodPost, "/-/reload"); got.Status != 500 || got.Text != "locator.way changed: needs a restart" {
		t.Errorf("reload: %v", got)
	}
	if err := s.stop(t); err != nil || !paths.closed {
		t.Errorf("stop: %v, closed %v", err, paths.closed)
	}
}

func TestPathsThatCannotBeOpenedStopNothingElse(t *testing.T) {
	path := writeConfig(t, "locator: {destinations: [shop.example], discover: {top: 3}}")
	w := newWorld("--config.file=" + path)
	w.openPaths = func(pathSetup, *slog.Logger) (pathService, error) {
		return nil, errors.New("open sockets: not permitted (it takes CAP_NET_RAW)")
	}
	s := w.startReady(t)
	got := s.series(t, "/metrics", "packetscope_scrape_collector_success")
	for _, want := range []string{
		`packetscope_scrape_collector_success{collector="path"} 0`,
		`packetscope_scrape_collector_success{collector="stack"} 1`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("series %q, want %q among them", got, want)
		}
	}
	if log := w.stderr.String(); !strings.Contains(log, `msg="paths are not measured" err="open sockets: not permitted (it takes CAP_NET_RAW)"`) {
		t.Errorf("log:\n%s", log)
	}
}

func TestTalksAreWhatWasMovedSince(t *testing.T) {
	flow := func(remote string, port uint16, received, sent uint64) stack.Flow {
		var f stack.Flow
		f.Remote, f.ServicePort = netip.MustParsePrefix(remote), port
		f.ReceivedBytes, f.SentBytes = received, sent
		return f
	}
	tables := [][]stack.Flow{
		{flow("203.0.113.0/24", 443, 100, 50), flow("2001:db8:1:2::/64", 443, 7, 0)},
		{flow("203.0.113.0/24", 443, 130, 60), flow("203.0.113.0/24", 53, 5, 5), flow("2001:db8:1:2::/64", 443, 7, 0), flow("2001:db8:1:3::/64", 443, 9, 1)},
		{flow("203.0.113.0/24", 443, 3, 0), flow("10.0.0.0/8", 443, 9, 9)}, // the first began anew
	}
	k := newTalks(func() (stack.FlowTable, error) {
		if len(tables) == 0 {
			return stack.FlowTable{}, errors.New("no table")
		}
		table := tables[0]
		tables = tables[1:]
		return stack.FlowTable{Flows: table}, nil
	}, locator.Discover{})
	for i, want := range []map[string]uint64{
		{},
		{"203.0.113.0/24": 50, "2001:db8:1::/48": 10},
		{"203.0.113.0/24": 3},
		{},
	} {
		got := map[string]uint64{}
		for _, f := range k.read() {
			got[f.Prefix.String()] = f.Bytes
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("read %d (-want +got):\n%s", i, diff)
		}
	}
	var _ func() []talkers.Flow = k.read
}
