//go:build kernel && linux

package compile

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// TestProgramKnowsSockets compares the kernel's program with the plain interpreter on
// random policies about sockets, and frames to and about sockets of each state. What the
// interpreter knows of these it has from elsewhere.
func TestProgramKnowsSockets(t *testing.T) {
	m := newMaker(t)
	policies, packets := 20, 1500
	if testnet.InVM() {
		policies, packets = 4, 3000 // to load a policy takes up to half a minute there
	}
	r, opened := openSockets(t), time.Now()
	own := []netip.Addr{r.net.Left.V4, r.net.Left.V6}
	seen := make(map[string]int)
	var truths []string
	for _, of := range []policy.Whose{policy.Outer, policy.Inner} {
		for _, truth := range truthsOf(of) {
			truths = append(truths, fmt.Sprintf("%d %b %b", of, truth.State, truth.Sequence))
		}
	}
	floods := 0 // packets that a rule drops, or would, as there is one
	for range rounds(policies, func() bool { return has(seen, truths...) && floods > 0 }) {
		p := m.policy(1 + m.IntN(20))
		for i := range p.Rules {
			p.Rules[i].Name = strconv.Itoa(i)
			if p.Rules[i].SYNCookie == nil { // its match is one that no policy can change
				p.Rules[i].Match = oneOf[policy.Expr](m, m.socketExpr(), policy.All{p.Rules[i].Match, m.socketExpr()}, p.Rules[i].Match)
			}
		}
		if first := &p.Rules[0]; m.chance(2) {
			first.Match = policy.Protocols{packet.TCP}
			m.answer(first)
		}
		p.Life = policy.Life{}
		tables, err := Compile(p, testOptions)
		if err != nil {
			continue
		}
		look := !m.chance(5)
		clock := newClockwork(t)
		g := loaded(t, tables, clock.options(LoadOptions{Explain: true, Own: own, Sockets: look}))
		var fragments packet.Tracker
		if time.Since(opened) > 30*time.Second { // after 60 s TIME_WAIT ends, and so does a request soon
			r, opened = openSockets(t), time.Now() // of the same addresses
		}
		r.refresh(t)
		r.net.Left.Do(t, func() {
			for range packets {
				frame := m.socketFrame(r)
				pkt := parsed(tables, &fragments, frame)
				e := env(p, &pkt)
				e.Own = func(a netip.Addr) bool { return a == own[0] || a == own[1] }
				e.Sockets = nil
				if look {
					e.Sockets = r.table.Look
				}
				clock.tick(t, g, e, time.Duration(m.IntN(20))*time.Millisecond)
				want, got := resultOf(p.Judge(&pkt, e)), judge(t, g, frame)
				for _, rule := range []uint32{want.Rule, want.WouldDrop} {
					if rule < uint32(len(p.Rules)) && p.Rules[rule].SYNCookie != nil {
						floods++
					}
				}
				if want != got && !r.refresh(t) { // a window that moved meanwhile is no difference
					t.Fatalf("packet %+v, outer %+v, inner %+v: (-want +got)\n%s", pkt, e.Truth(policy.Outer, &pkt), e.Truth(policy.Inner, &pkt), cmp.Diff(want, got))
				}
				for _, of := range []policy.Whose{policy.Outer, policy.Inner} {
					truth := e.Truth(of, &pkt)
					seen[fmt.Sprintf("%d %b %b", of, truth.State, truth.Sequence)]++
				}
			}
		})
		g.Close()
	}
	t.Log(seen, floods)
	if floods == 0 {
		t.Error("no rule saw a flood")
	}
	if !has(seen, truths...) {
		t.Errorf("no packet had one of the truths %q (Whose, state, sequence); the test tests nothing", truths)
	}
}

