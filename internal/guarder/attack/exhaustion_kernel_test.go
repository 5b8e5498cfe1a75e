//go:build kernel && linux

package attack

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A counter accepts all connections to a port of the victim, and keeps them.
type counter struct {
	*scene
	listener net.Listener
	accepted chan net.Conn
}

func (s *scene) accepts(t *testing.T) *counter {
	t.Helper()
	c := &counter{scene: s, accepted: make(chan net.Conn, 2000)}
	s.victim.Do(t, func() {
		var err error
		if c.listener, err = net.Listen("tcp", ":0"); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { c.listener.Close() })
	go func() {
		for {
			conn, err := c.listener.Accept()
			if err != nil {
				return
			}
			c.accepted <- conn
		}
	}()
	return c
}

// asks has the peer ask for a connection, and does not wait for it.
func (c *counter) asks(t *testing.T, f testnet.Family) {
	t.Helper()
	port := netip.MustParseAddrPort(c.listener.Addr().String()).Port()
	c.peer.Do(t, func() {
		domain, to := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Addr: c.victim.V4.As4(), Port: int(port)})
		if f == testnet.IPv6 {
			domain, to = unix.AF_INET6, &unix.SockaddrInet6{Addr: c.victim.V6.As16(), Port: int(port)}
		}
		fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Connect(fd, to); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	})
}

// arrives tells whether a connection is made, within a time.
func (c *counter) arrives(t *testing.T, within time.Duration) bool {
	t.Helper()
	select {
	case conn := <-c.accepted:
		t.Cleanup(func() { conn.Close() })
		return true
	case <-time.After(testnet.Margin(within)):
		return false
	}
}

const mostConnections = 20

// capped is the rule of scans.yaml with a smaller number.
const capped = `version: 1
defaults: {mode: MODE}
groups:
- name: exhaustion
  stage: policy
  priority: 1
  rules:
  - rule: too-many-connections
    match: {tcp: {flags: {none: [rst]}}, dst: local, socket: {is: [listen, syn_recv]}, connections: {per: src, above: 20}}
    action: drop
`

// TestConnectionsAreCapped: a source opens connections one after the other, and keeps them.
// The bare victim takes all; behind the rule no more than it allows, while others connect,
// and again when some are closed. Audited, the rule tells what it would have refused.
func TestConnectionsAreCapped(t *testing.T) {
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			c := newScene(t, fileInMode(capped, mode, &engine)).accepts(t)
			var held []net.Conn
			for range mostConnections + 1 {
				c.asks(t, testnet.IPv4)
				conn := <-c.accepted
				t.Cleanup(func() { conn.Close() })
				held = append(held, conn)
			}
			c.asks(t, testnet.IPv4)
			if got, want := c.arrives(t, 500*time.Millisecond), mode != "enforce"; got != want {
				t.Errorf("connection %d is made: %v, want %v", mostConnections+2, got, want)
			}
			c.asks(t, testnet.IPv6) // another source
			if !c.arrives(t, 5*time.Second) {
				t.Error("another source cannot connect")
			}
			credit := credits(t, engine)
			if mode == "audit" && credit["too-many-connections would_drop"] == 0 || mode == "enforce" && credit["too-many-connections drop"] == 0 {
				t.Errorf("credits %v", credit)
			}
			if mode == "audit" && credit["too-many-connections drop"] != 0 {
				t.Errorf("the audited rule has dropped: %v", credit)
			}
			// The SYN is sent again, and taken when there is room.
			for _, conn := range held[:2] {
				conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			}
			if mode == "enforce" && !c.arrives(t, 10*time.Second) {
				t.Error("a connection is not made when there is room again")
			}
		})
	}
}

// TestConnectionsAtOnceAreCapped asks for 500 connections before any is made. What is in
// the receive queue of the device then passes before it is counted.
func TestConnectionsAtOnceAreCapped(t *testing.T) {
	const asked, queued = 500, 2 * 64 // NAPI_POLL_WEIGHT, on two CPUs
	var engine *guarder.Engine
	c := newScene(t, fileInMode(capped, "enforce", &engine)).accepts(t)
	for range asked {
		c.asks(t, testnet.IPv4)
	}
	made := 0
	for c.arrives(t, 2*time.Second) {
		made++
	}
	t.Logf("%d of %d connections were made, the rule allows %d", made, asked, mostConnections+1)
	if made < mostConnections || made > mostConnections+1+queued {
		t.Errorf("%d connections were made", made)
	}
	c.asks(t, testnet.IPv6)
	if !c.arrives(t, 5*time.Second) {
		t.Error("another source cannot connect")
	}
}
