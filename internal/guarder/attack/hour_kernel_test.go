//go:build kernel && linux

package attack

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// An hour is what a server sees in an hour: some hundred connections in both directions,
// a name asked for every four seconds, a few calls of QUIC, five sessions of SSH, pings of a
// monitor, traces of paths, and what neighbours say.
type hour struct {
	t       *testing.T
	path    *testnet.Path
	wire    *testnet.Wire
	router  [6]byte // the MAC address of the gateway
	host    [6]byte
	gateway map[testnet.Family]netip.Addr

	mu     sync.Mutex
	closed map[netip.AddrPort][]time.Time // when sockets of UDP were closed
}

// A kind of traffic; count is how many exchanges of it an hour has, each family apart.
type kind struct {
	name string
	send func() error
}

func newHour(t *testing.T, p *testnet.Path) *hour {
	t.Helper()
	first := p.Stages[0][0].Namespace
	h := &hour{
		t: t, path: p, router: hardware(t, first), host: hardware(t, p.Host), closed: make(map[netip.AddrPort][]time.Time),
		gateway: map[testnet.Family]netip.Addr{testnet.IPv4: p.Host.V4.Next(), testnet.IPv6: p.Host.V6.Next()},
	}
	p.Host.Set(t, "ipv6/conf/"+p.Host.Device+"/accept_ra", "1")
	p.Host.ResolveNeighbours(t, p.Host.Device)
	first.ResolveNeighbours(t, first.Device)
	// Or what the gateway forwards to the host over IPv6 comes only for some seconds after
	// the host has asked for the gateway.
	p.Host.LinkLocal(t, p.Host.Device, trueHost)
	first.LinkLocal(t, first.Device, trueRouter)
	h.wire = first.Wire(t)
	for _, f := range testnet.Families {
		if err := testnet.Ping(p.Host, p.Dest, f, 1); err != nil { // the gateway is learnt
			t.Fatal(err)
		}
	}
	return h
}

// closes closes a socket that wants nothing more, and notes when.
func (h *hour) closes(c *net.UDPConn) {
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	h.mu.Lock()
	h.closed[local] = append(h.closed[local], time.Now())
	h.mu.Unlock()
	c.Close()
}

// least is how many packets arrive at least in an hour.
func (h *hour) least() uint64 { return 30_000 / uint64(share()) }

// share is what part of an hour is sent: in an emulated machine a tenth.
func share() int {
	if testnet.InVM() {
		return 10
	}
	return 1
}

// kinds are the kinds of traffic of an hour, and how much there is of each.
func (h *hour) kinds() []kind {
	host, dest := h.path.Host, h.path.Dest
	var all []kind
	add := func(name string, send func(f testnet.Family) error) {
		for _, f := range testnet.Families {
			all = append(all, kind{name + " over " + f.String(), func() error { return send(f) }})
		}
	}
	add("bulk to the host", func(f testnet.Family) error { return testnet.SendTCP(dest, host, f, int64(8<<20/share())) })
	add("bulk from the host", func(f testnet.Family) error { return testnet.SendTCP(host, dest, f, int64(8<<20/share())) })
	add("requests to the host", func(f testnet.Family) error { return h.requests(dest, host, f, 300/share()) })
	add("requests of the host", func(f testnet.Family) error { return h.requests(host, dest, f, 300/share()) })
	add("ports that are closed", func(f testnet.Family) error { return h.refusals(host, dest, f, 10) })
	add("downloads that are aborted", func(f testnet.Family) error { return h.aborted(host, dest, f, 10) })
	add("sessions", func(f testnet.Family) error { return h.sessions(dest, host, f, 5, 720/share()) })
	add("keep-alives", func(f testnet.Family) error { return h.keepAlives(dest, host, f, 100/share()) })
	add("names", func(f testnet.Family) error { return h.questions(host, dest, f, 450/share(), 300) })
	add("long answers", func(f testnet.Family) error { return h.questions(host, dest, f, 50/share(), 1350) })
	add("names for others", func(f testnet.Family) error { return h.questions(dest, host, f, 150/share(), 300) })
	add("late answers", func(f testnet.Family) error { return h.late(host, dest, f, 10) })
	add("QUIC of the host", func(f testnet.Family) error { return h.calls(host, dest, f, 10, 200) })
	add("QUIC to the host", func(f testnet.Family) error { return h.calls(dest, host, f, 10, 200) })
	add("long datagrams to the host", func(f testnet.Family) error { return h.long(dest, host, f, 60/share()) })
	add("long datagrams of the host", func(f testnet.Family) error { return h.long(host, dest, f, 60/share()) })
	add("pings of the host", func(f testnet.Family) error { return answered(host, dest, f, 60/share()) })
	add("pings to the host", func(f testnet.Family) error { return monitor(dest, host, f, 360/share()) })
	add("traces of paths", func(f testnet.Family) error { return h.traces(host, dest, f, 6) })
	add("probes of the path MTU", func(f testnet.Family) error { return h.tooLarge(host, dest, f, 12) })
	for _, header := range []int{unix.IPV6_DSTOPTS, unix.IPV6_HOPOPTS} {
		all = append(all, kind{fmt.Sprintf("extension header %d", header), func() error { return h.extended(dest, host, header, 60) }})
	}
	return append(all, kind{"neighbours", h.neighbours})
}

// monitor pings one at a time. An hour's pings in a second are the flood that floods.yaml is
// against, so these come 40 in a second at most.
func monitor(from, to *testnet.Namespace, f testnet.Family, times int) error {
	pace := time.NewTicker(time.Second / 40)
	defer pace.Stop()
	for range times {
		if err := answered(from, to, f, 1); err != nil {
			return err
		}
		<-pace.C
	}
	return nil
}

// answered pings one at a time, and again if there is no answer: the queue of a device that is full
// loses a packet, as nothing repeats it. What rules drop is counted nevertheless.
func answered(from, to *testnet.Namespace, f testnet.Family, times int) (err error) {
	for range times {
		for range 3 {
			if err = testnet.Ping(from, to, f, 1); err == nil {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
