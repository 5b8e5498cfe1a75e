//go:build linux

package testnet

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes of headers, and where they begin in a frame.
const (
	EthernetHeader = 14
	IPv4Header     = 20
	IPv6Header     = 40
)

// A Frame is an Ethernet frame with a transport header and payload. Its zero fields
// are for [Namespace.FrameTo] to fill.
type Frame struct {
	SourceMAC, DestinationMAC net.HardwareAddr
	Source, Destination       netip.AddrPort
	// Protocol is an IPPROTO_ number; TCP and UDP get a header, others the payload.
	Protocol byte
	// Hops is the TTL or the hop limit.
	Hops byte
	// DontFragment is the flag of IPv4.
	DontFragment bool
	// Flags, Sequence and Acknowledgement are those of TCP.
	Flags                     byte
	Sequence, Acknowledgement uint32
	Payload                   []byte
}

// Flags of TCP.
const (
	FIN = 0x01
	SYN = 0x02
	RST = 0x04
	ACK = 0x10
)

// FrameTo returns a UDP frame from the device of ns to an address behind the device
// of peer.
func (ns *Namespace) FrameTo(t testing.TB, peer *Namespace, to netip.AddrPort) Frame {
	t.Helper()
	f := IPv6
	if to.Addr().Is4() {
		f = IPv4
	}
	return Frame{
		SourceMAC:      ns.link(t, ns.Device).Attrs().HardwareAddr,
		DestinationMAC: peer.link(t, peer.Device).Attrs().HardwareAddr,
		Source:         netip.AddrPortFrom(ns.Addr(f), 40_000),
		Destination:    to,
		Protocol:       unix.IPPROTO_UDP,
		Hops:           64,
		Payload:        []byte("packetscope"),
	}
}

// Bytes returns the frame as it is on the wire, with right lengths and checksums.
func (f Frame) Bytes() []byte {
	frame := append(append([]byte{}, f.DestinationMAC...), f.SourceMAC...)
	upper := f.upper()
	if f.Destination.Addr().Is4() {
		frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_IP)
		return append(append(frame, f.ipv4(len(upper))...), upper...)
	}
	frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_IPV6)
	return append(append(frame, f.ipv6(len(upper))...), upper...)
}

func (f Frame) ipv4(size int) []byte {
	h := make([]byte, IPv4Header)
	h[0], h[8], h[9] = 0x45, f.Hops, f.Protocol
	binary.BigEndian.PutUint16(h[2:], uint16(IPv4Header+size))
	if f.DontFragment {
		h[6] = 0x40
	}
	copy(h[12:], f.Source.Addr().AsSlice())
	copy(h[16:], f.Destination.Addr().AsSlice())
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	return h
}

func (f Frame) ipv6(size int) []byte {
	h := make([]byte, IPv6Header)
	h[0], h[6], h[7] = 0x60, f.Protocol, f.Hops
	binary.BigEndian.PutUint16(h[4:], uint16(size))
	copy(h[8:], f.Source.Addr().AsSlice())
	copy(h[24:], f.Destination.Addr().AsSlice())
	return h
}

// upper returns the transport header and the payload.
func (f Frame) upper() []byte {
	var h []byte
	at := 0 // of the checksum
	switch f.Protocol {
	case unix.IPPROTO_UDP:
		h, at = make([]byte, 8), 6
		binary.BigEndian.PutUint16(h[4:], uint16(len(h)+len(f.Payload)))
	case unix.IPPROTO_TCP:
		h, at = make([]byte, 20), 16
		binary.BigEndian.PutUint32(h[4:], f.Sequence)
		binary.BigEndian.PutUint32(h[8:], f.Acknowledgement)
		h[12], h[13] = 5<<4, f.Flags
		binary.BigEndian.PutUint16(h[14:], 65_535)
	default:
		return f.Payload
	}
	binary.BigEndian.PutUint16(h, f.Source.Port())
	binary.BigEndian.PutUint16(h[2:], f.Destination.Port())
	upper := append(h, f.Payload...)
	pseudo := append(f.Source.Addr().AsSlice(), f.Destination.Addr().AsSlice()...)
	pseudo = append(pseudo, 0, f.Protocol, byte(len(upper)>>8), byte(len(upper)))
	binary.BigEndian.PutUint16(upper[at:], checksum(append(pseudo, upper...)))
	return upper
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for i, x := range b {
		if i%2 == 0 {
			sum += uint32(x) << 8
		} else {
			sum += uint32(x)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// A Wire is a packet socket on the device of a namespace.
type Wire struct {
	fd    int
	index int
}

// wireBuffer is the size of a wire's queue in bytes: some 10,000 small frames.
const wireBuffer = 8 << 20

// Wire opens the device of ns. It sees all frames that arrive there.
func (ns *Namespace) Wire(t testing.TB) *Wire {
	t.Helper()
	w := &Wire{index: ns.link(t, ns.Device).Attrs().Index}
	all := int(binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})) // in network order
	err := ns.do(func() (err error) {
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			return err
		}
		// Of a flood's answers none may be lost before they are read.
		if err := unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, wireBuffer); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: w.index})
	})
	if err != nil {
		t.Fatalf("open packet socket on %q: %v", ns.Device, err)
	}
	t.Cleanup(func() { unix.Close(w.fd) })
	return w
}

// Send sends a frame. It has been handled by the peer when Send returns, as far as
// that happens on arrival.
func (w *Wire) Send(frame []byte) error {
	if err := unix.Sendto(w.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: w.index}); err != nil {
		return fmt.Errorf("send frame: %w", err)
	}
	return nil
}

// Receive returns the next frame that fits.
func (w *Wire) Receive(fits func(frame []byte) bool) ([]byte, error) {
	wait := unix.NsecToTimeval(int64(patience()))
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return nil, err
	}
	buffer := make([]byte, 2048)
	for deadline := time.Now().Add(patience()); time.Now().Before(deadline); {
		n, _, err := unix.Recvfrom(w.fd, buffer, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("receive frame: %w", err)
		}
		if fits(buffer[:n]) {
			return buffer[:n], nil
		}
	}
	return nil, fmt.Errorf("no such frame in %v", patience())
}
