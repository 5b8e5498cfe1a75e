//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lossOneIn is the share of the packets of the streams that is lost.
const lossOneIn = 20

// lose makes the firewall of the client lose packets from now on.
func lose(r *round) error {
	return r.filter.drop(rule{protocol: unix.IPPROTO_TCP, from: streamPort, oneIn: lossOneIn})
}

// slowReader asks for an echo that comes late.
func slowReader(r *round) error {
	conn, err := r.tcp(slowPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	for range 2 {
		if _, err := conn.Write(question(100)); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, make([]byte, 100)); err != nil {
			return err
		}
	}
	return nil
}

// zeroWindow sends more than fits in the receive buffer of an application that
// does not read, and stays until it has. If the client closed at once the
// connection would not be an established one any more.
func zeroWindow(r *round) error {
	conn, err := r.tcp(stuckPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(stuckPause + patience)); err != nil {
		return err
	}
	if _, err := conn.Write(make([]byte, 10*smallBuffer)); err != nil {
		return err
	}
	return r.wait(stuckPause + stuckPause/2)
}

// acceptQueue connects more often than the server accepts. What does not fit is
// swallowed, so some of the connects must end by timeout.
func acceptQueue(r *round) error {
	var connects sync.WaitGroup
	var failed atomic.Int32
	for range 8 {
		connects.Go(func() {
			short := net.Dialer{Timeout: 1500 * time.Millisecond}
			conn, err := short.DialContext(r.ctx, "tcp", r.at(fullPort))
			if err != nil {
				failed.Add(1)
				return
			}
			defer conn.Close()
			r.wait(2 * time.Second)
		})
		r.wait(10 * time.Millisecond)
	}
	connects.Wait()
	if failed.Load() == 0 {
		return unexpected("connects to a full accept queue", r)
	}
	return nil
}

// refused connects to a port where nobody listens.
func refused(r *round) error {
	conn, err := r.tcp(closedPort)
	if err == nil {
		conn.Close()
		return unexpected("a connect to a closed port", r)
	}
	return expect(err, syscall.ECONNREFUSED)
}

// timeout connects to a port whose packets are dropped, until the kernel gives up,
// which it does early here: after one repetition instead of six.
func timeout(r *round) error {
	early := net.Dialer{Timeout: 4 * patience, Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if control := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_SYNCNT, 1)
		}); control != nil {
			return control
		}
		return err
	}}
	conn, err := early.DialContext(r.ctx, "tcp", r.at(swallowPort))
	if err == nil {
		conn.Close()
		return unexpected("a connect that is dropped", r)
	}
	return expect(err, syscall.ETIMEDOUT)
}

// reset is reset by the server.
func reset(r *round) error {
	conn, err := r.tcp(resetPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(question(100)); err != nil {
		return err
	}
	if _, err = conn.Read(make([]byte, 1)); err == nil {
		return unexpected("a read from a connection that is reset", r)
	}
	return expect(err, syscall.ECONNRESET)
}

// expect returns nil for the error that a fault is about.
func expect(err error, want syscall.Errno) error {
	if errors.Is(err, want) {
		return nil
	}
	return fmt.Errorf("%w (expected: %v)", err, want)
}

// floodSize is how many connects do not complete, more than the server remembers.
const floodSize = 12

// synFlood begins connections. The firewall of the client swallows the answers,
// which its kernel would else reset.
func synFlood(r *round) error {
	if r.n == 0 {
		if err := r.filter.drop(rule{protocol: unix.IPPROTO_TCP, from: floodPort}); err != nil {
			return err
		}
	}
	local, err := localFor(r.peer)
	if err != nil {
		return err
	}
	for i := range floodSize {
		// Below the ports that the kernel gives to connections.
		from := netip.AddrPortFrom(local, uint16(20_000+(r.n*floodSize+i)%10_000))
		syn := segment{from: from, to: netip.AddrPortFrom(r.peer, floodPort), flags: flagSYN, sequence: uint32(1 + i)}
		if err := syn.send(); err != nil {
			return err
		}
	}
	return nil
}

// challengeAck sends a SYN between the ends of the database session, with a
// sequence number that is none of theirs.
func challengeAck(r *round) error {
	local, remote, ok := r.session.ends()
	if !ok {
		return errors.New("there is no session with the database")
	}
	from, to := local.AddrPort(), remote.AddrPort()
	return segment{from: plain(from), to: plain(to), flags: flagSYN, sequence: 0x1000}.send()
}

// badChecksum sends a segment that is damaged.
func badChecksum(r *round) error {
	local, err := localFor(r.peer)
	if err != nil {
		return err
	}
	return segment{
		from: netip.AddrPortFrom(local, 19_999), to: netip.AddrPortFrom(r.peer, webPort), flags: flagACK, damaged: true,
	}.send()
}
