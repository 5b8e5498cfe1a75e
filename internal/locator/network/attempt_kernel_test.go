//go:build kernel && linux

package network

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// The lock is held, as it is in Send, so that nobody hears of the first answer before the
// second SYN.
func TestTheNextSYNTakesTheAnswerToTheOneBefore(t *testing.T) {
	ns := testnet.New(t).Left
	for _, to := range []string{"127.0.0.1", "::1"} {
		t.Run(to, func(t *testing.T) {
			var lock sync.Mutex
			b := newTable(testnet.Margin(time.Second))
			var q *queue
			var err error
			ns.Do(t, func() { q, err = openQueue(&lock, b) })
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(q.close)
			lock.Lock()
			defer lock.Unlock()
			p := probeOf("first")
			p.Protocol, p.Source, p.Destination = wire.TCP, netip.MustParseAddr(to), netip.MustParseAddr(to)
			p.SourcePort, p.DestinationPort = q.First, 9
			for _, tag := range []string{"first", "second"} {
				p.Tag = tag
				f, err := b.add(p, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if err := q.send(f); err != nil {
					t.Fatal(err)
				}
				if tag == "first" {
					untilReset(t, q.connect.attempts[q.connect.last].fd)
				}
			}
			if d := cmp.Diff(map[any]string{"first": "answered"}, b.outcomes()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// untilReset waits until a connection was refused.
func untilReset(t *testing.T, fd int) {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	deadline := time.Now().Add(testnet.Margin(time.Second))
	for time.Now().Before(deadline) {
		if n, err := unix.Poll(poll, int(testnet.Margin(time.Second).Milliseconds())); n == 1 && err == nil {
			return
		}
	}
	t.Fatal("the SYN was not answered")
}
