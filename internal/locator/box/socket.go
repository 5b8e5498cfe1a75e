package box

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/net/bpf"

	"github.com/packetscope/packetscope/internal/wire"
)

// errUnheard: the kernel, or the filter of a socket, drops the packet.
var errUnheard = errors.New("no socket is given the packet")

// sockets are raw sockets with their filters, without a kernel.
type sockets struct {
	icmp4, icmp6, tcp4, tcp6 *bpf.VM
}

func openSockets(ports wire.Ports) (s sockets, err error) {
	f := wire.Filter{ICMP: ports, UDP: ports, TCP: ports}
	for _, of := range []struct {
		vm      **bpf.VM
		program func() ([]bpf.RawInstruction, error)
	}{{&s.icmp4, f.ICMPv4}, {&s.icmp6, f.ICMPv6}, {&s.tcp4, f.TCPv4}, {&s.tcp6, f.TCPv6}} {
		raw, err := of.program()
		if err != nil {
			return s, err
		}
		program, _ := bpf.Disassemble(raw)
		if *of.vm, err = bpf.NewVM(program); err != nil {
			return s, fmt.Errorf("load filter: %w", err)
		}
	}
	return s, nil
}

// read reads an answer from a packet that arrives. The error is errUnheard, or that of
// a parser.
func (s *sockets) read(b []byte) (wire.Reply, error) {
	p := packet(b)
	switch {
	case len(p) >= headerV4 && p[0]>>4 == 4:
		return s.read4(p)
	case len(p) >= headerV6 && p[0]>>4 == 6:
		return s.read6(p)
	}
	return wire.Reply{}, errUnheard
}

// read4 drops what Linux does before raw sockets are served (ip_rcv_core).
func (s *sockets) read4(p packet) (wire.Reply, error) {
	length := int(binary.BigEndian.Uint16(p[2:]))
	if length > len(p) || length < headerV4 || p[0]&0xf != headerV4/4 || sum(p[:headerV4]) != 0xffff {
		return wire.Reply{}, errUnheard
	}
	p = p[:length]
	vm := s.icmp4
	if p.number() == numberTCP {
		vm = s.tcp4
	} else if p.number() != numberICMP {
		return wire.Reply{}, errUnheard
	}
	if !accepts(vm, p) {
		return wire.Reply{}, errUnheard
	}
	return wire.ParseIPv4(p)
}

// read6 drops what Linux does (ip6_rcv_core), and wrong checksums, which raw sockets of
// ICMPv6 do not get to see (RFC 3542 section 3.1).
func (s *sockets) read6(p packet) (wire.Reply, error) {
	length := int(binary.BigEndian.Uint16(p[4:])) + headerV6
	if length > len(p) {
		return wire.Reply{}, errUnheard
	}
	p = p[:length]
	from := address(p.source())
	switch {
	case p.number() == numberTCP && accepts(s.tcp6, p.body()):
		return wire.ParseTCPv6(p.body(), from, *p.ttl())
	case p.number() == numberICMPv6 && p.transportSum() == 0xffff && accepts(s.icmp6, p.body()):
		return wire.ParseICMPv6(p.body(), from, *p.ttl())
	}
	return wire.Reply{}, errUnheard
}

func accepts(vm *bpf.VM, b []byte) bool {
	n, err := vm.Run(b)
	return err == nil && n > 0
}