// truthsOf returns all that there are.
func truthsOf(of policy.Whose) []policy.Truth {
	all := []policy.Truth{
		{}, {State: policy.SocketNone}, {State: policy.SocketListen}, {State: policy.SocketSynRecv}, {State: policy.SocketTimeWait},
		{State: policy.SocketEstablished}, // of UDP
		{State: policy.SocketEstablished, Sequence: policy.OutOfWindow}, {State: policy.SocketEstablished, Sequence: policy.InWindow},
		{State: policy.SocketUnknown}, {State: policy.SocketUnknown, Sequence: policy.SequenceUnknown},
		{State: policy.SocketSynSent},
	}
	if of == policy.Outer {
		return append(all, policy.Truth{State: policy.SocketEstablished, Sequence: policy.NextInWindow})
	}
	return append(all, policy.Truth{State: policy.SocketSynSent, Sequence: policy.InWindow}, policy.Truth{State: policy.SocketSynSent, Sequence: policy.OutOfWindow})
}

// socketExpr asks for sockets, and for nothing else.
func (m maker) socketExpr() policy.Expr {
	switch m.IntN(4) {
	case 0:
		return policy.Not{Of: m.socketLeaf()}
	case 1:
		return policy.All{m.socketLeaf(), policy.Not{Of: m.socketLeaf()}}
	}
	return m.socketLeaf()
}

// socketFrame returns a frame that a socket would receive, or is about, or nearly so.
func (m maker) socketFrame(r *realSockets) []byte {
	ends := r.ends[m.IntN(len(r.ends))]
	sequence := m.sequenceNear(r.table.Connections[ends])
	if m.chance(8) {
		ends.Local = netip.AddrPortFrom(ends.Local.Addr(), ends.Local.Port()+1)
	}
	if m.chance(8) {
		ends.Remote = netip.AddrPortFrom(ends.Remote.Addr(), ends.Remote.Port()+1)
	}
	if m.chance(8) {
		ends.Local = netip.AddrPortFrom(ends.Local.Addr().Next(), ends.Local.Port()) // not own
	}
	f := packet.Frame{
		Source: ends.Remote.Addr(), Destination: ends.Local.Addr(), Protocol: ends.Protocol,
		SourcePort: ends.Remote.Port(), DestinationPort: ends.Local.Port(),
		Sequence: sequence, Flags: uint8(oneOf(m, 2, 16, 18, 24, 4, 1, 17, m.IntN(256))), Payload: make([]byte, oneOf(m, 0, 0, 1, 500, 1400)),
	}
	if m.chance(2) {
		f.Source, f.Destination, f.SourcePort, f.DestinationPort = f.Destination, f.Source, f.DestinationPort, f.SourcePort
		f = m.errorAbout(f)
	}
	if m.chance(6) {
		f.Tags = some(m, 2, func() uint16 { return uint16(m.IntN(8)) })
	}
	return f.Bytes()
}

// errorAbout returns an ICMP error that quotes a packet, as much as there is room for.
func (m maker) errorAbout(quoted packet.Frame) packet.Frame {
	f := packet.Frame{Source: quoted.Destination, Destination: quoted.Source, Protocol: packet.ICMPv4}
	f.ICMP = &packet.Message{Type: oneOf[uint8](m, 3, 5, 11), Code: uint8(m.IntN(6)), MTU: 1400, Quoted: &quoted}
	headers := 20
	if quoted.Source.Is6() {
		f.Protocol, f.ICMP.Type, headers = packet.ICMPv6, oneOf[uint8](m, 1, 2, 3), 40
	}
	f.ICMP.QuotedSize = headers + oneOf(m, 3, 4, 7, 8, 20)
	if m.chance(10) { // about somebody else's
		f.Destination = f.Destination.Next()
	}
	return f
}

// sequenceNear returns a number at one of the edges of a connection's windows.
func (m maker) sequenceNear(e policy.Endpoint) uint32 {
	edge := oneOf(m, e.SendUnacked, e.SendUnacked, e.SendNext, e.SendNext, e.ReceiveAcked, e.ReceiveNext, e.ReceiveNext+e.ReceiveWindow, e.ReceiveAcked+e.ReceiveWindow, m.Uint32())
	return edge + oneOf[uint32](m, 0, 0, 1, 1<<32-1, 1<<32-2, 1<<32-500, 1<<32-1400, 1<<32-1401, 100)
}

