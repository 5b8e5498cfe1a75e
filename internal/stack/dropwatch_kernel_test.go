//go:build kernel && linux

package stack

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/testnet"
)

// watchIn opens a watch in the router.
func watchIn(t *testing.T, net *testnet.Net, cfg DropWatchConfig) *DropWatch {
	t.Helper()
	var w *DropWatch
	net.Router.Do(t, func() {
		cfg.OwnNamespaceOnly = true
		var err error
		w, err = WatchDrops(cfg)
		must(t, err)
	})
	t.Cleanup(func() { must(t, w.Close()) })
	return w
}

// told returns what w tells until it has no more to tell.
func told(t *testing.T, w *DropWatch) (events []DropEvent) {
	t.Helper()
	for {
		event, err := w.Next(time.Now().Add(testnet.Margin(50 * time.Millisecond)))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return events
		}
		must(t, err)
		events = append(events, event)
	}
}

func TestDropsAreToldOneByOne(t *testing.T) {
	oncePerKernel(t)
	net := testnet.NewRouted(t)
	n := &dropNet{Net: net, wire: net.Left.Wire(t)}
	w := watchIn(t, net, DropWatchConfig{})
	begin := time.Now()
	const count = 5
	closed := n.datagram(t, n.router(testnet.IPv6, 9))
	n.frames(t, count, closed.Bytes())
	got := told(t, w)
	if len(got) != count {
		t.Fatalf("%d drops, want %d", len(got), count)
	}
	for _, event := range got {
		if event.Time.Before(begin.Add(-time.Second)) || event.Time.After(time.Now().Add(time.Second)) {
			t.Errorf("dropped at %v, between %v and %v", event.Time, begin, time.Now())
		}
	}
	want := DropEvent{
		Drop: Drop{
			Reason: "NO_SOCKET", Severity: Benign, Layer: Transport, Kind: UDP6, Function: "__udp6_lib_rcv", Packets: 1,
		},
		Device: n.Router.Device, Source: closed.Source, Destination: closed.Destination,
		Bytes: 8 + len(closed.Payload),
	}
	ignored := cmpopts.IgnoreFields(DropEvent{}, "Time", "Interface", "Namespace")
	if diff := cmp.Diff(want, got[0], ignored, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("drop (-want +got):\n%s", diff)
	}
	if got[0].Interface == 0 || got[0].Namespace == 0 {
		t.Errorf("interface %d of namespace %d", got[0].Interface, got[0].Namespace)
	}
	wantEvents(t, w, DropEvents{Seen: count})
}

func wantEvents(t *testing.T, w *DropWatch, want DropEvents) {
	t.Helper()
	got, err := w.Events()
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestOnlyWantedDropsAreTold(t *testing.T) {
	oncePerKernel(t)
	net := testnet.NewRouted(t)
	n := &dropNet{Net: net, wire: net.Left.Wire(t)}
	other := n.datagram(t, n.router(testnet.IPv4, 9))
	other.DestinationMAC = []byte{2, 0, 0, 0, 0, 77}
	damagedFrame := n.datagram(t, n.router(testnet.IPv4, 9)).Bytes()
	damagedFrame[testnet.EthernetHeader+testnet.IPv4Header+6] ^= 1
	for _, c := range []struct {
		name string
		cfg  DropWatchConfig
		want DropEvents
		// told is how many drops are told for which reason.
		reason string
		told   int
	}{
		{"losses", DropWatchConfig{Severities: []Severity{Loss}}, DropEvents{Seen: 10, Unwanted: 7}, "UDP_CSUM", 3},
		{"a reason", DropWatchConfig{Reasons: []string{"OTHERHOST"}}, DropEvents{Seen: 10, Unwanted: 3}, "OTHERHOST", 7},
		{"as configured", DropWatchConfig{Severities: []Severity{Policy}, DropSeverity: map[string]Severity{"OTHERHOST": Policy}},
			DropEvents{Seen: 10, Unwanted: 3}, "OTHERHOST", 7},
		{"no more than the rate", DropWatchConfig{Reasons: []string{"OTHERHOST"}, PerSecond: 1}, DropEvents{Seen: 10, Unwanted: 3}, "OTHERHOST", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := watchIn(t, net, c.cfg)
			n.frames(t, 3, damagedFrame)
			n.frames(t, 7, other.Bytes())
			got := told(t, w)
			for _, event := range got {
				if event.Reason != c.reason {
					t.Errorf("told of %s", event.Reason)
				}
			}
			if c.cfg.PerSecond > 0 { // how many depends on how fast they were sent
				events, err := w.Events()
				must(t, err)
				if len(got) == 0 || events.Limited == 0 || uint64(len(got))+events.Limited != 7 {
					t.Errorf("%d told and %d beyond the rate, want 7 in all and some of each", len(got), events.Limited)
				}
				return
			}
			if len(got) != c.told {
				t.Errorf("%d told, want %d", len(got), c.told)
			}
			wantEvents(t, w, c.want)
		})
	}
}

func TestReasonThatTheKernelLacksIsRefused(t *testing.T) {
	oncePerKernel(t)
	_, err := WatchDrops(DropWatchConfig{Reasons: []string{"NO_SUCH_REASON"}})
	if err == nil || !strings.Contains(err.Error(), `this kernel has no drop reason "NO_SUCH_REASON"`) {
		t.Errorf("error %v", err)
	}
}
