//go:build kernel && linux

package stack

import (
	"testing"

	"github.com/packetscope/packetscope/internal/testnet"
)

func TestSamplingTimesAFewAndCountsAll(t *testing.T) {
	oncePerKernel(t)
	const every, count, size = 8, 4003, 10
	n := testnet.New(t)
	e := open(t, n.Left, Config{SampleEvery: every - 1}) // rounded up
	if got := e.self(t).SampleEvery; got != every {
		t.Errorf("SampleEvery in force is %d, want %d", got, every)
	}
	got := e.count(t, func() {
		must(t, testnet.SendUDP(n.Left, n.Right, testnet.IPv4, count, size))
		must(t, testnet.SendUDP(n.Right, n.Left, testnet.IPv4, count, size))
	})
	packet := uint64(ipv4Header + udpHeader + size)
	got.want(t, sent(UDP4, count, packet, size), received(UDP4, count, packet, size))
	got.wantBalance(t)
	for w, n := range got.crossings {
		if n != count {
			t.Errorf("%v: %d crossings, want %d", w, n, count)
		}
		h := got.stages[w]
		wantAbout(t, w, h.Count(), count/every)
	}
	h := got.reads[reader{UDP4, ""}]
	wantAbout(t, "read wait", h.Count(), count/every)
	driver := got.drivers[n.Left.Device]
	wantAbout(t, "driver", driver.Count(), count/every)
}

// wantAbout allows for a half more or less: which packets are timed depends on where
// the kernel puts them.
func wantAbout(t *testing.T, what any, got, want uint64) {
	t.Helper()
	if got < want/2 || got > want*3/2 {
		t.Errorf("%v: %d durations, want about %d", what, got, want)
	}
}
