//go:build linux

package network

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/wire"
)

// An endpoint is a socket of UDP or ICMP with a source port, or identifier, and what the
// kernel tells of what it sent.
type endpoint struct {
	fd       int
	family   family
	protocol wire.Protocol
	port     uint16
	stamps   stamps
	set      settings
	// until is how long there may be answers; zero if it is not read.
	until time.Time
}

// settings are options of a socket that go for all that it sends.
type settings struct {
	ttl, tos int
	discover int
}

// sendFlowinfo is IPV6_FLOWINFO_SEND of linux/in6.h: addresses to send to hold a label.
const sendFlowinfo = 33

// openEndpoint opens a socket of a port.
func openEndpoint(f family, protocol wire.Protocol, port uint16) (*endpoint, error) {
	number := unix.IPPROTO_UDP
	if protocol == wire.ICMP {
		number = f.icmp
	}
	fd, err := unix.Socket(f.number, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, number)
	if err != nil {
		return nil, err
	}
	e := &endpoint{fd: fd, family: f, protocol: protocol, port: port}
	if err := e.open(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return e, nil
}

func (e *endpoint) open() error {
	fd, f := e.fd, e.family
	e.stamps.also = stampsReceived
	err := errors.Join(
		option(fd, f.level, f.receiveErrors, 1),
		option(fd, f.level, f.receiveTTL, 1),
		e.stamps.start(fd),
	)
	if f.number == unix.AF_INET6 {
		err = errors.Join(err, option(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 1),
			option(fd, unix.SOL_IPV6, sendFlowinfo, 1))
	}
	if e.protocol == wire.UDP {
		// What a service answers is no answer that is known here, and would take the room
		// of errors.
		nothing := receiver{fd: fd}
		err = errors.Join(err, nothing.only(func() ([]bpf.RawInstruction, error) {
			return bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
		}))
	}
	if err != nil {
		return err
	}
	// Linux 5.9 knows it; without, there are no extensions.
	_ = unix.SetsockoptInt(fd, f.level, f.receiveExtension, 1)
	return unix.Bind(fd, f.any(e.port))
}

func (e *endpoint) key() socketKey {
	return socketKey{e.protocol, e.family.number == unix.AF_INET, e.port}
}

// send sends a payload with the header that the flight asks for.
func (e *endpoint) send(f *flight, payload []byte) error {
	if err := e.set.apply(e.fd, e.family, f.probe); err != nil {
		return err
	}
	var err error
	if e.family.number == unix.AF_INET {
		err = unix.Sendto(e.fd, payload, unix.MSG_DONTWAIT, address(f.probe.Destination, f.probe.DestinationPort))
	} else {
		err = labelled(f.probe, func(to *unix.RawSockaddrInet6) unix.Errno {
			_, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(e.fd), uintptr(unsafe.Pointer(&payload[0])),
				uintptr(len(payload)), unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(to)), unsafe.Sizeof(*to))
			return errno
		})
	}
	if err == nil {
		e.stamps.expect(f)
	}
	return err
}

// apply sets the options that differ from what they were.
func (s *settings) apply(fd int, f family, p wire.Probe) error {
	want := settings{ttl: int(p.TTL), tos: int(p.TOS), discover: unix.IP_PMTUDISC_PROBE}
	if f.number == unix.AF_INET && !p.DontFragment {
		// Sets no flag, and does not believe what routers say of the MTU.
		want.discover = unix.IP_PMTUDISC_INTERFACE
	}
	for _, o := range []struct{ name, have, want int }{
		{f.unicastTTL, s.ttl, want.ttl}, {f.tos, s.tos, want.tos}, {f.discover, s.discover, want.discover},
	} {
		if o.have == o.want {
			continue
		}
		if err := option(fd, f.level, o.name, o.want); err != nil {
			return err
		}
	}
	*s = want
	return nil
}
