package wire

import "net/netip"

// Bounds of what is kept of an error's extensions, which come from anybody.
const (
	MaxObjects    = 16 // objects that are looked at
	MaxLabels     = 16 // entries of MPLS label stacks
	MaxObjectSize = 64 // bytes that are kept of an object of unknown class
)

// Extensions are what a router tells of itself in an ICMP error (RFC 4884).
type Extensions struct {
	// MPLS is the label stack that the probe arrived with, the top first (RFC 4950).
	MPLS []Label
	// Interfaces are those that the probe came through or was to leave by (RFC 5837).
	Interfaces []Interface
	// Others are objects of classes not known here.
	Others []Object
	// Malformed tells that there was more that could not be read or was too much. What
	// was read before is kept.
	Malformed bool
}

// A Label is an entry of an MPLS label stack (RFC 3032).
type Label struct {
	Value uint32 // 20 bits
	// Class is the traffic class, once EXP (RFC 5462).
	Class uint8
	// Bottom tells that it is the last of its stack.
	Bottom bool
	TTL    uint8
}

// Role is what an interface has to do with the probe (RFC 5837 section 4.1).
type Role uint8

// The roles, as numbered on the wire.
const (
	// Incoming is the interface of IP that the probe came in by.
	Incoming Role = iota
	// Component is the part of Incoming that it came in by, such as a port of a bundle.
	Component
	// Outgoing is where it would have left.
	Outgoing
	// NextHop is an address: where it would have gone.
	NextHop
)

// An Interface is one of a router, by any of its names. Fields that the router does
// not tell are zero.
type Interface struct {
	Role    Role
	Index   uint32
	Address netip.Addr
	// Name is cleaned to valid UTF-8 without control characters, of up to 63 bytes.
	Name string
	MTU  uint32 // bytes
}

// An Object is one of a class that is not known here.
type Object struct {
	Class, Type uint8
	// Payload is cut at MaxObjectSize bytes.
	Payload []byte
}
