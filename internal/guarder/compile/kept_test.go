package compile

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

func TestKeysAreConnectionsAndPeers(t *testing.T) {
	for _, c := range []policy.Connection{
		{Local: netip.MustParseAddrPort("192.0.2.10:22"), Remote: netip.MustParseAddrPort("198.51.100.7:50000")},
		{Local: netip.MustParseAddrPort("[2001:db8::10]:22"), Remote: netip.MustParseAddrPort("[2001:db8:7::7]:50000")},
	} {
		if got := KeyOf(ConnectionKey(c)); got != c {
			t.Errorf("%v became %v", c, got)
		}
		peer := policy.Connection{Remote: netip.AddrPortFrom(c.Remote.Addr(), 0)}
		if got := KeyOf(PeerKey(c.Remote.Addr())); got != peer {
			t.Errorf("%v became %v", peer, got)
		}
	}
}

// keptOf is what a policy keeps of what there is.
func keptOf(p *policy.Policy, there *policy.Kept) func(*packet.Packet) bool {
	k := policy.Kept{}
	if p.Life.KeepEstablished {
		k.Connections = there.Connections
	}
	if p.Life.ProtectApplier > 0 {
		k.Peers = there.Peers
	}
	return k.Has
}

// keep makes some packets ones of connections and peers that are kept, and returns the
// entry that is new, if any.
func (m maker) keep(there *policy.Kept, pkt *packet.Packet) (entry policy.Connection) {
	if there.Peers == nil {
		there.Connections, there.Peers = make(map[policy.Connection]bool), make(map[netip.Addr]bool)
	}
	switch {
	case pkt.Family == 0 || m.chance(2):
	case m.chance(20):
		entry.Remote = netip.AddrPortFrom(pkt.Source, 0)
		there.Peers[pkt.Source] = true
	case m.chance(2):
		entry = policy.ConnectionOf(pkt)
		there.Connections[entry] = true
	}
	return entry
}
