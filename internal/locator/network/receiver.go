//go:build linux

package network

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// buffer is what is asked for as the buffer of a socket, in bytes: some 1,000 packets.
// The kernel gives as much as net.core.rmem_max, unless CAP_NET_ADMIN asks.
const buffer = 1 << 20

// stampsReceived are the stamps of packets that arrive.
const stampsReceived = unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE

// A receiver is a socket that is given packets of others too.
type receiver struct {
	fd      int
	dropped uint32 // as the kernel told last
}

// openReceiver opens a raw socket whose packets carry stamps.
func openReceiver(f family, protocol int) (receiver, error) {
	fd, err := unix.Socket(f.number, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return receiver{fd: -1}, err
	}
	err = errors.Join(
		option(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, stampsReceived),
		option(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1),
		option(fd, f.level, f.receiveTTL, 1),
	)
	enlarge(fd)
	if err != nil {
		unix.Close(fd)
		return receiver{fd: -1}, err
	}
	return receiver{fd: fd}, nil
}

// overflow returns how many packets were dropped since it was asked last.
func (r *receiver) overflow(c control) uint64 {
	if !c.counted {
		return 0
	}
	more := c.dropped - r.dropped // wraps around
	r.dropped = c.dropped
	return uint64(more)
}

// only lets in what a program accepts, and drops what came before.
func (r *receiver) only(program func() ([]bpf.RawInstruction, error)) error {
	raw, err := program()
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, ins := range raw {
		code[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	err = unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
	if err != nil {
		return os.NewSyscallError("attach filter", err)
	}
	for {
		if _, _, err := unix.Recvfrom(r.fd, nil, unix.MSG_DONTWAIT); err != nil {
			return nil
		}
	}
}

// enlarge asks for a larger buffer. Without one more is dropped, which is counted.
func enlarge(fd int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	}
}

func option(fd, level, name, value int) error {
	if err := unix.SetsockoptInt(fd, level, name, value); err != nil {
		return fmt.Errorf("set option %d of level %d: %w", name, level, err)
	}
	return nil
}
