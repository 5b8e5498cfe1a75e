//go:build linux

package testnet

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// A TCPPair is the two ends of one connection.
type TCPPair struct {
	Client, Server *net.TCPConn
}

// NewTCPPair connects from src to a port of dst that the kernel chooses. Reads
// and writes fail after a time that is plenty for the host or VM. The caller
// must call Close.
func NewTCPPair(src, dst *Namespace, f Family) (*TCPPair, error) {
	var listener *net.TCPListener
	err := dst.do(func() (err error) {
		addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(dst.Addr(f), 0))
		listener, err = net.ListenTCP(f.network("tcp"), addr)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	deadline := time.Now().Add(4 * patience())
	if err := listener.SetDeadline(deadline); err != nil {
		return nil, err
	}
	p := &TCPPair{}
	err = src.do(func() (err error) {
		p.Client, err = net.DialTCP(f.network("tcp"), nil, listener.Addr().(*net.TCPAddr))
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.Server, err = listener.AcceptTCP(); err != nil {
		p.Client.Close()
		return nil, err
	}
	p.Client.SetDeadline(deadline)
	p.Server.SetDeadline(deadline)
	return p, nil
}

// Close closes both ends.
func (p *TCPPair) Close() {
	p.Client.Close()
	p.Server.Close()
}

// SendTCP sends size bytes over a new connection from src to dst, in writes of
// at most 64 KiB, and returns when they have all been read and both ends have
// been closed.
func SendTCP(src, dst *Namespace, f Family, size int64) error {
	p, err := NewTCPPair(src, dst, f)
	if err != nil {
		return err
	}
	defer p.Close()
	sent := make(chan error, 1)
	go func() {
		sent <- write(p.Client, size)
	}()
	got, err := io.Copy(io.Discard, onlyReader{p.Server})
	if err != nil {
		return fmt.Errorf("receive %d bytes: %w", size, err)
	}
	if err := <-sent; err != nil {
		return fmt.Errorf("send %d bytes: %w", size, err)
	}
	if got != size {
		return fmt.Errorf("received %d bytes, want %d", got, size)
	}
	return nil
}

// onlyReader hides TCPConn.WriteTo, which would splice: spliced data never
// passes recvmsg, where the socket layer is measured.
type onlyReader struct{ io.Reader }

// write writes size bytes, then sends the end of file.
func write(conn *net.TCPConn, size int64) error {
	chunk := make([]byte, 64<<10)
	for left := size; left > 0; {
		n, err := conn.Write(chunk[:min(left, int64(len(chunk)))])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	return conn.CloseWrite()
}
