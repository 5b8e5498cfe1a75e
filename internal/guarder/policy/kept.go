package policy

import (
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A Connection is the two ends of a connection of TCP.
type Connection struct{ Local, Remote netip.AddrPort }

// Kept are connections and peers whose packets rules of the policy stage do not drop.
type Kept struct {
	Connections map[Connection]bool
	Peers       map[netip.Addr]bool
}

// Has tells whether a packet is kept: because it comes from one of the peers, or
// because it belongs to one of the connections. A packet that asks for a new
// connection (SYN without ACK) belongs to none, whatever its ports. Nor do later
// fragments, which have no ports, and ICMP errors about a connection.
//
// It has the shape of [Env.Kept].
func (k *Kept) Has(p *packet.Packet) bool {
	const syn, ack = 0x02, 0x10
	if p.Family == 0 {
		return false
	}
	if k.Peers[p.Source] {
		return true
	}
	if p.Protocol != packet.TCP || !p.HasPorts || p.Flags&(syn|ack) == syn {
		return false
	}
	return k.Connections[ConnectionOf(p)]
}

// ConnectionOf returns the connection that a packet of TCP would be of; the packet comes
// from its remote end.
func ConnectionOf(p *packet.Packet) Connection {
	return Connection{
		Local: netip.AddrPortFrom(p.Destination, p.DestinationPort), Remote: netip.AddrPortFrom(p.Source, p.SourcePort),
	}
}
