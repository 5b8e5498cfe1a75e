package wire

import "golang.org/x/net/bpf"

// Ports is a range of source ports, or of identifiers of ICMP, with both ends. The zero
// value is none: there is no port 0.
type Ports struct {
	First, Last uint16
}

// A Filter says which probes are sent. From it come the programs that let into a
// receiving socket only what can be their answers.
//
// Raw sockets of ICMP and TCP are given a copy of what the whole host receives. A
// program in the socket drops the rest before it is queued and wakes anybody. What a
// parser would accept, of these ports, passes its program; the converse holds but for
// checksums, damaged headers, and quotes with extension headers of IPv6.
type Filter struct {
	ICMP, UDP, TCP Ports
}

// ICMPv4 is the program of a raw socket of ICMP, which sees the header of IP.
func (f Filter) ICMPv4() ([]bpf.RawInstruction, error) {
	const quote = icmpHeader // from the header of ICMP on, like all offsets from X
	return assemble(
		bpf.LoadMemShift{Off: 0}, // X: where ICMP begins
		bpf.LoadIndirect{Off: 0, Size: 1},
		when(echoReplyV4, "echo", ""),
		when(unreachableV4, "error", ""),
		when(timeExceededV4, "error", ""),
		when(parameterProblemV4, "error", "drop"),

		label("echo"),
		bpf.LoadIndirect{Off: 4, Size: 2},
		f.ICMP.within("mark"),
		label("mark"), // the sequence and its complement
		bpf.LoadIndirect{Off: 6, Size: 2},
		when(0, "drop", ""),
		bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.LoadIndirect{Off: icmpHeader, Size: 2},
		bpf.LoadScratch{Dst: bpf.RegX, N: 0},
		bpf.ALUOpX{Op: bpf.ALUOpXor},
		when(0xffff, "accept", "drop"),

		label("error"),
		bpf.LoadIndirect{Off: quote + 9, Size: 1},
		bpf.StoreScratch{Src: bpf.RegA, N: 0}, // the quoted protocol
		bpf.LoadIndirect{Off: quote, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.TAX{}, // X + quote: where the quoted transport header begins
		bpf.LoadScratch{Dst: bpf.RegA, N: 0},
		when(udpNumber, "udp", ""),
		when(tcpNumber, "tcp", ""),
		when(icmpv4Number, "icmp", "drop"),

		label("udp"),
		bpf.LoadIndirect{Off: quote, Size: 2},
		f.UDP.within("accept"),
		label("tcp"),
		bpf.LoadIndirect{Off: quote, Size: 2},
		f.TCP.within("accept"),
		label("icmp"),
		bpf.LoadIndirect{Off: quote, Size: 2},
		when(echoRequestV4<<8, "", "drop"),
		bpf.LoadIndirect{Off: quote + 4, Size: 2},
		f.ICMP.within("accept"),
	)
}

// ICMPv6 is the program of a raw socket of ICMPv6, which sees no header of IP.
func (f Filter) ICMPv6() ([]bpf.RawInstruction, error) {
	const quote = icmpHeader
	const behind = quote + ipv6Header
	return assemble(
		bpf.LoadAbsolute{Off: 0, Size: 1},
		when(echoReplyV6, "echo", ""),
		when(unreachableV6, "error", ""),
		when(packetTooBigV6, "error", ""),
		when(timeExceededV6, "error", ""),
		when(parameterProblemV6, "error", "drop"),

		label("echo"),
		bpf.LoadAbsolute{Off: 4, Size: 2},
		f.ICMP.within("mark"),
		label("mark"),
		bpf.LoadAbsolute{Off: 6, Size: 2},
		when(0, "drop", ""),
		bpf.TAX{},
		bpf.LoadAbsolute{Off: icmpHeader, Size: 2},
		bpf.ALUOpX{Op: bpf.ALUOpXor},
		when(0xffff, "accept", "drop"),

		label("error"),
		bpf.LoadAbsolute{Off: quote + 6, Size: 1},
		when(udpNumber, "udp", ""),
		when(tcpNumber, "tcp", ""),
		when(icmpv6Number, "icmp", ""),
		// Programs have no loops: the parser walks over extension headers.
		when(headerHopByHop, "accept", ""),
		when(headerRouting, "accept", ""),
		when(headerFragment, "accept", ""),
		when(headerDestination, "accept", "drop"),

		label("udp"),
		bpf.LoadAbsolute{Off: behind, Size: 2},
		f.UDP.within("accept"),
		label("tcp"),
		bpf.LoadAbsolute{Off: behind, Size: 2},
		f.TCP.within("accept"),
		label("icmp"),
		bpf.LoadAbsolute{Off: behind, Size: 2},
		when(echoRequestV6<<8, "", "drop"),
		bpf.LoadAbsolute{Off: behind + 4, Size: 2},
		f.ICMP.within("accept"),
	)
}

// TCPv4 is the program of a raw socket of TCP in IPv4, which sees the header of IP.
func (f Filter) TCPv4() ([]bpf.RawInstruction, error) {
	return f.tcp(bpf.LoadMemShift{Off: 0})
}

// TCPv6 is the program of a raw socket of TCP in IPv6, which sees no header of IP.
func (f Filter) TCPv6() ([]bpf.RawInstruction, error) {
	return f.tcp(bpf.LoadConstant{Dst: bpf.RegX, Val: 0})
}

// tcp lets pass what acknowledges the sequence of a probe; begin sets X to where TCP
// begins.
func (f Filter) tcp(begin bpf.Instruction) ([]bpf.RawInstruction, error) {
	return assemble(
		begin,
		bpf.LoadIndirect{Off: 2, Size: 2},
		f.TCP.within("flags"),
		label("flags"),
		bpf.LoadIndirect{Off: 13, Size: 1},
		branch{bpf.JumpBitsSet, flagACK, "", "drop"},
		branch{bpf.JumpBitsSet, flagSYN | flagRST, "", "drop"},
		bpf.LoadIndirect{Off: 16, Size: 4}, // fails unless the header is whole
		bpf.LoadIndirect{Off: 8, Size: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpSub, Val: 1},
		bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 16},
		when(0, "drop", ""),
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xffff},
		bpf.ALUOpX{Op: bpf.ALUOpXor},
		when(0xffff, "accept", "drop"),
	)
}
