//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// What follows does no harm without Guarder: it is about ports where nobody listens and
// addresses that nobody has. None of it waits for an answer, as Guarder may be there
// or not.

// oddFlags sends segments whose flags no state of TCP sends: none, FIN with PSH and
// URG, SYN with FIN.
func oddFlags(r *round) error {
	return r.segments(closedPort, 0, flagFIN|flagPSH|flagURG, flagSYN|flagFIN)
}

// probed are ports that the whole Internet is asked for: Telnet, SMB, SQL Server, RDP.
var probed = []uint16{23, 445, 1433, 3389}

// probes asks for services that should not be reachable from outside.
func probes(r *round) error {
	var faults []error
	for _, port := range probed {
		faults = append(faults, r.segments(port, flagSYN))
	}
	return errors.Join(faults...)
}

// A scan asks for these ports in turn.
const (
	scanFirst = 1000
	scanPorts = 40
)

// portScan asks for many ports.
func portScan(r *round) error {
	var faults []error
	for port := range uint16(scanPorts) {
		faults = append(faults, r.segments(scanFirst+port, flagSYN))
	}
	return errors.Join(faults...)
}

// brokenHeader sends a segment whose header claims to be shorter than a header is.
func brokenHeader(r *round) error {
	local, err := localFor(r.peer)
	if err != nil {
		return err
	}
	return segment{
		from: netip.AddrPortFrom(local, attackPort), to: netip.AddrPortFrom(r.peer, webPort), flags: flagACK, words: 3,
	}.send()
}

// attackPort is where attacks come from, below the ports that the kernel gives to
// connections.
const attackPort = 19_998

// segments sends a segment with each of some flags.
func (r *round) segments(port uint16, flags ...byte) error {
	local, err := localFor(r.peer)
	if err != nil {
		return err
	}
	for _, f := range flags {
		s := segment{from: netip.AddrPortFrom(local, attackPort), to: netip.AddrPortFrom(r.peer, port), flags: f, sequence: uint32(r.n + 1)}
		if err := s.send(); err != nil {
			return err
		}
	}
	return nil
}

// Types of ICMP and ICMPv6 (RFC 792, RFC 4443, RFC 4861).
const (
	icmpUnreachable  = 3
	icmpRedirect     = 5
	icmpTimestamp    = 13
	icmp6TooBig      = 2
	icmp6Redirect    = 137
	icmpFragNeeded   = 4 // a code
	icmpRedirectHost = 1 // a code
)

// forgedTooBig sends an ICMP error about a packet that the server never sent: that an
// echo reply of it was too big, or over IPv6, that some packet was, for a link that is
// smaller than links are.
func forgedTooBig(r *round) error {
	victim, err := r.nobody(2)
	if err != nil {
		return err
	}
	if r.peer.Is4() {
		return r.icmp(icmpUnreachable, icmpFragNeeded, binary.BigEndian.AppendUint32(nil, 600), quoted4(r.peer, victim))
	}
	return r.icmp(icmp6TooBig, 0, binary.BigEndian.AppendUint32(nil, 600), quoted6(r.peer, victim))
}

// redirect asks the server to send what is for an address that nobody has to another
// one that nobody has.
func redirect(r *round) error {
	victim, err := r.nobody(2)
	if err != nil {
		return err
	}
	gateway, err := r.nobody(3)
	if err != nil {
		return err
	}
	if r.peer.Is4() {
		return r.icmp(icmpRedirect, icmpRedirectHost, gateway.AsSlice(), quoted4(r.peer, victim))
	}
	return r.icmp(icmp6Redirect, 0, make([]byte, 4), append(gateway.AsSlice(), victim.AsSlice()...))
}

// clock asks for the time of the server, which tells an attacker about it.
func clock(r *round) error {
	server, ok := r.of(true)
	if !ok {
		return errors.New("the server has no IPv4 address")
	}
	asking := *r
	asking.peer = server
	return asking.icmp(icmpTimestamp, 0, []byte{0x23, 0x42, 0, 1}, make([]byte, 12))
}

// nobody returns an address of the network that nobody has.
func (r *round) nobody(n byte) (netip.Addr, error) {
	device, err := deviceTo(r.peer)
	if err != nil {
		return netip.Addr{}, err
	}
	return unused(device.prefix, n)
}

// icmp sends a message: its type and code, the four bytes behind the checksum, and what
// follows. It needs CAP_NET_RAW; of ICMPv6 the kernel computes the checksum.
func (r *round) icmp(kind, code byte, rest, body []byte) error {
	message := append([]byte{kind, code, 0, 0}, rest...)
	message = append(message, body...)
	network := "ip6:ipv6-icmp"
	if r.peer.Is4() {
		network = "ip4:icmp"
		binary.BigEndian.PutUint16(message[2:], sum16(message))
	}
	conn, err := net.DialIP(network, nil, &net.IPAddr{IP: r.peer.AsSlice()})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write(message)
	return err
}

// quoted4 is the beginning of an echo reply of 1,500 bytes with "don't fragment".
func quoted4(from, to netip.Addr) []byte {
	header := []byte{0x45, 0, 1500 >> 8, 1500 & 0xff, 0x12, 0x34, 0x40, 0, 64, unix.IPPROTO_ICMP, 0, 0}
	header = append(append(header, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(header[10:], sum16(header))
	return append(header, 0, 0, 0, 0, 0x12, 0x34, 0, 1)
}

// quoted6 is the beginning of a datagram of 1,500 bytes.
func quoted6(from, to netip.Addr) []byte {
	const length = 1500 - 40
	header := []byte{0x60, 0, 0, 0, length >> 8, length & 0xff, unix.IPPROTO_UDP, 64}
	header = append(append(header, from.AsSlice()...), to.AsSlice()...)
	return append(header, 0x12, 0x34, 0x14, 0xe9, length>>8, length&0xff, 0, 0)
}
