//go:build linux

package network

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// DefaultTimeout is how long an answer may take. Half a second goes around the earth;
// mobile networks and slow routers take longer.
const DefaultTimeout = 3 * time.Second

// ErrClosed is returned after [Network.Close].
var ErrClosed = errors.New("network is closed")

// Config says how to probe.
type Config struct {
	Way Way
	// Timeout is how long an answer may take; 0 means DefaultTimeout.
	Timeout time.Duration
	// Logger is told what was chosen, once; nil means nobody.
	Logger *slog.Logger
}

// A carrier sends packets and receives answers, in one of the ways. The Network's lock
// is held in all calls but close.
type carrier interface {
	// prepare makes the packet of a flight. An error says that there is no such packet.
	prepare(f *flight) error
	// send gives the packet that was prepared last to the kernel.
	send(f *flight) error
	// receive takes all that has arrived to the table.
	receive(t *table)
	// close closes the sockets. The lock is not held.
	close()
}

// A Network sends probes and receives their answers. It must be closed.
type Network struct {
	routes *routes
	label  uint32 // flow label of the first flow
	ports  wire.Ports

	mu      sync.Mutex
	carrier carrier
	table   *table
	pacer   pacer
	closed  bool

	wake    chan struct{}
	stop    chan struct{}
	answers chan Answer
}

// Open opens sockets in the network namespace of the calling thread. It fails if the way
// that is asked for is not permitted, or with Auto if none is. The way Queue takes
// CAP_SYS_ADMIN if that namespace is not the one that the process's other threads are in.
func Open(c Config) (*Network, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Timeout < least {
		return nil, fmt.Errorf("open network: timeout of %v is less than %v", c.Timeout, least)
	}
	n := &Network{
		table: newTable(c.Timeout),
		wake:  make(chan struct{}, 1), stop: make(chan struct{}), answers: make(chan Answer, 256),
	}
	var err error
	if n.routes, err = openRoutes(); err != nil {
		return nil, err
	}
	if err := n.open(c.Way); err != nil {
		n.routes.close()
		return nil, err
	}
	warm()
	// Flows of IPv6 have labels, or all would look alike to routers that hash nothing else.
	n.label = uint32(n.ports.First)<<4 | 1
	c.Logger.Info("probing", "way", n.table.stats.Way, "reason", n.table.stats.Reason,
		"first_port", n.ports.First, "last_port", n.ports.Last)
	go n.run()
	return n, nil
}

// open chooses the way.
func (n *Network) open(way Way) error {
	stats := &n.table.stats
	if way != Queue {
		raw, err := openRaw(n.table.timeout)
		if err == nil {
			n.carrier, n.ports, stats.Way = raw, raw.ports.Ports, Raw
			return nil
		}
		if way == Raw {
			return err
		}
		stats.Reason = err.Error()
	}
	queue, err := openQueue(&n.mu, n.table)
	if err != nil {
		if stats.Reason != "" {
			err = fmt.Errorf("%s; and without privileges: %w", stats.Reason, err)
		}
		return err
	}
	n.carrier, n.ports, stats.Way = queue, queue.Ports, Queue
	return nil
}

// Flow returns the flow of a number to a port, which ICMP does not have. Its source port and
// label are the same as long as the Network lives; after a restart they may be
// others. Numbers that differ by a multiple of 128 share a port, and differ in IPv6
// alone.
func (n *Network) Flow(p wire.Protocol, destination netip.Addr, port uint16, number int) wire.Flow {
	f := wire.Flow{Protocol: p, Destination: destination, DestinationPort: port}
	if p == wire.ICMP {
		f.DestinationPort = 0
	}
	if destination.Is6() {
		f.Label = n.label
	}
	f = f.Vary(uint16(number))
	f.SourcePort = n.ports.First + uint16(uint(number)%flows)
	return f
}

// Source returns the address that probes to a destination are sent from, and the MTU in
// bytes of the device that they leave by. It is asked for anew every 10 s.
func (n *Network) Source(destination netip.Addr) (source netip.Addr, mtu int, err error) {
	r, err := n.routes.to(destination, time.Now())
	return r.source, r.mtu, err
}

// Send sends a probe. If it returns nil there will be exactly one Answer, unless the
// Network is closed before; that the network does not take the probe is told by the Answer
// too. An error says that there can be no such probe, that the Network is closed, or
// [ErrBusy].
func (n *Network) Send(p Probe) error {
	if p.Protocol == wire.ICMP {
		p.DestinationPort = 0
	}
	if p.Destination.Zone() != "" {
		return fmt.Errorf("probe to %q: addresses of one link are not routed", p.Destination)
	}
	if p.SourcePort < n.ports.First || p.SourcePort > n.ports.Last {
		return fmt.Errorf("probe from port %d: want %d to %d, as Flow gives", p.SourcePort, n.ports.First, n.ports.Last)
	}
	var noRoute error
	if !p.Source.IsValid() {
		if p.Source, _, noRoute = n.Source(p.Destination); noRoute != nil {
			p.Source = netip.IPv6Unspecified()
			if p.Destination.Is4() {
				p.Source = netip.IPv4Unspecified()
			}
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	f, err := n.table.add(p, time.Now())
	if err != nil {
		return err
	}
	if err := n.carrier.prepare(f); err != nil {
		n.table.withdraw(f)
		return err
	}
	n.put(f, noRoute)
	read, wake := n.pacer.sent(f.sent)
	if read {
		n.turn()
	}
	if wake {
		select {
		case n.wake <- struct{}{}:
		default: // was told already
		}
	}
	return nil
}

// put gives a flight to the kernel, unless it is known that there is no way.
func (n *Network) put(f *flight, err error) {
	if err == nil {
		err = n.carrier.send(f)
	}
	if err != nil {
		n.routes.forget(f.probe.Destination)
		n.table.fail(f, err)
		return
	}
	n.table.stats.Sent++
}

// Answers returns where the answers come. It is closed by Close.
func (n *Network) Answers() <-chan Answer { return n.answers }

// Stats returns the counts so far.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.table.stats
}

// Close closes the sockets. Probes on their way are given up without an Answer.
func (n *Network) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	close(n.stop)
	n.mu.Unlock()
	// Nobody uses them any more: all look at closed first.
	n.carrier.close()
	n.routes.close()
	return nil
}
