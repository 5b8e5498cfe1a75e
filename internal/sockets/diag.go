package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
)

// diag asks NETLINK_SOCK_DIAG, as ss does (sock_diag(7)). Each request takes a
// netlink socket of its own, in the namespace of the calling thread.
type diag struct{}

// From include/uapi/linux/inet_diag.h and sock_diag.h.
const (
	diagMessageSize   = 72 // struct inet_diag_msg
	diagMemory        = 7  // INET_DIAG_SKMEMINFO, an array of 32-bit numbers
	diagCgroup        = 21 // INET_DIAG_CGROUP_ID, since Linux 5.9
	memoryReceived    = 0  // SK_MEMINFO_RMEM_ALLOC
	memoryTransmitted = 2  // SK_MEMINFO_WMEM_ALLOC
	memoryQueued      = 5  // SK_MEMINFO_WMEM_QUEUED
	memoryBacklog     = 7  // SK_MEMINFO_BACKLOG
)

// diagStates are the states to ask for: all but those of sockets that are merely
// bound (since Linux 6.8), which neither ss nor the iterators show.
const diagStates = 1<<(Closing+1) - 2

// each implements source.
func (diag) each(p Protocol, fn func(*bpf.SocketRecord)) error {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := diagDump(family, p, fn); err != nil {
			return fmt.Errorf("ask sock_diag for %v sockets: %w", p, err)
		}
	}
	return nil
}

func diagDump(family uint8, protocol Protocol, fn func(*bpf.SocketRecord)) error {
	request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	// struct inet_diag_req_v2: family, protocol, extensions, padding, states, and
	// a socket's identity of 48 bytes that a dump does not look at.
	body := make([]byte, 56)
	body[0], body[1], body[2] = family, uint8(protocol), 1<<(diagMemory-1)
	binary.NativeEndian.PutUint32(body[4:], diagStates)
	request.AddRawData(body)
	messages, err := request.Execute(unix.NETLINK_INET_DIAG, 0)
	// Interrupted means that sockets came and went meanwhile, as they do.
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		return err
	}
	for _, m := range messages {
		record := bpf.SocketRecord{Protocol: uint8(protocol)}
		if err := parseDiag(m, &record); err != nil {
			return err
		}
		fn(&record)
	}
	return nil
}

var errShortDiag = errors.New("short message")

// parseDiag reads a struct inet_diag_msg and its attributes.
func parseDiag(m []byte, r *bpf.SocketRecord) error {
	if len(m) < diagMessageSize {
		return errShortDiag
	}
	native, network := binary.NativeEndian, binary.BigEndian
	r.Version, r.State = uint8(IPv4), m[1]
	if m[0] == unix.AF_INET6 {
		r.Version = uint8(IPv6)
	}
	r.LocalPort, r.PeerPort = network.Uint16(m[4:]), network.Uint16(m[6:])
	words := 1
	if Family(r.Version) == IPv6 {
		words = 4
	}
	for i := range words {
		r.Local[i], r.Peer[i] = native.Uint32(m[8+4*i:]), native.Uint32(m[24+4*i:])
	}
	r.Device = native.Uint32(m[40:])
	r.ReceiveQueue, r.TransmitQueue = native.Uint32(m[56:]), native.Uint32(m[60:])
	r.Uid = native.Uint32(m[64:])
	r.Inode = uint64(native.Uint32(m[68:]))

	attributes, err := nl.ParseRouteAttr(m[diagMessageSize:])
	if err != nil {
		return fmt.Errorf("parse attributes: %w", err)
	}
	for _, a := range attributes {
		switch {
		case a.Attr.Type == diagMemory && len(a.Value) >= 4*(memoryBacklog+1):
			memory := func(i int) uint32 { return native.Uint32(a.Value[4*i:]) }
			r.ReceiveBytes = memory(memoryReceived) + memory(memoryBacklog)
			r.TransmitBytes = memory(memoryQueued)
			if Protocol(r.Protocol) == UDP {
				r.TransmitBytes = memory(memoryTransmitted)
			}
		case a.Attr.Type == diagCgroup && len(a.Value) >= 8:
			r.Cgroup = native.Uint64(a.Value)
		}
	}
	return nil
}

// hook implements source.
func (diag) hook() string { return "sock_diag:tcp,udp" }

// cost implements source. The kernel's work is in no BPF program.
func (diag) cost() (uint64, time.Duration, error) { return 0, 0, nil }

// Close implements source.
func (diag) Close() error { return nil }
