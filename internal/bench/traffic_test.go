//go:build bench

package bench

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

const (
	// background is how long the other end waits before it looks whether it is to
	// stop, which adds to every load at worst.
	background = 50 * time.Millisecond
	// stalled is longer than any retransmission on a machine that is busy with
	// other things.
	stalled = 20 * time.Second
)

// udpLoad sends 64-byte datagrams as fast as one thread can, while another reads
// them. The sender's CPU does all the work up to the receiver's socket.
func udpLoad(t *testing.T, n *testnet.Net, d time.Duration) work {
	p, err := testnet.NewUDPPair(n.Left, n.Right, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, in := blocking(t, p.Sender, stalled), blocking(t, p.Receiver, background)
	defer unix.Close(out)
	defer unix.Close(in)
	buffer, payload := make([]byte, 128), make([]byte, 64)
	defer inBackground(func() { read(in, buffer) })()

	w, err := repeat(d, func() error { return write(out, payload) })
	if err != nil {
		t.Fatal("send datagram:", err)
	}
	return w
}

// rrLoad sends one byte back and forth over one TCP connection.
func rrLoad(t *testing.T, n *testnet.Net, d time.Duration) work {
	p, err := testnet.NewTCPPair(n.Left, n.Right, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	client, server := blocking(t, p.Client, stalled), blocking(t, p.Server, background)
	defer unix.Close(client)
	defer unix.Close(server)
	there, here := make([]byte, 1), make([]byte, 1)
	defer inBackground(func() {
		if read(server, there) == nil {
			write(server, there)
		}
	})()

	w, err := repeat(d, func() error {
		if err := write(client, here); err != nil {
			return err
		}
		return read(client, here)
	})
	if err != nil {
		t.Fatal("request and response:", err)
	}
	return w
}

// read reads once. A socket with a time-out is interrupted by signals even where
// they restart other system calls, and Go's scheduler sends them.
func read(fd int, buffer []byte) error {
	for {
		n, err := unix.Read(fd, buffer)
		if !errors.Is(err, unix.EINTR) {
			if err == nil && n == 0 {
				err = errors.New("the other end closed")
			}
			return err
		}
	}
}

// write writes all of a short buffer.
func write(fd int, buffer []byte) error {
	for {
		n, err := unix.Write(fd, buffer)
		if !errors.Is(err, unix.EINTR) {
			if err == nil && n < len(buffer) {
				err = fmt.Errorf("wrote %d of %d bytes", n, len(buffer))
			}
			return err
		}
	}
}

// blocking returns a copy of the socket that system calls block on, for at most
// the timeout: Go's poller would cost as much as the packet. The caller closes it.
func blocking(t *testing.T, c syscall.Conn, timeout time.Duration) int {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	fd, failed := -1, error(nil)
	err = raw.Control(func(original uintptr) { fd, failed = unix.Dup(int(original)) })
	if err := errors.Join(err, failed); err != nil {
		t.Fatal("copy socket:", err)
	}
	// The mode is shared with the original, which is not used any more.
	limit := unix.NsecToTimeval(int64(timeout))
	if err := errors.Join(
		unix.SetNonblock(fd, false),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
	); err != nil {
		t.Fatal("make socket blocking:", err)
	}
	return fd
}
