package compile

import (
	"encoding/binary"
	"net/netip"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// ConnectionKey returns the key of a connection in the map of what is kept.
func ConnectionKey(c policy.Connection) bpf.GuardKept {
	key := PeerKey(c.Remote.Addr())
	key.Protocol = packet.TCP
	key.Local = wordsOf(c.Local.Addr())
	key.RemotePort, key.LocalPort = c.Remote.Port(), c.Local.Port()
	return key
}

// PeerKey returns the key of a peer in the map of what is kept.
func PeerKey(a netip.Addr) bpf.GuardKept {
	key := bpf.GuardKept{Remote: wordsOf(a), Family: 4}
	if a.Is6() {
		key.Family = 6
	}
	return key
}

// KeyOf returns the connection of a key, or its peer if it is that of one: then the
// local end is not valid, and the remote port is 0.
func KeyOf(key bpf.GuardKept) policy.Connection {
	remote := netip.AddrPortFrom(fromWords(key.Remote, key.Family), key.RemotePort)
	if key.Protocol == 0 {
		return policy.Connection{Remote: remote}
	}
	return policy.Connection{Local: netip.AddrPortFrom(fromWords(key.Local, key.Family), key.LocalPort), Remote: remote}
}

// fromWords is the reverse of wordsOf.
func fromWords(words [4]uint32, family uint8) netip.Addr {
	var b [16]byte
	for i, w := range words {
		binary.NativeEndian.PutUint32(b[4*i:], w)
	}
	if family == 4 {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	return netip.AddrFrom16(b)
}
