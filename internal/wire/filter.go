package wire

// Ports is a range of source ports, or of identifiers of ICMP, with both ends. The zero
// value is none: there is no port 0.
type Ports struct {
	First, Last uint16
}

// A Filter says which probes are sent. From it come the programs that let into a
// receiving socket only what can be their answers.
//
// Raw sockets of ICMP and TCP are given a copy of what the whole host receives. A
// program in the socket drops the rest before it is copied and wakes anybody.
type Filter struct {
	ICMP, UDP, TCP Ports
}
