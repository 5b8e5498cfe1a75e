//go:build linux

package network

import "golang.org/x/sys/unix"

// stampsSent are the stamps of packets that are sent, without the packet, by number.
const stampsSent = unix.SOF_TIMESTAMPING_TX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE |
	unix.SOF_TIMESTAMPING_OPT_ID | unix.SOF_TIMESTAMPING_OPT_TSONLY

// maxStamps is how many packets may wait for their stamp. They have it when they leave
// the queue of the device, mostly at once; it is a power of two.
const maxStamps = 1024

// stamps finds the flights whose packets a socket has sent. The kernel numbers the packets
// of a socket and puts the number and the time that a packet was given to the device
// into the socket's error queue (linux/Documentation/networking/timestamping.rst).
type stamps struct {
	also    int // further flags
	next    uint32
	flights [maxStamps]*flight // by number
}

// start has packets numbered from 0 on.
func (s *stamps) start(fd int) error {
	s.next = 0
	clear(s.flights[:])
	return option(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, stampsSent|s.also)
}

// restart begins anew after a packet was not sent: whether that took a number depends on
// where it failed, and on the kernel.
func (s *stamps) restart(fd int, b *batch) {
	s.read(fd, b)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, 0)
	_ = s.start(fd)
}

// expect says that a flight's packet was sent as the next one.
func (s *stamps) expect(f *flight) {
	f.stamp = s.next
	s.flights[s.next%maxStamps] = f
	s.next++
}

// read takes what is in the error queue.
func (s *stamps) read(fd int, b *batch) {
	b.each(fd, unix.MSG_ERRQUEUE, func(i int) { s.take(b.control(i)) })
}

// take notes the time of a packet. It reports whether that is what the control is about.
func (s *stamps) take(c control) bool {
	if c.err.Origin != unix.SO_EE_ORIGIN_TIMESTAMPING {
		return false
	}
	f := s.flights[c.err.Data%maxStamps]
	if f != nil && f.stamp == c.err.Data {
		f.tx = c.stamp
		s.flights[c.err.Data%maxStamps] = nil
	}
	return true
}
