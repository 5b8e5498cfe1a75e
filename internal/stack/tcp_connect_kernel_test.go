//go:build kernel && linux

package stack

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// How connects end; the engine is that of TestTCPTroubleIsCountedWhereItBelongs.

// dial connects in a namespace after set has prepared the socket.
func dial(t testing.TB, ns *testnet.Namespace, to netip.AddrPort, timeout time.Duration, set func(fd int) error) error {
	t.Helper()
	var err error
	ns.Do(t, func() {
		d := net.Dialer{Timeout: timeout, Control: func(_, _ string, c syscall.RawConn) error {
			var failed error
			err := c.Control(func(fd uintptr) { failed = set(int(fd)) })
			if err != nil {
				return err
			}
			return failed
		}}
		var c net.Conn
		if c, err = d.Dial("tcp", to.String()); err == nil {
			c.Close()
		}
	})
	return err
}

func checkTimeout(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	const port, repeats = 7, 1
	d := n.Right.DropTCP(t, testnet.ToPort, port)
	defer d.Stop(t)
	e.during(t, func() {
		err := dial(t, n.Left, netip.AddrPortFrom(n.Right.Addr(f), port), 0, func(fd int) error {
			return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SYNCNT, repeats)
		})
		if err == nil {
			t.Error("the connect succeeded")
		}
	}).want(t, health{
		fmt.Sprintf("connect %v active timeout", f): 1,
		fmt.Sprintf("retransmit %v syn", f):         repeats,
		"congestion loss":                           1,
	})
	if got := d.Packets(t); got != 1+repeats {
		t.Errorf("%d segments dropped, want %d", got, 1+repeats)
	}
}

func checkAborted(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	const port = 9
	d := n.Right.DropTCP(t, testnet.ToPort, port)
	defer d.Stop(t)
	e.during(t, func() {
		err := dial(t, n.Left, netip.AddrPortFrom(n.Right.Addr(f), port), 50*time.Millisecond, func(int) error { return nil })
		if err == nil {
			t.Error("the connect succeeded")
		}
	}).want(t, health{fmt.Sprintf("connect %v active aborted", f): 1})
}

// block connects without polling: package net would take the remembered error for the
// result and give up.
func block(t testing.TB, ns *testnet.Namespace, to netip.AddrPort) (err error) {
	t.Helper()
	ns.Do(t, func() {
		family, sa := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()})
		if to.Addr().Is4() {
			sa = &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
		} else {
			family = unix.AF_INET6
		}
		fd, failed := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, failed)
		defer unix.Close(fd)
		err = unix.Connect(fd, sa)
	})
	return err
}

// checkUnreachable lets a host on the way say that it does not lead there. The first
// answer comes while the socket is still busy connecting, which only remembers it.
func checkUnreachable(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	const port = 11
	d := n.Right.RejectTCP(t, testnet.ToPort, port)
	defer d.Stop(t)
	got := e.during(t, func() {
		if err := block(t, n.Left, netip.AddrPortFrom(n.Right.Addr(f), port)); err != unix.EHOSTUNREACH {
			t.Errorf("the connect ended with %v, want %v", err, unix.EHOSTUNREACH)
		}
	})
	repeats := d.Packets(t) - 1
	want := health{
		fmt.Sprintf("connect %v active unreachable", f): 1,
		fmt.Sprintf("retransmit %v syn", f):             repeats,
	}
	if repeats > 0 {
		// Then the kernel disconnects the socket, which may connect anew.
		want["congestion loss"], want["congestion open"] = 1, 1
	}
	got.want(t, want)
}

// checkSlowPassive loses a SYN-ACK. The kernel then forgets how long the connect takes.
func checkSlowPassive(t testing.TB, n *testnet.Net, e *lab) {
	setSysctl(t, n.Left, "tcp_synack_retries", "5")
	port := listen(t, n.Left, 5)
	const synAck = ipv4Header + 40 // with all options
	d := n.Right.DropFirst(t, testnet.FromPort, port, synAck)
	defer d.Stop(t)
	before := passive(e.tcpNow(t))
	got := e.during(t, func() {
		n.Right.Do(t, func() {
			c, err := net.Dial("tcp", netAddr(n.Left, port).String())
			must(t, err)
			c.Close()
		})
	})
	// Both the timer of the listener and the repeated SYN of the peer make it repeat.
	if again := got["retransmit ipv4 synack"]; again < 1 || again > 2 {
		t.Errorf("%d SYN-ACKs sent again, want 1 or 2", again)
	}
	delete(got, "retransmit ipv4 synack")
	got.want(t, health{"connect ipv4 passive established": 1})
	if h := passive(e.tcpNow(t)).without(before); h.SumSeconds < 0.5 {
		t.Errorf("the connect took %v s, want about one", h.SumSeconds)
	}
	if got := d.Packets(t); got != 1 {
		t.Errorf("%d SYN-ACKs dropped, want 1", got)
	}
}

func passive(all TCP) Histogram {
	for _, c := range all.Connects {
		if c.Family == "ipv4" && c.Role == "passive" {
			return c.Histogram
		}
	}
	return Histogram{}
}
