package collector

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/sockets"
)

// socketsReader is an engine whose sockets do not change.
type socketsReader struct{ snapshot sockets.Snapshot }

func (r socketsReader) Snapshot() (sockets.Snapshot, error) { return r.snapshot, nil }

func (r socketsReader) Report() (sockets.Report, error) {
	return sockets.Report{Way: sockets.Iterator, Attached: true, Hook: "iter:tcp,udp", Runs: 5003, RunTime: 2 * time.Millisecond}, nil
}

// brokenSockets is an engine that has no way to read sockets.
type brokenSockets struct{}

func (brokenSockets) Snapshot() (sockets.Snapshot, error) { return fullSockets(), sockets.ErrNoWay }

func (brokenSockets) Report() (sockets.Report, error) {
	return sockets.Report{Hook: "iter:tcp,udp", Reason: "EPERM"}, nil
}

// fullSockets has every kind of socket, each in a number of its own.
func fullSockets() sockets.Snapshot {
	s := sockets.Snapshot{NamespacesCovered: 5, NamespacesUncovered: 2}
	for _, f := range sockets.Families {
		for _, p := range sockets.Protocols {
			if !p.In(f) {
				continue
			}
			for _, state := range p.States() {
				n := uint64(len(s.Counts))
				s.Counts = append(s.Counts, sockets.Count{
					Family: f, Protocol: p, State: state, Sockets: 3*n + 1, ReceiveBytes: 100 * n, TransmitBytes: 10 * n,
				})
			}
		}
	}
	s.Listeners = []sockets.Listener{
		{Port: 22, Connections: 1},
		{Port: 443, Connections: 101, ReceiveBytes: 4096, TransmitBytes: 512},
	}
	return s
}

// collectSockets returns the samples of the listeners' families, less their
// common prefix.
func collectSockets(t *testing.T, set *Set) []string {
	t.Helper()
	var got []string
	for _, line := range samples(expose(t, set)) {
		if rest, ok := strings.CutPrefix(line, "packetscope_listener_"); ok {
			got = append(got, rest)
		}
	}
	return got
}

func newSocketsSet(r SocketsReader, limit int) *Set {
	st := NewStack(reader{}, StackOptions{SeriesLimit: limit})
	return NewSet(quiet, stopped, NewSockets(r, st), NewSelf(reader{}, st, r))
}

func TestPortsBeyondTheLimitAreAddedUp(t *testing.T) {
	var s sockets.Snapshot
	for i := range uint64(6) {
		s.Listeners = append(s.Listeners, sockets.Listener{
			Port: uint16(9000 + i), Connections: i, ReceiveBytes: 10 * i, TransmitBytes: 100 * i,
		})
	}
	set := newSocketsSet(socketsReader{s}, 6)
	want := []string{
		`connections{port="9001"} 1`, `connections{port="9002"} 2`, `connections{port="9003"} 3`,
		`connections{port="9004"} 4`, `connections{port="9005"} 5`, `connections{port="other"} 0`,
		`queue_bytes{port="9004",queue="receive"} 40`, `queue_bytes{port="9004",queue="transmit"} 400`,
		`queue_bytes{port="9005",queue="receive"} 50`, `queue_bytes{port="9005",queue="transmit"} 500`,
		`queue_bytes{port="other",queue="receive"} 60`, `queue_bytes{port="other",queue="transmit"} 600`,
	}
	for scrape := range 2 {
		if diff := cmp.Diff(want, collectSockets(t, set)); diff != "" {
			t.Errorf("scrape %d (-want +got):\n%s", scrape, diff)
		}
	}
	text := expose(t, set)
	for name, folded := range map[string]int{"connections": 1, "queue_bytes": 8} {
		want := fmt.Sprintf("packetscope_series_limited_total{metric=\"packetscope_listener_%s\"} %d\n", name, folded)
		if !strings.Contains(text, want) {
			t.Errorf("exposition lacks %s", want)
		}
	}
}

func TestMoreThan256PortsAreOther(t *testing.T) {
	var s sockets.Snapshot
	for port := range uint16(1001) {
		s.Listeners = append(s.Listeners, sockets.Listener{Port: port + 1, Connections: 3, ReceiveBytes: 1})
	}
	got := make(map[string]int)
	for _, line := range collectSockets(t, newSocketsSet(socketsReader{s}, DefaultSeriesLimit)) {
		name, _, _ := strings.Cut(line, "{")
		got[name]++
		if rest, ok := strings.CutPrefix(line, `connections{port="other"} `); ok && rest != fmt.Sprint(3*(1001-256)) {
			t.Errorf("other ports have %s connections, want %d", rest, 3*(1001-256))
		}
	}
	if diff := cmp.Diff(map[string]int{"connections": 257, "queue_bytes": 514}, got); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

func TestSocketsThatCannotBeReadAreShownAsAProbe(t *testing.T) {
	text := expose(t, newSocketsSet(brokenSockets{}, 0))
	for _, want := range []string{
		`packetscope_probe_attached{hook="iter:tcp,udp",probe="sockets"} 0`,
		`packetscope_scrape_collector_success{collector="sockets"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("exposition lacks %s", want)
		}
	}
	if strings.Contains(text, "packetscope_sockets{") {
		t.Error("sockets are shown that came with an error")
	}
}
