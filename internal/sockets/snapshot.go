package sockets

import (
	"cmp"
	"slices"

	"github.com/packetscope/packetscope/bpf"
)

// A Snapshot is the sockets of all namespaces in sight, added up.
type Snapshot struct {
	// Counts has one entry for each family, protocol and state that can be, also if
	// there is no such socket, ordered by them; what a newer kernel may have
	// besides is missing.
	Counts []Count
	// Listeners has one entry for each TCP port that is listened on in some
	// namespace, ordered by port.
	Listeners []Listener
	// NamespacesCovered and NamespacesUncovered count the network namespaces by
	// whether their sockets are in the counts. Those of other users' processes are
	// not even found without CAP_SYS_PTRACE.
	NamespacesCovered, NamespacesUncovered int
}

// A Count is the sockets of one kind.
type Count struct {
	Family   Family
	Protocol Protocol
	State    State
	Sockets  uint64
	// ReceiveBytes and TransmitBytes are the kernel's memory for what waits in the
	// sockets: to be read, and to be sent or acknowledged. It is more than the data.
	ReceiveBytes, TransmitBytes uint64
}

// A Listener is a TCP port that is listened on.
type Listener struct {
	Port uint16
	// Connections are the established ones whose local port it is, in the
	// namespaces where it is listened on, accepted or not.
	Connections uint64
	// ReceiveBytes and TransmitBytes are the memory of its connections in any state.
	ReceiveBytes, TransmitBytes uint64
}

// Snapshot counts all sockets.
func (e *Engine) Snapshot() (Snapshot, error) {
	t := newTally()
	covered, uncovered, err := e.read(func(_ uint64, r *bpf.SocketRecord) { t.add(r) }, t.endNamespace)
	if err != nil {
		return Snapshot{}, err
	}
	s := t.snapshot()
	s.NamespacesCovered, s.NamespacesUncovered = covered, uncovered
	return s, nil
}

// A tally adds up records.
type tally struct {
	counts    map[[3]uint8]*Count
	listeners map[uint16]*Listener

	// pending are the sockets of the namespace at hand: it may fail halfway, and a
	// listener may come after its connections.
	pending []pendingSocket
}

type pendingSocket struct {
	kind              [3]uint8 // family, protocol, state
	port              uint16
	receive, transmit uint32
}

func newTally() *tally {
	t := &tally{
		counts:    make(map[[3]uint8]*Count),
		listeners: make(map[uint16]*Listener),
	}
	for _, f := range Families {
		for _, p := range Protocols {
			for _, s := range p.States() {
				if p.In(f) {
					t.counts[[3]uint8{uint8(f), uint8(p), uint8(s)}] = &Count{Family: f, Protocol: p, State: s}
				}
			}
		}
	}
	return t
}

func (t *tally) add(r *bpf.SocketRecord) {
	t.pending = append(t.pending, pendingSocket{
		[3]uint8{r.Version, r.Protocol, uint8(state(r))}, r.LocalPort, r.ReceiveBytes, r.TransmitBytes,
	})
}

// endNamespace counts what is pending, if the namespace was read to its end.
func (t *tally) endNamespace(complete bool) {
	if !complete {
		t.pending = t.pending[:0]
		return
	}
	listening := make(map[uint16]*Listener)
	for _, s := range t.pending {
		c := t.counts[s.kind]
		if c == nil {
			continue
		}
		c.Sockets++
		c.ReceiveBytes += uint64(s.receive)
		c.TransmitBytes += uint64(s.transmit)
		if c.Protocol == TCP && c.State == Listen {
			if t.listeners[s.port] == nil {
				t.listeners[s.port] = &Listener{Port: s.port}
			}
			listening[s.port] = t.listeners[s.port]
		}
	}
	for _, s := range t.pending {
		l, c := listening[s.port], t.counts[s.kind]
		if l == nil || c == nil || c.Protocol != TCP || c.State == Listen {
			continue
		}
		if c.State == Established {
			l.Connections++
		}
		l.ReceiveBytes += uint64(s.receive)
		l.TransmitBytes += uint64(s.transmit)
	}
	t.pending = t.pending[:0]
}

func (t *tally) snapshot() Snapshot {
	var s Snapshot
	for _, c := range t.counts {
		s.Counts = append(s.Counts, *c)
	}
	slices.SortFunc(s.Counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.State, b.State))
	})
	for _, l := range t.listeners {
		s.Listeners = append(s.Listeners, *l)
	}
	slices.SortFunc(s.Listeners, func(a, b Listener) int { return cmp.Compare(a.Port, b.Port) })
	return s
}
