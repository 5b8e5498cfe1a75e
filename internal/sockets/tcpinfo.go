package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/netns"
)

// TCPInfo is what the kernel tells of a connection of TCP (tcp(7), TCP_INFO). A field that an
// older kernel does not have is 0.
type TCPInfo struct {
	State State
	// Congestion is the state of congestion control: 0 open, 1 disorder, 2 cwr, 3 recovery, 4 loss.
	Congestion uint8
	// Timeouts counts the times that the retransmission timer went off for what is not
	// acknowledged now, and Backoff how often the time was doubled.
	Timeouts, Backoff uint8
	// Retransmission is the time after which what is not acknowledged is sent again.
	Retransmission time.Duration
	RTT, RTTVar    time.Duration
	// MinRTT is the least that was measured; 0 for none.
	MinRTT time.Duration
	// Unacked, Lost and CongestionWindow are segments: sent, believed lost, and allowed to be under way.
	Unacked, Lost, CongestionWindow uint32
	// SegmentsOut and SegmentsIn count all, Retransmitted those that were sent again, and
	// Duplicates what the peer says it had got twice.
	SegmentsOut, SegmentsIn, Retransmitted, Duplicates uint32
	BytesSent, BytesRetransmitted                      uint64
	BytesAcked, BytesReceived                          uint64
	// NotSent is bytes that wait to be sent.
	NotSent uint32
	// Busy is how long there was something to send, and of that how long the peer's window
	// or the send buffer was in the way.
	Busy, WindowLimited, BufferLimited time.Duration
	// PeerWindow and OwnWindow are what each side lets the other send, in bytes.
	PeerWindow, OwnWindow uint32
	OutOfOrder            uint32
	// PeerWindowKnown and OwnWindowKnown say whether the kernel tells the windows (Linux 5.4 and 6.2).
	PeerWindowKnown, OwnWindowKnown bool
}

const diagInfo = 2 // INET_DIAG_INFO, a struct tcp_info

// ErrGone is returned for a connection that is not there any more.
var ErrGone = errors.New("the connection is gone")

// ReadTCPInfo asks for a connection, in its network namespace. The error matches [ErrGone] if
// there is none any more.
func ReadTCPInfo(s Socket) (TCPInfo, error) {
	own, err := netns.Own()
	if err != nil {
		return TCPInfo{}, err
	}
	defer own.Close()
	for _, ns := range netns.Find(own) {
		if ns.Inode != s.Namespace {
			continue
		}
		var info TCPInfo
		err := ns.Do(func() (err error) {
			info, err = readTCPInfo(s)
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrGone
		}
		return info, err
	}
	return TCPInfo{}, fmt.Errorf("network namespace %d: %w", s.Namespace, ErrGone)
}

func readTCPInfo(s Socket) (TCPInfo, error) {
	request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, 0)
	// struct inet_diag_req_v2: family, protocol, extensions, padding, states, and the
	// identity: ports, addresses, device, cookie.
	body := make([]byte, 56)
	body[0], body[1], body[2] = unix.AF_INET, uint8(TCP), 1<<(diagInfo-1)
	if s.Family == IPv6 {
		body[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(body[4:], diagStates)
	binary.BigEndian.PutUint16(body[8:], s.Local.Port())
	binary.BigEndian.PutUint16(body[10:], s.Peer.Port())
	copy(body[12:28], s.Local.Addr().AsSlice())
	copy(body[28:44], s.Peer.Addr().AsSlice())
	binary.NativeEndian.PutUint32(body[44:], uint32(s.Device))
	copy(body[48:], "\xff\xff\xff\xff\xff\xff\xff\xff") // INET_DIAG_NOCOOKIE
	request.AddRawData(body)
	messages, err := request.Execute(unix.NETLINK_INET_DIAG, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return TCPInfo{}, ErrGone
	case err != nil:
		return TCPInfo{}, fmt.Errorf("ask sock_diag for a connection: %w", err)
	case len(messages) == 0:
		return TCPInfo{}, ErrGone
	}
	return parseTCPInfo(messages[0])
}

// parseTCPInfo reads a struct inet_diag_msg with the attribute of that.
func parseTCPInfo(m []byte) (TCPInfo, error) {
	if len(m) < diagMessageSize {
		return TCPInfo{}, errShortDiag
	}
	attributes, err := nl.ParseRouteAttr(m[diagMessageSize:])
	if err != nil {
		return TCPInfo{}, fmt.Errorf("parse attributes: %w", err)
	}
	for _, a := range attributes {
		if a.Attr.Type == diagInfo {
			return decodeTCPInfo(a.Value), nil
		}
	}
	return TCPInfo{}, errors.New("the kernel does not describe the connection")
}

// decodeTCPInfo reads a struct tcp_info (include/uapi/linux/tcp.h), which only grows at its end.
func decodeTCPInfo(b []byte) TCPInfo {
	full := make([]byte, 256) // longer than any kernel's
	have := copy(full, b)
	number := func(at int) uint32 { return binary.NativeEndian.Uint32(full[at:]) }
	long := func(at int) uint64 { return binary.NativeEndian.Uint64(full[at:]) }
	micros := func(n uint64) time.Duration { return time.Duration(n) * time.Microsecond }
	info := TCPInfo{
		State: State(full[0]), Congestion: full[1], Timeouts: full[2], Backoff: full[4],
		Retransmission: micros(uint64(number(8))), Unacked: number(24), Lost: number(32),
		RTT: micros(uint64(number(68))), RTTVar: micros(uint64(number(72))), CongestionWindow: number(80),
		Retransmitted: number(100), BytesAcked: long(120), BytesReceived: long(128),
		SegmentsOut: number(136), SegmentsIn: number(140), NotSent: number(144),
		Busy: micros(long(168)), WindowLimited: micros(long(176)), BufferLimited: micros(long(184)),
		BytesSent: long(200), BytesRetransmitted: long(208), Duplicates: number(216), OutOfOrder: number(224),
		PeerWindow: number(228), OwnWindow: number(232), PeerWindowKnown: have >= 232, OwnWindowKnown: have >= 236,
	}
	if least := number(148); least != 1<<32-1 { // none was measured
		info.MinRTT = micros(uint64(least))
	}
	return info
}
