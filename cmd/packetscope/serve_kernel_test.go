//go:build kernel && linux

package main

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
)

var labelsOfPackets = regexp.MustCompile(`direction="(\w+)".*layer="(\w+)".*watch="(\w+)"\} (\d+)`)

// TestServeShowsTheLoadOfAWatch drives a known load past the real probes and
// looks for it in a scrape. The privileges stay, because the other tests of the
// process need them.
func TestServeShowsTheLoadOfAWatch(t *testing.T) {
	n := testnet.New(t)
	n.Left.Pin(t)
	n.Right.Pin(t)
	// By the receiver's address only: its socket is not connected, so that a
	// read does not know the peer.
	watches := "watches:\n"
	for _, f := range testnet.Families {
		watches += fmt.Sprintf("  - {name: %v, prefix: %q, protocol: udp}\n", f, n.Right.Addr(f))
	}
	w := newWorld("--privileges.keep", "--config.file="+writeConfig(t, watches))
	w.env.host, w.env.names, w.env.open = kernel.ThisHost(), stackNames(), openStack
	w.env.openSockets = openSockets
	s := w.startReady(t)

	const datagrams = 23
	want := map[string]string{}
	for _, f := range testnet.Families {
		if err := testnet.SendUDP(n.Left, n.Right, f, datagrams, 64); err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{
			"transmit socket", "transmit transport", "transmit network", "transmit qdisc", "transmit driver",
			"receive link", "receive network", "receive transport", "receive socket",
		} {
			want[fmt.Sprintf("%v %s", f, place)] = fmt.Sprint(datagrams)
		}
	}
	got := map[string]string{}
	for _, line := range s.series(t, "/metrics?collect[]=stack", "packetscope_packets_total{") {
		if m := labelsOfPackets.FindStringSubmatch(line); m != nil {
			got[fmt.Sprintf("%s %s %s", m[3], m[1], m[2])] = m[4]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets by watch, direction and layer (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}