// TestPriorityTagHidesNoSocket: a tag of VLAN 0, which Linux takes off, must not be a way
// past rules about sockets. In another VLAN what is not found is not known.
func TestPriorityTagHidesNoSocket(t *testing.T) {
	n := testnet.New(t)
	own := []netip.Addr{n.Left.V4, n.Left.V6}
	p := &policy.Policy{Rules: []policy.Rule{{
		Match:  policy.Any{policy.Socket{Of: policy.Outer, States: policy.SocketNone}, policy.Socket{Of: policy.Inner, States: policy.SocketNone}},
		Action: policy.Drop, Mode: policy.Enforce,
	}}}
	tables, err := Compile(p, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{Explain: true, Own: own, Sockets: true})
	defer g.Close()
	m := newMaker(t)
	n.Left.Do(t, func() {
		for _, f := range testnet.Families {
			datagram := packet.Frame{Source: n.Right.Addr(f), Destination: n.Left.Addr(f), Protocol: packet.UDP, SourcePort: 9, DestinationPort: 9}
			sent := packet.Frame{Source: n.Left.Addr(f), Destination: n.Right.Addr(f), Protocol: packet.UDP, SourcePort: 9, DestinationPort: 9}
			about := m.errorAbout(sent)
			about.Destination, about.ICMP.QuotedSize = n.Left.Addr(f), 0
			for _, frame := range []packet.Frame{datagram, about} {
				for _, c := range []struct {
					tags []uint16
					want uint32
				}{{nil, 0}, {[]uint16{0}, 0}, {[]uint16{0, 0}, 0}, {[]uint16{5}, uint32(none)}, {[]uint16{0, 5}, uint32(none)}, {[]uint16{5, 0}, uint32(none)}} {
					frame.Tags = c.tags
					if got := judge(t, g, frame.Bytes()).Rule; got != c.want {
						t.Errorf("protocol %d with tags %v: judged by rule %d, want %d", frame.Protocol, c.tags, got, c.want)
					}
				}
			}
		}
	})
}

// TestWindowIsGuessedButNotWhatIsNext has somebody who sees nothing of a connection try
// numbers that are a window apart: one of them is in it, so that all it takes is 2^32
// divided by the window. The number that is next is not among them, which is why bans ask
// for that (G308).
func TestWindowIsGuessedButNotWhatIsNext(t *testing.T) {
	r := openSockets(t)
	var ends policy.Ends
	for e, c := range r.table.Connections {
		if e.Protocol == packet.TCP && c.State == policy.SocketEstablished && c.ReceiveWindow > r.table.Connections[ends].ReceiveWindow {
			ends = e
		}
	}
	end := r.table.Connections[ends]
	judged := func(is policy.Sequences) uint32 {
		tables, err := Compile(&policy.Policy{Rules: []policy.Rule{{Match: policy.Sequence{Is: is}, Action: policy.Drop, Mode: policy.Enforce}}}, testOptions)
		if err != nil {
			t.Fatal(err)
		}
		g := loaded(t, tables, LoadOptions{Explain: true, Own: []netip.Addr{ends.Local.Addr()}, Sockets: true})
		defer g.Close()
		hits := uint32(0)
		r.net.Left.Do(t, func() {
			for guess := range uint32(1000) {
				f := packet.Frame{
					Source: ends.Remote.Addr(), Destination: ends.Local.Addr(), Protocol: packet.TCP, SourcePort: ends.Remote.Port(), DestinationPort: ends.Local.Port(),
					Sequence: end.ReceiveNext + 1 + (guess-500)*end.ReceiveWindow, Flags: 24, Payload: []byte("x"),
				}
				if judge(t, g, f.Bytes()).Rule == 0 {
					hits++
				}
			}
		})
		return hits
	}
	in, next := judged(policy.InWindow|policy.NextInWindow), judged(policy.NextInWindow)
	t.Logf("window of %d bytes: %d packets are enough; %d of 1000 numbers a window apart are in it, %d next", end.ReceiveWindow, 1<<32/uint64(end.ReceiveWindow), in, next)
	if in == 0 || next != 0 {
		t.Errorf("%d numbers in the window, %d next", in, next)
	}
}
