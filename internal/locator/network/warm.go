//go:build linux

package network

import (
	"time"

	"golang.org/x/sys/unix"
)

// warmup bounds how long it is waited for the stamps of received packets.
const warmup = time.Second

// warm waits until packets that arrive are stamped. The first socket that asks for it
// has the kernel change its own code, some time later (net_enable_timestamp, in
// net/core/dev.c); answers that come before would be taken for as late as they are read.
// Where loopback is down this cannot be seen, and such answers are counted in [Stats].
func warm() {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if option(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, stampsReceived) != nil ||
		unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}) != nil {
		return
	}
	self, err := unix.Getsockname(fd)
	if err != nil {
		return
	}
	b := newBatch()
	for begin := time.Now(); time.Since(begin) < warmup; time.Sleep(time.Millisecond) {
		if unix.Sendto(fd, []byte{0}, 0, self) != nil {
			return
		}
		for n := b.receive(fd, 0); n > 0; n-- {
			if !b.control(n - 1).stamp.IsZero() {
				return
			}
		}
	}
}
