package sockets

import (
	"encoding/binary"
	"net/netip"

	"github.com/packetscope/packetscope/bpf"
)

// A Socket is one row of the list.
type Socket struct {
	// Namespace is the inode of its network namespace.
	Namespace uint64
	Family    Family
	Protocol  Protocol
	State     State
	// Local and Peer are not mapped: a socket that speaks both families shows an
	// IPv4 peer as ::ffff:a.b.c.d, as ss does. Peer is all zero if there is none.
	// The local port of a raw socket is its IP protocol.
	Local, Peer netip.AddrPort
	// ReceiveQueue and TransmitQueue are what ss shows: bytes that were not read
	// and bytes that were not acknowledged; for a listener the connections that
	// wait to be accepted, and how many may.
	ReceiveQueue, TransmitQueue int
	// ReceiveBytes and TransmitBytes are the memory that those bytes take.
	ReceiveBytes, TransmitBytes int
	UID                         uint32
	// Device is the index of the device that the socket is bound to, or 0.
	Device int
	// Inode is the number in the link /proc/PID/fd/N, "socket:[inode]", or 0 if no
	// process has the socket.
	Inode uint64
	// Cgroup is the id of the cgroup that the socket was made in, which is the
	// inode of its folder in the unified hierarchy, or 0 if it is not known.
	Cgroup uint64
}

// state returns the state of a record as users know it.
func state(r *bpf.SocketRecord) State {
	if s := State(r.State); s != newSynRecv {
		return s
	}
	return SynRecv
}

func decode(namespace uint64, r *bpf.SocketRecord) Socket {
	return Socket{
		Namespace:     namespace,
		Family:        Family(r.Version),
		Protocol:      Protocol(r.Protocol),
		State:         state(r),
		Local:         end(r, r.Local, r.LocalPort),
		Peer:          end(r, r.Peer, r.PeerPort),
		ReceiveQueue:  int(r.ReceiveQueue),
		TransmitQueue: int(r.TransmitQueue),
		ReceiveBytes:  int(r.ReceiveBytes),
		TransmitBytes: int(r.TransmitBytes),
		UID:           r.Uid,
		Device:        int(r.Device),
		Inode:         r.Inode,
		Cgroup:        r.Cgroup,
	}
}

// end returns one end of a socket; the address words are in network order.
func end(r *bpf.SocketRecord, address [4]uint32, port uint16) netip.AddrPort {
	var bytes [16]byte
	for i, word := range address {
		binary.NativeEndian.PutUint32(bytes[4*i:], word)
	}
	if Family(r.Version) == IPv4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(bytes[:4])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(bytes), port)
}
