package locator

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/passive"
	"github.com/packetscope/packetscope/internal/locator/talkers"
	"github.com/packetscope/packetscope/internal/wire"
)

// A Connections reads the host's connections, as a [passive.Reader] does.
type Connections interface {
	Read() ([]passive.Conn, error)
}

// finder finds destinations by whom this host talks to.
type finder struct {
	ranking *talkers.Ranking
	top     int
	peers   []passive.Peer
	ports   map[netip.Addr]uint16
	reading bool
	next    time.Time
	failed  bool
}

// scan is what a look at the connections gave.
type scan struct {
	conns []passive.Conn
	flows []talkers.Flow
	err   error
}

// look begins to look at the connections if that is due.
func (e *Engine) look(ctx context.Context, now time.Time, background *sync.WaitGroup) {
	f := &e.found
	if e.cfg.Discover.Top == 0 || f.reading || now.Before(f.next) {
		return
	}
	f.reading, f.next = true, now.Add(e.cfg.Discover.Every)
	conns, flows := e.parts.Connections, e.parts.Flows
	background.Go(func() {
		var s scan
		s.conns, s.err = conns.Read()
		if flows != nil {
			s.flows = flows()
		}
		select {
		case e.scanned <- s:
		case <-ctx.Done():
		}
	})
}

// useScan takes what a look at the connections gave.
func (e *Engine) useScan(s scan) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f, d := &e.found, e.cfg.Discover
	f.reading = false
	if s.err != nil {
		if !f.failed {
			e.logger.Warn("connections cannot be read, no destinations are found by them", "err", s.err)
		}
		f.failed = true
		return
	}
	f.failed = false
	if d.Top == 0 {
		return // switched off meanwhile
	}
	if f.ranking == nil || f.top != d.Top {
		f.ranking, f.top = talkers.New(talkers.Config{Top: d.Top}), d.Top
	}
	f.peers = passive.Group(passive.Without(s.conns, d.leftOut()...), d.IPv4Bits, d.IPv6Bits)
	entered, left := f.ranking.Update(time.Now(), f.peers, s.flows)
	f.remember(s.conns)
	if len(entered)+len(left) > 0 {
		e.setDestinations(append(e.cfg.Destinations[:len(e.cfg.Destinations):len(e.cfg.Destinations)], f.destinations(d)...))
	}
}

// leftOut are the kinds of addresses that are no destinations.
func (d Discover) leftOut() []geo.Kind {
	if d.Private {
		return []geo.Kind{geo.Invalid, geo.Loopback, geo.LinkLocal, geo.Multicast, geo.Broadcast, geo.Unspecified}
	}
	return passive.Unrouted
}

// remember keeps the ports of the targets' services: TCP probes go there. A remote port
// among the ephemeral ones is that of a client, which answers nobody else.
func (f *finder) remember(conns []passive.Conn) {
	ports := make(map[netip.Addr]uint16)
	for _, t := range f.ranking.Targets() {
		ports[t.Addr] = f.ports[t.Addr]
	}
	for _, c := range conns {
		addr := c.Remote.Addr()
		if known, wanted := ports[addr]; wanted && known == 0 && c.Remote.Port() < firstEphemeral {
			ports[addr] = c.Remote.Port()
		}
	}
	f.ports = ports
}

// firstEphemeral is where Linux begins (net.ipv4.ip_local_port_range); others begin
// later.
const firstEphemeral = 32768

// destinations are those that were found.
func (f *finder) destinations(d Discover) []Destination {
	if f.ranking == nil || d.Top == 0 {
		return nil
	}
	var all []Destination
	for _, t := range f.ranking.Targets() {
		found := Destination{Name: t.Addr.String(), Host: t.Addr.String(), Protocol: d.Protocol, Found: true}
		if d.Protocol == wire.TCP {
			found.Port = f.ports[t.Addr]
		}
		all = append(all, found.withDefaults())
	}
	return all
}

// passive tells what the connections say, of those networks that have most bytes.
func (f *finder) passive(order []*destination) []Passive {
	var all []Passive
	for _, p := range f.peers[:min(len(f.peers), f.top)] {
		shown := Passive{
			Network: p.Prefix, Address: p.Addr, Connections: p.Conns, Received: p.Interval.Received, Sent: p.Interval.Acked,
			RTT: p.RTT, RTTMin: p.MinRTT,
		}
		shown.Retransmitted, shown.HasRetransmitted = p.Interval.RetransRatio()
		for _, d := range order {
			if d.watched() && p.Prefix.Contains(d.addr) {
				shown.Dest = d.Name
				break
			}
		}
		all = append(all, shown)
	}
	return all
}
