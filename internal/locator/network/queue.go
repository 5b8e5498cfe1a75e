//go:build linux

package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/wire"
)

// queue sends by sockets that everybody may open. Those of UDP are opened at once, for they
// hold the ports; those of ICMP when a flow is first used, and those of TCP for each
// probe, by the opener.
type queue struct {
	wire.Ports
	opener  *opener
	timeout time.Duration
	held    []int // sockets of TCP that hold the ports, in their order
	sockets map[socketKey]*endpoint
	// active are read: they have sent not long ago.
	active  []*endpoint
	connect *connector
	buf     []byte // what was prepared
	batch   *batch
	heard   []heardBy
	table   *table
}

// A socketKey is what there is one socket for.
type socketKey struct {
	protocol wire.Protocol
	v4       bool
	port     uint16
}

// heardBy is an echo reply that was read but not joined yet.
type heardBy struct {
	heard
	id uint16
}

// openQueue opens what holds a range of ports. The lock is that of the table.
func openQueue(lock *sync.Mutex, t *table) (*queue, error) {
	opener, err := newOpener()
	if err != nil {
		return nil, err
	}
	q, err := openRange(opener, lock, t)
	if err != nil {
		opener.close()
		return nil, err
	}
	return q, nil
}

// openRange takes the first range that is free.
func openRange(opener *opener, lock *sync.Mutex, t *table) (*queue, error) {
	for _, first := range portRanges() {
		q := &queue{
			Ports: wire.Ports{First: first, Last: first + flows - 1}, opener: opener,
			timeout: t.timeout, sockets: make(map[socketKey]*endpoint), batch: newBatch(), table: t,
		}
		q.connect = &connector{lock: lock, queue: q, epoll: -1, stop: -1, attempts: make(map[int32]*attempt)}
		err := q.hold()
		if err == nil {
			return q, nil
		}
		q.release()
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("reserve source ports: no %d in a row are free: %w", flows, unix.EADDRINUSE)
}

// hold opens the sockets of UDP, and those that hold the ports of TCP.
func (q *queue) hold() error {
	for port := int(q.First); port <= int(q.Last); port++ {
		for _, f := range []family{ipv4, ipv6} {
			e, err := openEndpoint(f, wire.UDP, uint16(port))
			if f.number == unix.AF_INET6 && errors.Is(err, unix.EAFNOSUPPORT) {
				continue
			}
			if err != nil {
				return fmt.Errorf("open socket of udp: %w", err)
			}
			q.sockets[e.key()] = e
		}
		fd, err := hold(unix.SOCK_STREAM, port)
		if err != nil {
			return fmt.Errorf("reserve source ports: %w", err)
		}
		q.held = append(q.held, fd)
	}
	return nil
}

// share binds a socket of TCP, which has SO_REUSEADDR, to a port that is held. For as long as
// that takes the holder has it too: any longer, and everybody could share it who asks for it
// as servers do.
func (q *queue) share(fd int, f family, port uint16) error {
	holder := q.held[port-q.First]
	if err := option(holder, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	err := os.NewSyscallError("bind", unix.Bind(fd, f.any(port)))
	return errors.Join(err, option(holder, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0))
}

func (q *queue) prepare(f *flight) (err error) {
	if f.probe.Protocol == wire.TCP {
		_, err = f.probe.Append(q.buf[:0]) // not what is sent, but as good or bad
		return err
	}
	q.buf, err = f.probe.AppendPayload(q.buf[:0])
	return err
}

func (q *queue) send(f *flight) error {
	if f.probe.Protocol == wire.TCP {
		return q.connect.send(f)
	}
	e, err := q.socket(f.probe.Flow)
	if err != nil {
		return err
	}
	if e.until.IsZero() {
		q.active = append(q.active, e)
	}
	e.until = f.sent.Add(2 * q.timeout)
	// An error that came for an earlier packet is told to the next one that is sent,
	// which is then not sent.
	if err := e.send(f, q.buf); err == nil {
		return nil
	}
	q.read(e, f.sent)
	e.stamps.restart(e.fd, q.batch)
	if err := e.send(f, q.buf); err != nil {
		e.stamps.restart(e.fd, q.batch)
		return err
	}
	return nil
}

// socket returns the socket of a flow.
func (q *queue) socket(f wire.Flow) (*endpoint, error) {
	key := socketKey{f.Protocol, f.Destination.Is4(), f.SourcePort}
	if e := q.sockets[key]; e != nil {
		return e, nil
	}
	var e *endpoint
	var err error
	q.opener.do(func() { e, err = openEndpoint(familyOf(f.Destination), f.Protocol, f.SourcePort) })
	switch {
	case f.Protocol == wire.ICMP && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)):
		return nil, fmt.Errorf("open ping socket: %w (net.ipv4.ping_group_range must include a group of this process, or it needs CAP_NET_RAW)", err)
	case err != nil:
		return nil, fmt.Errorf("open socket of %s: %w", f.Protocol, err)
	}
	q.sockets[key] = e
	return e, nil
}

