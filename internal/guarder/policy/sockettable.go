package policy

import "net/netip"

// Ends are those of a connection, or of a connected socket of UDP.
type Ends struct {
	Protocol      uint8
	Local, Remote netip.AddrPort
}

// An Endpoint is what the kernel knows of a connection: its state, and what struct
// tcp_sock of include/linux/tcp.h has under these names in short (snd_una and so on).
type Endpoint struct {
	State                                    SocketStates // one of them
	SendUnacked, SendNext                    uint32
	ReceiveAcked, ReceiveNext, ReceiveWindow uint32 // rcv_wup, rcv_nxt, rcv_wnd
}

// A SocketTable holds the sockets of a host, by which rules about sockets have a meaning
// without a kernel. Its method Look has the shape of [Env.Sockets].
type SocketTable struct {
	Connections map[Ends]Endpoint
	// Listeners take packets of anybody; one without an address takes those for all.
	Listeners map[Ends]bool // without a remote end
}

// Look returns what the table knows. A connection comes before a listener.
func (t *SocketTable) Look(q Question) Truth {
	if e, there := t.Connections[Ends{q.Protocol, q.Local, q.Remote}]; there {
		return Truth{e.State, e.sequence(q)}
	}
	any := netip.IPv4Unspecified()
	if q.Local.Addr().Is6() {
		any = netip.IPv6Unspecified()
	}
	for _, a := range []netip.Addr{q.Local.Addr(), any} {
		if t.Listeners[Ends{Protocol: q.Protocol, Local: netip.AddrPortFrom(a, q.Local.Port())}] {
			return Truth{State: SocketListen}
		}
	}
	return Truth{State: SocketNone}
}

// sequence tells where a segment is in the connection.
func (e *Endpoint) sequence(q Question) Sequences {
	switch {
	case !q.HasSequence, e.State != SocketEstablished && (e.State != SocketSynSent || q.Of == Outer):
		return 0
	case q.Of == Inner:
		if q.Sequence-e.SendUnacked <= e.SendNext-e.SendUnacked {
			return InWindow
		}
		return OutOfWindow
	case q.Sequence == e.ReceiveNext:
		return NextInWindow
	}
	before := func(a, b uint32) bool { return int32(a-b) < 0 }
	// What is left of the window that was told last (tcp_receive_window).
	left := max(int32(e.ReceiveAcked+e.ReceiveWindow-e.ReceiveNext), 0)
	if before(q.Sequence+q.Segment, e.ReceiveAcked) || before(e.ReceiveNext+uint32(left), q.Sequence) {
		return OutOfWindow
	}
	return InWindow
}
