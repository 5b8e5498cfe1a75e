//go:build kernel && linux

package attack

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// socket opens a socket in a namespace, connected if to is valid.
func (h *hour) socket(ns *testnet.Namespace, f testnet.Family, port uint16, to netip.AddrPort) (c *net.UDPConn, err error) {
	err = h.in(ns, func() (err error) {
		local := net.UDPAddrFromAddrPort(netip.AddrPortFrom(ns.Addr(f), port))
		if to.IsValid() {
			c, err = net.DialUDP("udp", local, net.UDPAddrFromAddrPort(to))
		} else {
			c, err = net.ListenUDP("udp", local)
		}
		return err
	})
	if err == nil {
		c.SetDeadline(patient())
	}
	return c, err
}

// set sets an option of a socket.
func set(c syscall.Conn, level, option, value int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var fault error
	err = raw.Control(func(fd uintptr) { fault = unix.SetsockoptInt(int(fd), level, option, value) })
	return errors.Join(err, fault)
}

// echoes answers each datagram with one of so many bytes.
func echoes(c *net.UDPConn, size int) {
	b := make([]byte, 5000)
	for {
		_, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		c.WriteToUDPAddrPort(make([]byte, size), from)
	}
}

// again asks up to five times, as long as the answer does not come in time: a device whose queue is
// full loses a packet. What rules drop is counted nevertheless.
func again(c *net.UDPConn, ask func() error) (err error) {
	for range 5 {
		c.SetReadDeadline(time.Now().Add(testnet.Margin(3 * time.Second)))
		if err = ask(); !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	return err
}

// repeated sends until an answer of so many bytes comes: that of the first time, unless
// it, or its answer, is lost.
func repeated(c *net.UDPConn, size int, send func() error) error {
	for range 5 {
		if err := send(); err != nil {
			return err
		}
		c.SetReadDeadline(time.Now().Add(testnet.Margin(3 * time.Second)))
		n, err := c.Read(make([]byte, 5000))
		switch {
		case err == nil && n == size:
			return nil
		case err == nil:
			return fmt.Errorf("an answer of %d bytes, want %d", n, size)
		case !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, unix.EMSGSIZE):
			return err
		}
	}
	return errors.New("no answer")
}

