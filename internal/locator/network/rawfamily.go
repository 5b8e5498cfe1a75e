//go:build linux

package network

import (
	"errors"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/wire"
)

// rawFamily are the raw sockets of a family.
type rawFamily struct {
	family
	out    int // sends
	stamps stamps
	icmp   receiver
	tcp    receiver
	// listens tells that TCP is received.
	listens bool
	// until and tcpUntil are how long there may be answers.
	until, tcpUntil time.Time
	filter          wire.Filter
}

// nowhere are groups of documentation (RFC 6676, RFC 3849) that nobody sends to.
var nowhere = map[int]netip.Addr{
	unix.AF_INET:  netip.AddrFrom4([4]byte{233, 252, 0, 0}),
	unix.AF_INET6: netip.AddrFrom16([16]byte{0xff, 0x3e, 0, 0x20, 0x20, 0x01, 0x0d, 0xb8, 15: 1}),
}

func openRawFamily(of family, filter wire.Filter) (*rawFamily, error) {
	f := &rawFamily{family: of, filter: filter, out: -1, icmp: receiver{fd: -1}, tcp: receiver{fd: -1}}
	if err := errors.Join(f.openOut(), f.openICMP(), f.openTCP()); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// openOut opens the sender.
func (f *rawFamily) openOut() (err error) {
	if f.out, err = unix.Socket(f.number, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW); err != nil {
		return err
	}
	enlarge(f.out) // stamps of sent packets are received too
	return errors.Join(
		option(f.out, f.level, f.headerIncluded, 1),
		// Or the kernel, which learns the path's MTU from answers, sends no more that is
		// larger.
		option(f.out, f.level, f.discover, unix.IP_PMTUDISC_PROBE),
		f.stamps.start(f.out),
	)
}

// openICMP opens the receiver of errors and echoes.
func (f *rawFamily) openICMP() (err error) {
	if f.icmp, err = openReceiver(f.family, f.family.icmp); err != nil {
		return err
	}
	program := f.filter.ICMPv4
	if f.number == unix.AF_INET6 {
		program = f.filter.ICMPv6
	}
	return f.icmp.only(program)
}

// openTCP opens the receiver of TCP, deaf: each segment that comes to the host would be
// copied for the filter to look at, though most Networks never send TCP. It is opened now
// for it must be in the namespace of the others.
func (f *rawFamily) openTCP() (err error) {
	if f.tcp, err = openReceiver(f.family, unix.IPPROTO_TCP); err != nil {
		return err
	}
	program := f.filter.TCPv4
	if f.number == unix.AF_INET6 {
		program = f.filter.TCPv6
	}
	if err := f.tcp.only(program); err != nil {
		return err
	}
	return os.NewSyscallError("bind to no address", unix.Bind(f.tcp.fd, address(nowhere[f.number], 0)))
}

// listenTCP has answers of TCP received from now on.
func (f *rawFamily) listenTCP() error {
	if f.listens {
		return nil
	}
	if err := unix.Bind(f.tcp.fd, f.any(0)); err != nil {
		return os.NewSyscallError("bind to all addresses", err)
	}
	f.listens = true
	return nil
}

// send sends a whole packet.
func (f *rawFamily) send(of *flight, packet []byte, b *batch) error {
	err := unix.Sendto(f.out, packet, unix.MSG_DONTWAIT, address(of.probe.Destination, 0))
	if err != nil {
		f.stamps.restart(f.out, b)
		return err
	}
	f.stamps.expect(of)
	return nil
}

// parseICMP and parseTCP read packet i of a batch.
func (f *rawFamily) parseICMP(b *batch, i int, c control) (wire.Reply, error) {
	if f.number == unix.AF_INET {
		return wire.ParseIPv4(b.packet(i))
	}
	return wire.ParseICMPv6(b.packet(i), b.from(i).Addr(), c.ttl)
}

func (f *rawFamily) parseTCP(b *batch, i int, c control) (wire.Reply, error) {
	if f.number == unix.AF_INET {
		return wire.ParseIPv4(b.packet(i))
	}
	return wire.ParseTCPv6(b.packet(i), b.from(i).Addr(), c.ttl)
}

func (f *rawFamily) close() {
	for _, fd := range []int{f.out, f.icmp.fd, f.tcp.fd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
