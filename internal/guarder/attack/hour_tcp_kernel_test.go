//go:build kernel && linux

package attack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// loseTCP has a router lose one in a hundred of the segments that it forwards.
func loseTCP(t *testing.T, ns *testnet.Namespace) {
	t.Helper()
	ns.Do(t, func() {
		conn, err := nftables.New()
		if err != nil {
			t.Fatal(err)
		}
		table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "loss"})
		chain := conn.AddChain(&nftables.Chain{Name: "tcp", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
			&expr.Numgen{Register: 1, Type: unix.NFT_NG_RANDOM, Modulus: 100},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.NativeEndian.AppendUint32(nil, 0)},
			&expr.Counter{},
			&expr.Verdict{Kind: expr.VerdictDrop},
		}})
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
	})
}

// patient is the end of whatever takes long because segments are lost.
func patient() time.Time { return time.Now().Add(testnet.Margin(2 * time.Minute)) }

// in runs f in a namespace.
func (h *hour) in(ns *testnet.Namespace, f func() error) (err error) {
	ns.Do(h.t, func() { err = f() })
	return err
}

// listen serves connections in a namespace until the listener is closed.
func (h *hour) listen(ns *testnet.Namespace, f testnet.Family, serve func(*net.TCPConn)) (l *net.TCPListener, err error) {
	err = h.in(ns, func() (err error) {
		l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ns.Addr(f), 0)))
		return err
	})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			c.SetDeadline(patient())
			go serve(c)
		}
	}()
	return l, nil
}

func (h *hour) dial(from *testnet.Namespace, to net.Addr) (c *net.TCPConn, err error) {
	err = h.in(from, func() error {
		conn, err := (&net.Dialer{Deadline: patient()}).Dial("tcp", to.String())
		if err == nil {
			c = conn.(*net.TCPConn)
			c.SetDeadline(patient())
		}
		return err
	})
	return c, err
}

// at runs f so many times, ten of them at a time.
func at(times int, f func(i int) error) error {
	var all sync.WaitGroup
	slots, faults := make(chan struct{}, 10), make(chan error, times)
	for i := range times {
		slots <- struct{}{}
		all.Go(func() {
			faults <- f(i)
			<-slots
		})
	}
	all.Wait()
	close(faults)
	var first error
	for err := range faults {
		first = errors.Join(first, err)
	}
	return first
}

// requests are short connections with an answer of 20,000 bytes; the server ends half of
// them, the client the others.
func (h *hour) requests(from, to *testnet.Namespace, f testnet.Family, times int) error {
	l, err := h.listen(to, f, func(c *net.TCPConn) {
		defer c.Close()
		ask := make([]byte, 200)
		if _, err := io.ReadFull(c, ask); err != nil {
			return
		}
		c.Write(make([]byte, 20_000))
		if ask[0] == 0 {
			io.Copy(io.Discard, c) // until the client ends it
		}
	})
	if err != nil {
		return err
	}
	defer l.Close()
	return at(times, func(i int) error {
		c, err := h.dial(from, l.Addr())
		if err != nil {
			return err
		}
		defer c.Close()
		ask := make([]byte, 200)
		ask[0] = byte(i % 2)
		if _, err := c.Write(ask); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, make([]byte, 20_000)); err != nil {
			return fmt.Errorf("answer %d: %w", i, err)
		}
		if ask[0] == 1 {
			_, err = c.Read(ask)
			if !errors.Is(err, io.EOF) {
				return fmt.Errorf("end of answer %d: %v", i, err)
			}
		}
		return nil
	})
}

// refusals are connections in both directions to ports that nobody listens at.
func (h *hour) refusals(a, b *testnet.Namespace, f testnet.Family, times int) error {
	return at(2*times, func(i int) error {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		_, err := h.dial(from, net.TCPAddrFromAddrPort(netip.AddrPortFrom(to.Addr(f), uint16(7000+i))))
		if !errors.Is(err, unix.ECONNREFUSED) {
			return fmt.Errorf("to a closed port: %v", err)
		}
		return nil
	})
}

// aborted are downloads of the host that it aborts while more is on its way.
func (h *hour) aborted(host, server *testnet.Namespace, f testnet.Family, times int) error {
	l, err := h.listen(server, f, func(c *net.TCPConn) {
		c.Write(make([]byte, 1<<20))
		c.Close()
	})
	if err != nil {
		return err
	}
	defer l.Close()
	return at(times, func(int) error {
		c, err := h.dial(host, l.Addr())
		if err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 1000))
		return errors.Join(err, c.Close())
	})
}

// sessions are of a terminal: each key is echoed.
func (h *hour) sessions(from, to *testnet.Namespace, f testnet.Family, number, keys int) error {
	l, err := h.listen(to, f, func(c *net.TCPConn) {
		defer c.Close()
		io.Copy(c, onlyReads{c})
	})
	if err != nil {
		return err
	}
	defer l.Close()
	return at(number, func(int) error {
		c, err := h.dial(from, l.Addr())
		if err != nil {
			return err
		}
		defer c.Close()
		key := make([]byte, 52)
		for range keys {
			if _, err := c.Write(key); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// onlyReads hides what would splice.
type onlyReads struct{ io.Reader }

// keepAlives are idle connections whose client asks three times, a second apart, whether
// they are still there: segments in front of the window, which are answered (RFC 9293 section
// 3.8.4). A session of SSH asks once a minute.
func (h *hour) keepAlives(from, to *testnet.Namespace, f testnet.Family, number int) error {
	closed := make(chan struct{})
	l, err := h.listen(to, f, func(c *net.TCPConn) {
		<-closed
		c.Close()
	})
	if err != nil {
		return err
	}
	defer l.Close()
	defer close(closed)
	var all []*net.TCPConn
	for range number {
		c, err := h.dial(from, l.Addr())
		if err != nil {
			return err
		}
		defer c.Close()
		all = append(all, c)
		if err := c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 9}); err != nil {
			return err
		}
	}
	time.Sleep(3500 * time.Millisecond) // the kernel sends none in less than a second
	for _, c := range all {
		if _, err := c.Write([]byte("x")); err != nil {
			return fmt.Errorf("an idle connection has ended: %w", err)
		}
	}
	return nil
}
