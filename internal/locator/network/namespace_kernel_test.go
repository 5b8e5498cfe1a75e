//go:build kernel && linux

package network_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
)

// Where the one is who sends, no route leads to the destination.
func TestProbesLeaveWhereTheNetworkWasOpened(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	p.Host.Set(t, "ipv4/ping_group_range", "0 2147483647")
	port := listen(t, p.Dest)
	elsewhere := testnet.New(t).Left
	for _, way := range []network.Way{network.Raw, network.Queue} {
		t.Run(way.String(), func(t *testing.T) {
			n := open(t, p, way)
			var got, want []string
			for _, f := range testnet.Families {
				for _, e := range ends(port) {
					probe := network.Probe{Flow: n.Flow(e.protocol, p.Dest.Addr(f), e.port, len(want)), TTL: 9}
					elsewhere.Do(t, func() {
						send(t, n, probe)
						source, _, err := n.Source(probe.Destination)
						if source != p.Host.Addr(f) || err != nil {
							t.Errorf("source of %v: got %v, %v", probe.Destination, source, err)
						}
					})
					got = append(got, hop(answers(t, n, 1)[0]))
					want = append(want, fmt.Sprintf("%s: %s", p.Dest.Addr(f), e.reason))
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