func (q *queue) receive(t *table) {
	now := time.Now()
	active := q.active[:0]
	for _, e := range q.active {
		q.read(e, now)
		if now.Before(e.until) {
			active = append(active, e)
		} else {
			e.until = time.Time{}
		}
	}
	q.active = active
	q.connect.abandon(now)
}

// read takes all that a socket was given. Replies are read before the stamps of what was
// sent, which are there before them, and joined after.
func (q *queue) read(e *endpoint, now time.Time) {
	q.heard = q.heard[:0]
	if e.protocol == wire.ICMP {
		q.batch.each(e.fd, 0, func(i int) { q.echo(e, i) })
	}
	q.batch.each(e.fd, unix.MSG_ERRQUEUE, func(i int) { q.queued(e, i, time.Now()) })
	for i := range q.heard {
		h := q.heard[i]
		key := wire.Key{Protocol: wire.ICMP, Destination: h.reply.From, SourcePort: e.port, ID: h.id}
		if f := q.table.find(key); f != nil {
			h.reply.Quoted = wire.Quoted{Flow: f.probe.Flow, ID: h.id}
			q.table.answer(f, &h.reply, h.rx, now)
		}
	}
}

// echo takes packet i of the batch, which a ping socket received.
func (q *queue) echo(e *endpoint, i int) {
	c := q.batch.control(i)
	id, ok := wire.ParsePayload(wire.ICMP, q.batch.packet(i))
	if !ok {
		q.table.stats.Unmatched++
		return
	}
	reply := wire.Reply{From: q.batch.from(i).Addr(), Kind: wire.EchoReply, TTL: c.ttl}
	q.heard = append(q.heard, heardBy{heard{reply, c.stamp}, id})
}

// queued takes packet i of the batch, which was in an error queue.
func (q *queue) queued(e *endpoint, i int, now time.Time) {
	c := q.batch.control(i)
	if e.stamps.take(c) || c.err.Origin == unix.SO_EE_ORIGIN_LOCAL {
		return
	}
	payload := q.batch.packet(i)
	reply, ok := c.reply(payload)
	if !ok {
		q.table.stats.Unmatched++
		return
	}
	to := q.batch.from(i)
	key := wire.Key{Protocol: e.protocol, Destination: to.Addr(), SourcePort: e.port, DestinationPort: to.Port()}
	if key.ID, ok = wire.ParsePayload(e.protocol, payload); !ok {
		key.ID = q.only(key)
	}
	if f := q.table.find(key); f != nil {
		reply.Quoted = wire.Quoted{Flow: f.probe.Flow, ID: f.probe.ID}
		q.table.answer(f, &reply, c.stamp, now)
	}
}

// only returns the ID of the only probe of a flow that waits for an answer, 0 if there are
// several: a router that quotes eight bytes does not say which it answers.
func (q *queue) only(key wire.Key) (id uint16) {
	for k, f := range q.table.flights {
		k.ID = 0
		if k != key || f.state != waiting {
			continue
		}
		if id != 0 {
			return 0
		}
		id = f.probe.ID
	}
	return id
}

func (q *queue) close() {
	q.release()
	q.opener.close()
}

// release closes all sockets.
func (q *queue) release() {
	q.connect.close()
	for _, fd := range q.held {
		unix.Close(fd)
	}
	for _, e := range q.sockets {
		unix.Close(e.fd)
	}
}

// reply returns the answer that an error queue tells of, but for what was quoted, of which
// there is the payload. It returns false if it is none.
func (c control) reply(payload []byte) (wire.Reply, bool) {
	r := wire.Reply{From: c.offender, Code: c.err.Code, TTL: c.ttl}
	switch c.err.Origin {
	case unix.SO_EE_ORIGIN_ICMP:
		r.Kind = wire.ICMPv4Kind(c.err.Type, c.err.Code)
	case unix.SO_EE_ORIGIN_ICMP6:
		r.Kind = wire.ICMPv6Kind(c.err.Type)
	}
	if r.Kind == wire.PacketTooBig {
		r.MTU = c.err.Info
	}
	// struct sock_ee_data_rfc4884 in the place of ee_data: where extensions begin in the
	// payload, 0 if there are none, and whether they are invalid.
	if begin := int(uint16(c.err.Data)); begin > 0 && begin <= len(payload) {
		r.Extensions = wire.ParseExtensions(payload[begin:])
	}
	return r, r.Kind != 0 && r.From != netip.Addr{}
}