// long are datagrams of 4,000 bytes, in fragments, which are sent back. The first finds out
// how large those may be. An hour's fragments in a second are the flood that scans.yaml is against
// (600 come in IPv4, as a router cuts most in two), so these are 12 datagrams in a second at most.
func (h *hour) long(from, to *testnet.Namespace, f testnet.Family, times int) error {
	server, err := h.socket(to, f, 0, netip.AddrPort{})
	if err != nil {
		return err
	}
	defer h.closes(server)
	go echoes(server, 4000)
	c, err := h.socket(from, f, 0, server.LocalAddr().(*net.UDPAddr).AddrPort())
	if err != nil {
		return err
	}
	defer h.closes(c)
	pace := time.NewTicker(time.Second / 12)
	defer pace.Stop()
	for range times {
		<-pace.C
		if err := repeated(c, 4000, func() error {
			_, err := c.Write(make([]byte, 4000))
			if errors.Is(err, unix.EMSGSIZE) {
				err = nil // what it has learnt meanwhile
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// questions are such as for names: each from another socket, of which every second is
// connected.
func (h *hour) questions(from, to *testnet.Namespace, f testnet.Family, times, size int) error {
	server, err := h.socket(to, f, 0, netip.AddrPort{})
	if err != nil {
		return err
	}
	defer h.closes(server)
	go echoes(server, size)
	there := server.LocalAddr().(*net.UDPAddr).AddrPort()
	return at(times, func(i int) error {
		var connected netip.AddrPort
		if i%2 == 0 {
			connected = there
		}
		c, err := h.socket(from, f, 0, connected)
		if err != nil {
			return err
		}
		defer h.closes(c)
		return repeated(c, size, func() error {
			if connected.IsValid() {
				_, err = c.Write(make([]byte, 40))
			} else {
				_, err = c.WriteToUDPAddrPort(make([]byte, 40), there)
			}
			return err
		})
	})
}

// late are answers, and errors, that come when who asked has gone.
func (h *hour) late(host, dest *testnet.Namespace, f testnet.Family, times int) error {
	server, err := h.socket(dest, f, 0, netip.AddrPort{})
	if err != nil {
		return err
	}
	defer h.closes(server)
	for i := range times {
		c, err := h.socket(host, f, 0, netip.AddrPort{})
		if err != nil {
			return err
		}
		own := c.LocalAddr().(*net.UDPAddr).AddrPort()
		if err := again(server, func() error {
			if _, err := c.WriteToUDPAddrPort([]byte("x"), server.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
				return err
			}
			for {
				_, from, err := server.ReadFromUDPAddrPort(make([]byte, 10))
				if err != nil || from.Port() == own.Port() { // or it is one of before that came twice
					return err
				}
			}
		}); err != nil {
			return err
		}
		// Nobody listens there, and it says so; maybe after the socket is gone.
		if _, err := c.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(dest.Addr(f), uint16(7100+i))); err != nil {
			return err
		}
		h.closes(c)
		if _, err := server.WriteToUDPAddrPort([]byte("x"), own); err != nil {
			return err
		}
	}
	return nil
}

// calls are connections of QUIC, as far as a filter sees them: datagrams of 1,200 bytes in
// both directions on port 443, each answered.
func (h *hour) calls(from, to *testnet.Namespace, f testnet.Family, number, datagrams int) error {
	server, err := h.socket(to, f, 443, netip.AddrPort{})
	if err != nil {
		return err
	}
	defer h.closes(server)
	go echoes(server, 1200)
	return at(number, func(int) error {
		c, err := h.socket(from, f, 0, server.LocalAddr().(*net.UDPAddr).AddrPort())
		if err != nil {
			return err
		}
		defer h.closes(c)
		for range datagrams {
			if err := repeated(c, 1200, func() error {
				_, err := c.Write(make([]byte, 1200))
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// traces find out the routers of a path, with datagrams of UDP from sockets that are
// connected or not, and with SYN: each is answered by a router, or by the end.
func (h *hour) traces(from, to *testnet.Namespace, f testnet.Family, times int) error {
	level, hops, errs := unix.IPPROTO_IP, unix.IP_TTL, unix.IP_RECVERR
	if f == testnet.IPv6 {
		level, hops, errs = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_RECVERR
	}
	return at(times, func(i int) error {
		for ttl := 1; ttl <= 3; ttl++ {
			there := netip.AddrPortFrom(to.Addr(f), uint16(33434+3*i+ttl))
			var connected netip.AddrPort
			if i%2 == 0 {
				connected = there
			}
			c, err := h.socket(from, f, 0, connected)
			if err != nil {
				return err
			}
			defer h.closes(c)
			if err := errors.Join(set(c, level, hops, ttl), set(c, level, errs, 1)); err != nil {
				return err
			}
			if err := again(c, func() (err error) {
				if connected.IsValid() {
					_, err = c.Write([]byte("x"))
				} else {
					_, err = c.WriteToUDPAddrPort([]byte("x"), there)
				}
				if err == nil { // or it is the error of the time before
					_, err = c.Read(make([]byte, 10))
				}
				return err
			}); !isTraced(err) {
				return fmt.Errorf("datagram with TTL %d: no error comes back: %v", ttl, err)
			}
			if err := h.traceTCP(from, there, level, hops, ttl); err != nil {
				return err
			}
		}
		return nil
	})
}

// traceTCP connects with a TTL that is too small, or to a port where nobody listens.
func (h *hour) traceTCP(from *testnet.Namespace, to netip.AddrPort, level, hops, ttl int) error {
	d := net.Dialer{Timeout: testnet.Margin(10 * time.Second), Control: func(_, _ string, c syscall.RawConn) error {
		var fault error
		err := c.Control(func(fd uintptr) { fault = unix.SetsockoptInt(int(fd), level, hops, ttl) })
		return errors.Join(err, fault)
	}}
	err := h.in(from, func() error {
		_, err := d.Dial("tcp", to.String())
		return err
	})
	if !isTraced(err) {
		return fmt.Errorf("SYN with TTL %d: %v", ttl, err)
	}
	return nil
}

// isTraced tells whether an error is that of a router, or of a port where nobody listens.
func isTraced(err error) bool {
	return errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ECONNREFUSED)
}

// tooLarge sends datagrams that the narrow link has no room for, whatever was learnt before.
func (h *hour) tooLarge(from, to *testnet.Namespace, f testnet.Family, times int) error {
	level, discover, probe, errs := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE, unix.IP_RECVERR
	if f == testnet.IPv6 {
		level, discover, probe, errs = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE, unix.IPV6_RECVERR
	}
	return at(times, func(int) error {
		c, err := h.socket(from, f, 0, netip.AddrPortFrom(to.Addr(f), 9))
		if err != nil {
			return err
		}
		defer h.closes(c)
		if err := errors.Join(set(c, level, discover, probe), set(c, level, errs, 1)); err != nil {
			return err
		}
		sent := false
		if err := again(c, func() error {
			_, err := c.Write(make([]byte, 1440))
			if err == nil {
				sent = true
				_, err = c.Read(make([]byte, 10))
			}
			return err
		}); !sent || !errors.Is(err, unix.EMSGSIZE) {
			return fmt.Errorf("a datagram for the narrow link: %v", err)
		}
		return nil
	})
}

// extended sends datagrams with an extension header of IPv6 that holds padding.
func (h *hour) extended(from, to *testnet.Namespace, header, times int) error {
	server, err := h.socket(to, testnet.IPv6, 0, netip.AddrPort{})
	if err != nil {
		return err
	}
	defer h.closes(server)
	c, err := h.socket(from, testnet.IPv6, 0, server.LocalAddr().(*net.UDPAddr).AddrPort())
	if err != nil {
		return err
	}
	defer h.closes(c)
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var fault error
	if err := raw.Control(func(fd uintptr) {
		fault = unix.SetsockoptString(int(fd), unix.IPPROTO_IPV6, header, "\x00\x00\x01\x04\x00\x00\x00\x00")
	}); err != nil || fault != nil {
		return errors.Join(err, fault)
	}
	for range times {
		if err := again(server, func() error {
			_, err := c.Write(make([]byte, 100))
			if err == nil {
				_, err = server.Read(make([]byte, 200))
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
