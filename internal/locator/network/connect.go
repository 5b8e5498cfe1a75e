//go:build linux

package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/wire"
)

// patience is when a connection is given up: after a second the kernel repeats the SYN,
// and nobody could tell which one an answer is to.
const patience = 950 * time.Millisecond

// A connector probes by TCP: what becomes of a connection tells what became of its SYN.
// The kernel keeps no time of a reset, so that one thread waits for it.
type connector struct {
	lock  *sync.Mutex // guards all but the descriptors, and the table
	queue *queue
	epoll int
	stop  int // an eventfd that ends the waiting
	// attempts are by number: a descriptor may be that of another attempt before an event
	// is looked at that was of the one before.
	attempts map[int32]*attempt
	last     int32 // number
	waiting  sync.WaitGroup
}

// stopNumber is the number that no attempt has: that of the eventfd.
const stopNumber = 0

// send begins to connect. An attempt of the same flow is given up, unless its answer has
// come: there can be but one connection between the same ports.
func (c *connector) send(f *flight) error {
	if err := c.start(); err != nil {
		return fmt.Errorf("wait for connections: %w", err)
	}
	for _, a := range c.attempts {
		if a.flight.probe.Flow == f.probe.Flow {
			c.finish(a, time.Now())
		}
	}
	a, err := c.open(f)
	if err != nil {
		return err
	}
	err = a.connect()
	c.keep(a)
	if err == nil || errors.Is(err, unix.EINPROGRESS) {
		event := &unix.EpollEvent{Events: unix.EPOLLOUT | unix.EPOLLERR | unix.EPOLLHUP, Fd: a.number}
		if err = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, a.fd, event); err != nil {
			c.end(a)
		}
		return err
	}
	// Close by, the answer may have come already.
	if reply, rx := c.outcome(a, err); reply != nil {
		c.queue.table.answer(f, reply, rx, time.Now())
		err = nil
	}
	c.end(a)
	return err
}

// keep gives an attempt a number that no other has had for long.
func (c *connector) keep(a *attempt) {
	if c.last++; c.last == stopNumber {
		c.last++
	}
	a.number = c.last
	c.attempts[a.number] = a
}

// open opens a socket that sends a single SYN.
func (c *connector) open(f *flight) (*attempt, error) {
	of := familyOf(f.probe.Destination)
	var fd int
	var err error
	c.queue.opener.do(func() {
		fd, err = unix.Socket(of.number, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("open socket of tcp: %w", err)
	}
	var set settings
	err = errors.Join(
		set.apply(fd, of, f.probe),
		option(fd, unix.SOL_TCP, unix.TCP_SYNCNT, 1),
		option(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		option(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, stampsReceived),
		option(fd, of.level, of.receiveErrors, 1),
		option(fd, of.level, of.receiveTTL, 1),
		// Closing resets, so that the destination keeps nothing.
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
	)
	if of.number == unix.AF_INET6 {
		err = errors.Join(err, option(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 1),
			option(fd, unix.SOL_IPV6, sendFlowinfo, 1))
	}
	_ = unix.SetsockoptInt(fd, of.level, of.receiveExtension, 1)
	if err == nil {
		err = c.queue.share(fd, of, f.probe.SourcePort)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &attempt{fd: fd, flight: f}, nil
}

// outcome returns what an attempt came to, nil if no packet answered it; failed is what
// its socket says.
func (c *connector) outcome(a *attempt, failed error) (*wire.Reply, time.Time) {
	b, f := c.queue.batch, a.flight
	quoted := wire.Quoted{Flow: f.probe.Flow, ID: f.probe.ID}
	for i := range b.receive(a.fd, unix.MSG_ERRQUEUE) {
		control := b.control(i)
		if reply, ok := control.reply(b.packet(i)); ok {
			reply.Quoted = quoted
			return &reply, control.stamp
		}
	}
	reply := &wire.Reply{From: f.probe.Destination, Quoted: quoted}
	if errors.Is(failed, unix.ECONNREFUSED) {
		reply.Kind = wire.Reset
		return reply, time.Time{}
	}
	if rx, ok := a.connected(); ok && failed == nil {
		reply.Kind = wire.SYNACK
		return reply, rx
	}
	return nil, time.Time{}
}

// start begins to wait for sockets, with the first one.
func (c *connector) start() (err error) {
	if c.epoll >= 0 {
		return nil
	}
	if c.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, c.stop, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: stopNumber}); err != nil {
		unix.Close(epoll)
		return os.NewSyscallError("epoll_ctl", err)
	}
	c.epoll = epoll
	c.waiting.Go(c.wait)
	return nil
}

// wait takes what becomes of connections until it is stopped.
func (c *connector) wait() {
	events := make([]unix.EpollEvent, batchSize)
	for {
		n, err := unix.EpollWait(c.epoll, events, -1)
		now := time.Now()
		if err != nil && err != unix.EINTR {
			return // the descriptor is bad: nothing can come of it any more
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd == stopNumber {
				return
			}
		}
		c.lock.Lock()
		for _, e := range events[:max(n, 0)] {
			c.finish(c.attempts[e.Fd], now)
		}
		c.lock.Unlock()
	}
}

// finish ends an attempt, and takes the answer if it has come.
func (c *connector) finish(a *attempt, now time.Time) {
	if a == nil {
		return // given up meanwhile
	}
	var failed error
	if number, err := unix.GetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil {
		failed = err
	} else if number != 0 {
		failed = unix.Errno(number)
	}
	if reply, rx := c.outcome(a, failed); reply != nil {
		c.queue.table.answer(a.flight, reply, rx, now)
	}
	c.end(a)
}

// abandon gives up what nobody has answered.
func (c *connector) abandon(now time.Time) {
	for _, a := range c.attempts {
		if now.Sub(a.flight.sent) > patience {
			c.finish(a, now)
		}
	}
}

// end closes the socket of an attempt, which also takes it from epoll.
func (c *connector) end(a *attempt) {
	delete(c.attempts, a.number)
	unix.Close(a.fd)
}

// close ends the waiting. The lock must not be held.
func (c *connector) close() {
	if c.epoll >= 0 {
		one := binary.NativeEndian.AppendUint64(nil, 1)
		_, _ = unix.Write(c.stop, one)
		c.waiting.Wait()
		unix.Close(c.epoll)
	}
	if c.stop >= 0 {
		unix.Close(c.stop)
	}
	for _, a := range c.attempts {
		c.end(a)
	}
}
