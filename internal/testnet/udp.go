//go:build linux

package testnet

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// A UDPPair is two sockets in two namespaces.
type UDPPair struct {
	// Sender is connected to Receiver; Receiver is not connected.
	Sender, Receiver *net.UDPConn
}

// NewUDPPair opens a receiver in dst, on a port that the kernel chooses, and a
// sender in src. Reads fail after a time that is plenty for the host or VM. The
// caller must call Close.
func NewUDPPair(src, dst *Namespace, f Family) (*UDPPair, error) {
	p := &UDPPair{}
	err := dst.do(func() (err error) {
		p.Receiver, err = net.ListenUDP(f.network("udp"), udpAddr(dst.Addr(f), 0))
		return err
	})
	if err != nil {
		return nil, err
	}
	err = src.do(func() (err error) {
		p.Sender, err = net.DialUDP(f.network("udp"), nil, p.Receiver.LocalAddr().(*net.UDPAddr))
		return err
	})
	if err == nil {
		err = p.Receiver.SetDeadline(time.Now().Add(patience()))
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close closes both sockets.
func (p *UDPPair) Close() {
	p.Receiver.Close()
	if p.Sender != nil {
		p.Sender.Close()
	}
}

// SendUDP sends count datagrams of size bytes from src to dst and returns when
// all of them have been read. Each is read before the next one is sent, so that
// none can be lost for want of a reader: the load is count writes, count packets
// and count reads.
func SendUDP(src, dst *Namespace, f Family, count, size int) error {
	p, err := NewUDPPair(src, dst, f)
	if err != nil {
		return err
	}
	defer p.Close()
	out, in := make([]byte, size), make([]byte, size+1)
	for i := range count {
		if i%64 == 0 {
			if err := p.Receiver.SetDeadline(time.Now().Add(patience())); err != nil {
				return err
			}
		}
		if _, err := p.Sender.Write(out); err != nil {
			return fmt.Errorf("send datagram %d of %d: %w", i+1, count, err)
		}
		n, err := p.Receiver.Read(in)
		if err != nil {
			return fmt.Errorf("receive datagram %d of %d: %w", i+1, count, err)
		}
		if n != size {
			return fmt.Errorf("datagram %d of %d has %d bytes, want %d", i+1, count, n, size)
		}
	}
	return nil
}

// ReadNow reads a datagram that lies in a socket; if there is none the error is [unix.EAGAIN].
// With a deadline that has passed [net.UDPConn.Read] would not look.
func ReadNow(c *net.UDPConn, b []byte) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	if failed := raw.Control(func(fd uintptr) { n, _, err = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT) }); failed != nil {
		return 0, failed
	}
	return n, err
}

func udpAddr(addr netip.Addr, port uint16) *net.UDPAddr {
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, port))
}
