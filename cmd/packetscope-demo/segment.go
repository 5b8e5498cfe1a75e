//go:build linux

package main

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Flags of a TCP header (RFC 9293, section 3.1).
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagPSH = 0x08
	flagACK = 0x10
	flagURG = 0x20
)

// tcpHeader is the length of a TCP header without options.
const tcpHeader = 20

// A segment is a TCP segment without data that no kernel would send.
type segment struct {
	from, to netip.AddrPort
	flags    byte
	sequence uint32
	// damaged is whether its checksum is wrong.
	damaged bool
	// words is the length that the header claims, in words of 4 bytes; 0 is the right
	// one.
	words byte
}

// bytes returns the TCP header.
func (s segment) bytes() []byte {
	h := make([]byte, tcpHeader)
	binary.BigEndian.PutUint16(h[0:], s.from.Port())
	binary.BigEndian.PutUint16(h[2:], s.to.Port())
	binary.BigEndian.PutUint32(h[4:], s.sequence)
	words := s.words
	if words == 0 {
		words = tcpHeader / 4
	}
	h[12], h[13] = words<<4, s.flags
	binary.BigEndian.PutUint16(h[14:], 0xffff) // the window
	sum := s.checksum(h)
	if s.damaged {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(h[16:], sum)
	return h
}

// checksum returns that over the header and what it covers of IP: the addresses, the
// protocol and the length.
func (s segment) checksum(header []byte) uint16 {
	covered := append(s.from.Addr().AsSlice(), s.to.Addr().AsSlice()...)
	covered = append(covered, 0, unix.IPPROTO_TCP, 0, byte(len(header)))
	return sum16(append(covered, header...))
}

// sum16 returns the checksum of RFC 1071 over an even number of bytes.
func sum16(data []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// send needs CAP_NET_RAW; the kernel adds the IP header.
func (s segment) send() error {
	network := "ip4:tcp"
	if s.to.Addr().Is6() {
		network = "ip6:tcp"
	}
	conn, err := net.DialIP(network, &net.IPAddr{IP: s.from.Addr().AsSlice()}, &net.IPAddr{IP: s.to.Addr().AsSlice()})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write(s.bytes())
	return err
}

// plain returns an IPv4 address as such, also if it came as one of IPv6.
func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
