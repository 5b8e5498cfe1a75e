//go:build linux

package testnet

import (
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lateMark is the mark of packets that were late already.
const lateMark = 0x1a7e

// A Shuffling makes packets late that leave a device, so that others overtake them. It does so on
// each kernel, where [Router.Disturb] needs netem.
type Shuffling struct {
	// Share and Duplicate are random shares in percent: of packets that are late, and of those
	// that come twice, of the late ones.
	Share, Duplicate int
	Late             time.Duration
}

// Shuffle makes packets late that leave by the router's devices which face a direction. It returns
// how to learn how many were. Packets that the kernel would segment later are late as segments, one
// behind the other.
//
// It skips like [NewTun].
func (r *Router) Shuffle(t testing.TB, to Direction, s Shuffling) (late func() uint64) {
	t.Helper()
	hops, name := r.right, "late_right"
	if to == ToHost {
		hops, name = r.left, "late_left"
	}
	n := new(atomic.Uint64)
	for i, h := range hops {
		r.shuffle(t, h.device, name+string(rune('0'+i)), s, n)
	}
	return n.Load
}

// shuffle has traffic control hand packets to a TAP device, from which they are sent again
// some time later.
func (ns *Namespace) shuffle(t testing.TB, device, detour string, s Shuffling, late *atomic.Uint64) {
	t.Helper()
	again := ns.marked(t, device, lateMark)
	tap := ns.openTap(t, detour)
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			frame := make([]byte, 2048)
			size, err := tap.Read(frame)
			if err != nil {
				return // it is closed
			}
			late.Add(1)
			twice := rand.IntN(100) < s.Duplicate
			sending.Add(1)
			time.AfterFunc(s.Late, func() {
				defer sending.Done()
				again(frame[:size])
				if twice {
					again(frame[:size])
				}
			})
		}
	})
	t.Cleanup(func() { // before the socket is closed
		tap.Close()
		sending.Wait()
	})
	const skbMark = 8 // of struct __sk_buff in include/uapi/linux/bpf.h
	ns.addClsact(t, device)
	ns.filter(t, device, netlink.HANDLE_MIN_EGRESS, asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, skbMark, asm.Word),
		asm.JEq.Imm(asm.R2, lateMark, "on"),
		asm.FnGetPrandomU32.Call(),
		asm.Mod.Imm32(asm.R0, 100),
		asm.JGE.Imm(asm.R0, int32(s.Share), "on"),
		asm.Mov.Imm(asm.R1, int32(ns.link(t, detour).Attrs().Index)),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return(),
		asm.Mov.Imm(asm.R0, actOK).WithSymbol("on"),
		asm.Return(),
	})
}

// openTap makes a TAP device whose other end is a file.
func (ns *Namespace) openTap(t testing.TB, name string) (tap *os.File) {
	t.Helper()
	needTun(t)
	var err error
	ns.Do(t, func() { tap, err = openTun(name, unix.IFF_TAP) })
	if err != nil {
		t.Fatalf("make TAP device %q: %v", name, err)
	}
	ns.silence(t, name)
	ns.up(t, name)
	return tap
}

// marked returns how to send frames by a device, which have a mark.
func (ns *Namespace) marked(t testing.TB, device string, mark int) func(frame []byte) {
	t.Helper()
	index := ns.link(t, device).Attrs().Index
	fd := -1
	err := ns.do(func() (err error) {
		// Of no protocol, so that it receives nothing.
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, mark)
	})
	if err != nil {
		t.Fatalf("open packet socket on %q: %v", device, err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	// What cannot be sent is lost, as on any wire.
	return func(frame []byte) { _ = unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index}) }
}
