//go:build kernel && linux

package compile

import (
	"net"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A repairWindow is struct tcp_repair_window of linux/tcp.h.
type repairWindow struct{ sendLast, send, most, receive, receiveAcked uint32 }

// A repair reads and writes the numbers of a connection, until it is closed.
type repair struct {
	fd  int
	err error
}

func (r *repair) set(option, value int) {
	if r.err == nil {
		r.err = unix.SetsockoptInt(r.fd, unix.IPPROTO_TCP, option, value)
	}
}

func (r *repair) close() {
	const offQuietly = -1
	r.set(unix.TCP_REPAIR, offQuietly)
}

// number returns where a queue ends.
func (r *repair) number(queue int) uint32 {
	r.set(unix.TCP_REPAIR_QUEUE, queue)
	n, err := unix.GetsockoptInt(r.fd, unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ)
	if r.err == nil {
		r.err = err
	}
	return uint32(n)
}

func (r *repair) window() (w repairWindow) {
	size := uint32(unsafe.Sizeof(w))
	if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(r.fd), unix.IPPROTO_TCP, unix.TCP_REPAIR_WINDOW,
		uintptr(unsafe.Pointer(&w)), uintptr(unsafe.Pointer(&size)), 0); errno != 0 && r.err == nil {
		r.err = errno
	}
	return w
}

func (r *repair) setWindow(w repairWindow) {
	if _, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(r.fd), unix.IPPROTO_TCP, unix.TCP_REPAIR_WINDOW,
		uintptr(unsafe.Pointer(&w)), unsafe.Sizeof(w), 0); errno != 0 && r.err == nil {
		r.err = errno
	}
}

// endpoint reads the numbers of a connection, all of which was sent.
func endpoint(fd int) (e policy.Endpoint, err error) {
	const receives, sends = 1, 2
	r := repair{fd: fd}
	r.set(unix.TCP_REPAIR, 1)
	e.SendNext, e.ReceiveNext = r.number(sends), r.number(receives)
	w := r.window()
	e.ReceiveWindow, e.ReceiveAcked = w.receive, w.receiveAcked
	r.close()
	return e, r.err
}

// bend has a connection believe that it acknowledged so many bytes less, and told a
// window.
func bend(t *testing.T, conn *net.TCPConn, less, window uint32) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		r := repair{fd: int(fd)}
		r.set(unix.TCP_REPAIR, 1)
		w := r.window()
		w.receiveAcked, w.receive, w.sendLast = w.receiveAcked-less, window, w.receiveAcked-less
		r.setWindow(w)
		r.close()
		err = r.err
	})
	if err != nil {
		t.Fatalf("bend a window: %v", err)
	}
}
