//go:build kernel && linux

package stack

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

func checkConcurrentFlows(t *testing.T, n *testnet.Net, e *lab) {
	const flows, datagrams, size = 64, 101, 100_003
	receivedBefore, sentBefore := n.Left.Packets(t)
	start := time.Now()
	got := e.countUntil(t, func() {
		inParallel(t, flows, func(i int) error {
			f := testnet.Families[i/2%2]
			src, dst := n.Left, n.Right
			if i/4%2 == 1 {
				src, dst = dst, src
			}
			if i%2 == 0 {
				return testnet.SendUDP(src, dst, f, datagrams, 64)
			}
			return testnet.SendTCP(src, dst, f, size)
		})
	}, func(got tally) bool {
		received, sent := n.Left.Packets(t)
		return got.at(Link, Receive).Packets == received-receivedBefore &&
			got.at(Driver, Transmit).Packets == sent-sentBefore
	})
	wall := time.Since(start)
	for _, kind := range []Kind{UDP4, UDP6} {
		for _, at := range []station{{Driver, Transmit, kind, Virtual, ""}, {Link, Receive, kind, Virtual, ""}} {
			if v, want := got.traffic[at], uint64(flows/8*datagrams); v.Packets != want {
				t.Errorf("%v: %d packets, want %d", at, v.Packets, want)
			}
		}
	}
	got.spare = e.spare(t, got)
	got.wantBalance(t)
	got.wantTimed(t)
	wantPossible(t, got, wall)
	t.Logf("%d packets received, %d sent, unmatched %v", got.at(Link, Receive).Packets, got.at(Driver, Transmit).Packets, got.unmatched)
}

// wantPossible claims that nothing took longer than the load as a whole.
func wantPossible(t *testing.T, got tally, wall time.Duration) {
	t.Helper()
	if len(got.stages) == 0 || len(got.reads) == 0 {
		t.Fatal("nothing was timed")
	}
	for w, h := range got.stages {
		wantWaits(t, fmt.Sprint(w), h, h.Count(), 0, wall)
	}
	for r, h := range got.reads {
		wantWaits(t, fmt.Sprint(r), h, h.Count(), 0, wall)
	}
	for device, h := range got.drivers {
		wantWaits(t, "driver of "+device, h, h.Count(), 0, wall)
	}
}

// inParallel runs n loads at a time.
func inParallel(t *testing.T, n int, load func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if err := load(i); err != nil {
				t.Errorf("flow %d: %v", i, err)
			}
		})
	}
	all.Wait()
}
