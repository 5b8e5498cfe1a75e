//go:build kernel && linux

package network_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// Only the machines of the vm lane can delay packets.
func TestRTTIsWhatThePathDelays(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	p.Stages[0][0].Disturb(t, testnet.ToDest, testnet.Disturbance{Delay: 30 * time.Millisecond})
	p.Stages[1][0].Disturb(t, testnet.ToHost, testnet.Disturbance{Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond})
	n := open(t, p, network.Raw)
	for _, f := range testnet.Families {
		for ttl, want := range []time.Duration{0, 45, 45, 45} {
			want *= time.Millisecond
			least := time.Hour
			for number := range 10 {
				a := one(t, n, network.Probe{Flow: n.Flow(wire.UDP, p.Dest.Addr(f), 33434, number), TTL: uint8(ttl + 1)})
				if a.Reply == nil {
					t.Fatalf("%s, TTL %d: got %s", f, a.TTL, hop(a))
				}
				least = min(least, a.RTT)
			}
			if most := want + 10*time.Millisecond + testnet.Margin(time.Millisecond/2); least < want || least > most {
				t.Errorf("%s, TTL %d: least of 10 is %v, want %v to %v", f, ttl+1, least, want, most)
			}
		}
	}
}

func TestPathsBehindANATAreSeen(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	p.Stages[2][0].Masquerade(t)
	var jobs []job
	var want []string
	for _, f := range testnet.Families {
		for k, e := range ends(9)[:2] {
			for i, hops := range p.Hops(f) {
				reason := "time_exceeded"
				if i == 3 {
					reason = e.reason
				}
				jobs = append(jobs, job{Protocol: e.protocol, Dest: p.Dest.Addr(f), Port: e.port, Number: k, TTL: i + 1})
				want = append(want, fmt.Sprintf("%s: %s", hops[0], reason))
			}
		}
	}
	for _, way := range []network.Way{network.Raw, network.Queue} {
		if d := cmp.Diff(want, run(t, p, way, jobs).Hops); d != "" {
			t.Errorf("%s: -want +got:\n%s", way, d)
		}
	}
}
