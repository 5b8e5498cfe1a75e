package stack

import "strconv"

// A Layer is a station that a packet passes on its way between the wire and an
// application.
//
// On receive the order is Link, Network, Transport, Socket. On transmit it is
// Socket, Transport, Network, Qdisc, Driver.
type Layer uint8

// The layers, in the order of the C enum in bpf/include/abi.h.
const (
	Link Layer = iota
	Network
	Transport
	Socket
	Qdisc
	Driver
)

// Layers lists every layer.
var Layers = []Layer{Link, Network, Transport, Socket, Qdisc, Driver}

var layerNames = []string{"link", "network", "transport", "socket", "qdisc", "driver"}

// String returns the label value, such as "network".
func (l Layer) String() string { return nameOf(layerNames, int(l)) }

// A Direction tells which way a packet travels, seen from this host.
type Direction uint8

// The directions, in the order of the C enum in bpf/include/abi.h.
const (
	Receive Direction = iota
	Transmit
	Forward
)

// Directions lists every direction.
var Directions = []Direction{Receive, Transmit, Forward}

var directionNames = []string{"receive", "transmit", "forward"}

// String returns the label value, such as "receive".
func (d Direction) String() string { return nameOf(directionNames, int(d)) }

// A Kind is the network-layer family of a packet together with the protocol it
// carries. The two are one number in the kernel because most pairs of family
// and protocol cannot occur.
type Kind uint8

// The kinds, in the order of the C enum in bpf/include/abi.h.
const (
	TCP4 Kind = iota
	UDP4
	ICMP4
	SCTP4
	Other4
	TCP6
	UDP6
	ICMP6
	SCTP6
	Other6
	NonIP
)

// Kinds lists every kind.
var Kinds = []Kind{TCP4, UDP4, ICMP4, SCTP4, Other4, TCP6, UDP6, ICMP6, SCTP6, Other6, NonIP}

var kindFamilies = []string{"ipv4", "ipv4", "ipv4", "ipv4", "ipv4", "ipv6", "ipv6", "ipv6", "ipv6", "ipv6", "other"}

var kindProtocols = []string{"tcp", "udp", "icmp", "sctp", "other", "tcp", "udp", "icmpv6", "sctp", "other", "other"}

// Family returns the label value "ipv4", "ipv6" or "other".
func (k Kind) Family() string { return nameOf(kindFamilies, int(k)) }

// Protocol returns the label value: "tcp", "udp", "icmp", "icmpv6", "sctp" or
// "other".
func (k Kind) Protocol() string { return nameOf(kindProtocols, int(k)) }

// A DeviceClass tells real network cards from the devices that exist only in
// software.
type DeviceClass uint8

// The device classes, in the order of the C enum in bpf/include/abi.h.
const (
	// NoDevice marks the socket layer, where no device is known.
	NoDevice DeviceClass = iota
	// Physical devices hang on a bus: PCI, virtio, USB, platform.
	Physical
	// Virtual devices have no bus parent: veth, bridge, bond, VLAN, tunnel, tun.
	Virtual
	// Loopback is the device with IFF_LOOPBACK.
	Loopback
)

// DeviceClasses lists every device class.
var DeviceClasses = []DeviceClass{NoDevice, Physical, Virtual, Loopback}

var deviceClassNames = []string{"none", "physical", "virtual", "loopback"}

// String returns the label value, such as "physical".
func (c DeviceClass) String() string { return nameOf(deviceClassNames, int(c)) }

// A Cause tells why a packet that entered one layer was not seen to reach the
// next one, or reached a layer without having been seen in the one before.
type Cause uint8

// The causes, in the order of the C enum in bpf/include/abi.h.
const (
	// Dropped packets were freed by the kernel as a drop (tracepoint kfree_skb).
	Dropped Cause = iota
	// Departed packets left the layer and their place in the stamp cache was
	// needed for another packet: they were consumed inside the layer, handed to
	// a layer that is not probed, or crowded out.
	Departed
	// Missed packets reached a layer with no stamp from the one before: another
	// CPU took over, the packet was made in between (a segment, a fragment, a
	// clone), or its stamp was crowded out.
	Missed
	// Stale stamps are older than any plausible wait; their pointer was reused.
	Stale
	// Clock marks a stamp from the future.
	Clock
)

// Causes lists every cause.
var Causes = []Cause{Dropped, Departed, Missed, Stale, Clock}

var causeNames = []string{"dropped", "departed", "missed", "stale", "clock"}

// String returns the label value, such as "missed".
func (c Cause) String() string { return nameOf(causeNames, int(c)) }

// nameOf returns names[i], or a value that keeps an unknown code visible.
func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown_" + strconv.Itoa(i)
}
