//go:build kernel && linux

package sockets

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// connections makes count TCP connections, two sockets each, within the left
// namespace of p.
func (p *population) loopConnections(count int) {
	p.Helper()
	limit := unix.Rlimit{Cur: uint64(2*count) + 1000, Max: uint64(2*count) + 1000}
	p.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	listener := p.socket(p.net.Left, testnet.IPv4, unix.SOCK_STREAM, 0)
	address := sockaddr(netip.AddrPortFrom(p.net.Left.V4, 8080))
	p.must(unix.Bind(listener, address))
	p.must(unix.Listen(listener, 64))
	for range count {
		client := p.socket(p.net.Left, testnet.IPv4, unix.SOCK_STREAM, 0)
		p.must(unix.Connect(client, address))
		server, _, err := unix.Accept(listener)
		p.must(err)
		p.open = append(p.open, server)
	}
}

// cpuTime returns what the process has used of the CPUs, in the kernel too.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestManySocketsAreReadInTime holds the CPU time of the best of some tries against
// the bound, because the time on the clock is that of other programs too.
func TestManySocketsAreReadInTime(t *testing.T) {
	const connections = 5001
	bound := testnet.Margin(50 * time.Millisecond)
	p := &population{TB: t, net: testnet.New(t)}
	defer p.closeAll()
	p.loopConnections(connections)
	for _, way := range ways {
		e := openIn(t, p.net.Left, Config{OwnNamespaceOnly: true, Way: way})
		best := time.Hour
		for range 7 {
			begin := cpuTime(t)
			s := snapshot(t, e)
			best = min(best, cpuTime(t)-begin)
			want := Listener{Port: 8080, Connections: connections}
			if len(s.Listeners) != 1 || s.Listeners[0] != want {
				t.Fatalf("%v: listeners %+v, want %+v", way, s.Listeners, want)
			}
		}
		t.Logf("%v: %d sockets in %v", way, 2*connections+1, best)
		if best > bound {
			t.Errorf("%v: %d sockets took %v, want less than %v", way, 2*connections+1, best, bound)
		}
	}
}
