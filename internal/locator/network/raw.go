//go:build linux

package network

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/wire"
)

// raw sends whole packets and is given all answers.
type raw struct {
	timeout time.Duration
	ports   *reservation
	v4      *rawFamily
	v6      *rawFamily // nil if the kernel has no IPv6
	buf     []byte     // the packet that was prepared
	batch   *batch
	heard   []heard
}

// heard is an answer that was read but not joined yet.
type heard struct {
	reply wire.Reply
	rx    time.Time
}

// openRaw opens the sockets of both families.
func openRaw(timeout time.Duration) (_ *raw, err error) {
	r := &raw{timeout: timeout, batch: newBatch()}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	// First: without the privilege there is no need to look for ports.
	probe, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, missing(err)
	}
	unix.Close(probe)
	if r.ports, err = reserve(); err != nil {
		return nil, err
	}
	filter := wire.Filter{ICMP: r.ports.Ports, UDP: r.ports.Ports, TCP: r.ports.Ports}
	if r.v4, err = openRawFamily(ipv4, filter); err != nil {
		return nil, missing(err)
	}
	r.v6, err = openRawFamily(ipv6, filter)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return r, nil
	}
	return r, missing(err)
}

// missing adds what to do about a lack of privileges.
func missing(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("open raw socket: %w (it takes CAP_NET_RAW)", err)
	}
	if err != nil {
		return fmt.Errorf("open raw socket: %w", err)
	}
	return nil
}

func (r *raw) family(destination netip.Addr) *rawFamily {
	if destination.Is4() {
		return r.v4
	}
	return r.v6
}

func (r *raw) prepare(f *flight) (err error) {
	r.buf, err = f.probe.Append(r.buf[:0])
	return err
}

func (r *raw) send(f *flight) error {
	family := r.family(f.probe.Destination)
	if family == nil {
		return fmt.Errorf("send to %v: %w", f.probe.Destination, unix.EAFNOSUPPORT)
	}
	family.until = f.sent.Add(2 * r.timeout)
	if f.probe.Protocol == wire.TCP {
		if err := family.listenTCP(); err != nil {
			return err
		}
		family.tcpUntil = family.until
	}
	return family.send(f, r.buf, r.batch)
}

// receive first takes the answers from all sockets, and then the stamps of what was sent:
// that of a packet is there before its answer.
func (r *raw) receive(t *table) {
	r.heard = r.heard[:0]
	families := [...]*rawFamily{r.v4, r.v6}
	begin := time.Now()
	for _, f := range families {
		if f != nil && begin.Before(f.until) {
			r.hear(t, &f.icmp, f.parseICMP)
			if begin.Before(f.tcpUntil) {
				r.hear(t, &f.tcp, f.parseTCP)
			}
		}
	}
	now := time.Now()
	for _, f := range families {
		if f != nil && begin.Before(f.until) {
			f.stamps.read(f.out, r.batch)
		}
	}
	for i := range r.heard {
		h := r.heard[i] // a copy, which the answer keeps
		if f := t.find(h.reply.Key()); f != nil {
			t.answer(f, &h.reply, h.rx, now)
		}
	}
}

// hear reads what a socket holds.
func (r *raw) hear(t *table, from *receiver, parse func(*batch, int, control) (wire.Reply, error)) {
	r.batch.each(from.fd, 0, func(i int) {
		c := r.batch.control(i)
		t.stats.Dropped += from.overflow(c)
		reply, err := parse(r.batch, i, c)
		if err != nil {
			t.stats.Unmatched++
			return
		}
		r.heard = append(r.heard, heard{reply, c.stamp})
	})
}

func (r *raw) close() {
	if r.ports != nil {
		r.ports.close()
	}
	for _, f := range []*rawFamily{r.v4, r.v6} {
		if f != nil {
			f.close()
		}
	}
}
