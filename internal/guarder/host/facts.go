package host

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/kernel"
)

// A Fact is a kind of knowledge, as a key of [Facts.Unknown].
type Fact string

// The facts that can be missing.
const (
	Devices    Fact = "devices"
	Addresses  Fact = "addresses"
	Gateways   Fact = "gateways"
	Resolvers  Fact = "resolvers"
	TCPSockets Fact = "tcp sockets"
	UDPSockets Fact = "udp sockets"
	LocalPorts Fact = "local ports"
	Operator   Fact = "operator"
	Forwarding Fact = "forwarding"
	Nftables   Fact = "nftables"
	Iptables   Fact = "iptables"
	IPVS       Fact = "ipvs"
	Kernel     Fact = "kernel"
	Cookies    Fact = "syn cookies"
	XDP        Fact = "xdp"    // of a device
	Driver     Fact = "driver" // of a device
	RxVLAN     Fact = "rxvlan" // of a device
	LRO        Fact = "lro"    // of a device
)

// Facts are what is known of a host, in the network namespace of the thread that
// read them.
type Facts struct {
	// Kernel is the release, as uname -r prints it.
	Kernel    string
	Devices   []Device  // by index
	Addresses []Address // by device, as the kernel lists them
	Gateways  []Gateway // of the default routes
	// Resolvers are the name servers of /etc/resolv.conf, and those that the service asks
	// that it may name on a loopback address.
	Resolvers []netip.Addr
	Sockets   []Socket
	// FirstPort and LastPort are the range of ports that the kernel gives to the end
	// that connects.
	FirstPort, LastPort uint16
	// Operator are the connections of whoever runs this program: one, or none if
	// the program was not started over SSH.
	Operator []Connection
	// Abilities are what [Facts.Probe] returned; Read leaves them out, as it takes loading
	// programs.
	Abilities []kernel.Fact
	// Detours are why sockets do not tell everything.
	Detours []Detour
	// Conntrack tells that programs can ask the kernel's connection tracking for the
	// connections that sockets do not tell (bpf_xdp_ct_lookup, Linux 5.18).
	Conntrack bool
	// NoCookies tells that the kernel neither makes nor takes SYN cookies.
	NoCookies bool
	// Unknown says of each fact that could not be read why. What is known of it in
	// part is kept.
	Unknown map[Fact]string
}

// A Device is a network device.
type Device struct {
	Index int
	Name  string
	// Kind is that of the kernel, such as "veth" or "vlan"; "device" for hardware.
	Kind   string
	Driver string // by ethtool; empty if the device has none
	MTU    int    // bytes
	MAC    [6]byte
	Up     bool
	// Loopback is true of lo.
	Loopback bool
	// VLAN is the identifier of a VLAN device, and Parent the device that it is on;
	// both 0 for others. Parent is 0 too if it is in another network namespace.
	VLAN   uint16
	Parent int
	// Master is the index of the bridge, bond, team or VRF that the device is a port
	// of, and MasterKind says which; 0 and "" if it is no port.
	Master     int
	MasterKind string
	// XDP is the program that is attached, or nil.
	XDP *Program
	// RxVLAN: the card takes the outer VLAN tag off before XDP sees the frame.
	RxVLAN bool
	// LRO: the card joins packets, which native XDP refuses.
	LRO     bool
	Unknown map[Fact]string
}

// A Program is an XDP program on a device.
type Program struct {
	ID   uint32
	Name string // empty if it may not be read
	// Mode is "native", "generic", "offload", or "multi" for several at once.
	Mode string
}

// An Address is one of the host's own.
type Address struct {
	Prefix netip.Prefix // the address with the length of its network
	Device int
	// Leased: the address ends by itself, as those from DHCP and from router
	// advertisements do.
	Leased bool
}

// A Gateway is the next hop of a default route.
type Gateway struct {
	Addr   netip.Addr
	Device int
	// MAC is that of the neighbour table; Resolved is false if it has none.
	MAC      [6]byte
	Resolved bool
}

// A Socket is one of TCP or UDP.
type Socket struct {
	Protocol uint8 // packet.TCP or packet.UDP
	// Local and Remote; an unconnected socket has remote port 0.
	Local, Remote netip.AddrPort
	State         State
	Inode         uint32
	// Device is the index of the device that the socket is bound to, 0 if it is to none.
	Device int
}

// A State is what a socket can receive.
type State uint8

// The states. Unconnected sockets of UDP listen.
const (
	Listening State = iota
	Established
	Opening // SYN sent or received
	Closing // everything after: FIN, TIME_WAIT
)

// A Connection is the two ends of a connection of TCP.
type Connection struct{ Local, Remote netip.AddrPort }

// A Detour is a way on which packets are wanted here that no socket of this
// network namespace waits for.
type Detour struct {
	Kind DetourKind
	Text string // a clause such as "ip_forward is on"
}

// A DetourKind tells detours apart.
type DetourKind string

// The kinds.
const (
	DetourForwarding DetourKind = "forwarding"
	DetourNAT        DetourKind = "nat"
	DetourIPVS       DetourKind = "ipvs"
	DetourTProxy     DetourKind = "tproxy"
)

// Device returns a device by its index.
func (f *Facts) Device(index int) (Device, bool) {
	i := slices.IndexFunc(f.Devices, func(d Device) bool { return d.Index == index })
	if i < 0 {
		return Device{}, false
	}
	return f.Devices[i], true
}

// Named returns a device by its name.
func (f *Facts) Named(name string) (Device, bool) {
	i := slices.IndexFunc(f.Devices, func(d Device) bool { return d.Name == name })
	if i < 0 {
		return Device{}, false
	}
	return f.Devices[i], true
}

// Owns tells whether an address is one of this host's. It has the shape of
// policy.Env.Own.
func (f *Facts) Owns(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(f.Addresses, func(own Address) bool { return own.Prefix.Addr() == a })
}

// miss notes that a fact could not be read, each reason once.
func miss(unknown *map[Fact]string, fact Fact, why string) {
	if *unknown == nil {
		*unknown = make(map[Fact]string)
	}
	before := (*unknown)[fact]
	switch {
	case before == "":
		(*unknown)[fact] = why
	case !strings.Contains(before, why): // a process and its parent mostly fail alike
		(*unknown)[fact] = before + "; " + why
	}
}
