package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// TestUnknownSocketsDecideByTheRule has rules that ask for a socket directly and below
// "not", and a packet whose socket cannot be seen.
func TestUnknownSocketsDecideByTheRule(t *testing.T) {
	for _, c := range []struct {
		unknown, action, match string
		matches                bool
	}{
		{"pass", "drop", "socket: {is: none}", false},
		{"pass", "drop", "not: {socket: {is: established}}", false},
		{"pass", "drop", "not: {not: {socket: {is: none}}}", false},
		{"pass", "drop", "seq: out-of-window", false},
		{"pass", "drop", "not: {seq: in-window}", false},
		{"drop", "drop", "socket: {is: none}", true},
		{"drop", "drop", "not: {socket: {is: established}}", true},
		{"drop", "drop", "not: {not: {socket: {is: none}}}", true},
		{"drop", "drop", "seq: out-of-window", true},
		{"drop", "drop", "not: {seq: in-window}", true},
		{"drop", "drop", "all: [{socket: {is: none}}, {not: {any: [{seq: next}, {socket: {is: any}}]}}]", true},
		{"drop", "drop", "all: [{socket: {is: none}}, {ttl: 1}]", false},
		// Only a rule that drops may take what it does not know for true.
		{"drop", "pass", "socket: {is: established}", false},
		{"drop", "count", "not: {socket: {is: established}}", false},
	} {
		p, faults := load(t, Options{}, fmt.Sprintf(`
groups:
- name: g
  on_unknown_socket: %s
  rules:
  - {rule: r, match: {proto: tcp, %s}, action: %s}
`, c.unknown, c.match, c.action))
		if p == nil {
			t.Fatalf("%s: %v", c.match, faults)
		}
		s, err := ParseSpecimen("tcp 198.51.100.7:4000 > 192.0.2.1:22 flags=ack")
		if err != nil {
			t.Fatal(err)
		}
		everyOther := func(q Question) Truth { return Truth{SocketEstablished, NextInWindow} }
		for name, env := range map[string]*Env{
			"not own":       {Own: func(netip.Addr) bool { return false }, Sockets: everyOther},
			"nothing known": {Own: func(netip.Addr) bool { return true }},
			"no truth":      {Own: func(netip.Addr) bool { return true }, Sockets: s.Sockets},
		} {
			if got := env.Eval(p.Rules[0].Match, &s.Packet); got != c.matches {
				t.Errorf("on_unknown_socket %s, %s, action %s, %s: matches %v, want %v", c.unknown, c.match, c.action, name, got, c.matches)
			}
		}
	}
}

// TestNearestUnknownSocketWins has all three places.
func TestNearestUnknownSocketWins(t *testing.T) {
	p, faults := load(t, Options{}, `
defaults: {on_unknown_socket: drop}
groups:
- name: a
  rules:
  - {rule: defaults, match: {proto: tcp, socket: {is: none}}, action: drop}
- name: b
  on_unknown_socket: pass
  rules:
  - {rule: group, match: {proto: tcp, socket: {is: listen}}, action: drop}
  - {rule: rule, match: {proto: tcp, socket: {is: time_wait}}, action: drop, on_unknown_socket: drop}
`)
	if p == nil {
		t.Fatal(faults)
	}
	var got []SocketStates
	for _, r := range p.Rules {
		got = append(got, r.Match.(All)[1].(Socket).States)
	}
	if want := []SocketStates{SocketNone | SocketUnknown, SocketListen, SocketTimeWait | SocketUnknown}; !slices.Equal(got, want) {
		t.Errorf("states %b, want %b", got, want)
	}
}

// TestSequencesInAWindow goes around the edges, also where numbers begin again at 0.
func TestSequencesInAWindow(t *testing.T) {
	own, remote := netip.MustParseAddrPort("192.0.2.1:22"), netip.MustParseAddrPort("198.51.100.7:4000")
	const base = 1<<32 - 100
	table := SocketTable{Connections: map[Ends]Endpoint{{packet.TCP, own, remote}: {
		State: SocketEstablished, SendUnacked: base, SendNext: 50, ReceiveAcked: base - 10, ReceiveNext: base, ReceiveWindow: 1000,
	}}}
	for _, c := range []struct {
		of                Whose
		sequence, segment uint32
		want              Sequences
	}{
		{Inner, base - 1, 0, OutOfWindow}, {Inner, base, 0, InWindow}, {Inner, 0, 0, InWindow}, {Inner, 50, 0, InWindow}, {Inner, 51, 0, OutOfWindow},
		{Outer, base, 0, NextInWindow}, {Outer, base, 5000, NextInWindow},
		{Outer, base - 11, 0, OutOfWindow}, {Outer, base - 11, 1, InWindow}, {Outer, base - 10, 0, InWindow}, // old, but acknowledged last
		{Outer, base - 2000, 1989, OutOfWindow}, {Outer, base - 2000, 1990, InWindow},
		{Outer, base + 1, 0, InWindow},
		{Outer, 890, 5, InWindow}, {Outer, 891, 0, OutOfWindow}, // 990 bytes are left of the window
	} {
		got := table.Look(Question{Of: c.of, Protocol: packet.TCP, Local: own, Remote: remote, Sequence: c.sequence, Segment: c.segment, HasSequence: true})
		if got != (Truth{SocketEstablished, c.want}) {
			t.Errorf("%v %d+%d: %+v, want sequence %b", whoseNames[c.of], int32(c.sequence), c.segment, got, c.want)
		}
	}
	// A window that was taken back further than what came leaves nothing.
	table.Connections[Ends{packet.TCP, own, remote}] = Endpoint{State: SocketEstablished, ReceiveAcked: 100, ReceiveNext: 500, ReceiveWindow: 50}
	for sequence, want := range map[uint32]Sequences{500: NextInWindow, 501: OutOfWindow, 499: InWindow} {
		if got := table.Look(Question{Protocol: packet.TCP, Local: own, Remote: remote, Sequence: sequence, HasSequence: true}); got.Sequence != want {
			t.Errorf("%d: %b, want %b", sequence, got.Sequence, want)
		}
	}
}

// TestListenersTakeWhatNoConnectionHas compares connections, listeners of one address and
// of all, and nothing.
func TestListenersTakeWhatNoConnectionHas(t *testing.T) {
	end := netip.MustParseAddrPort
	table := SocketTable{
		Connections: map[Ends]Endpoint{{packet.UDP, end("192.0.2.1:53"), end("198.51.100.7:4000")}: {State: SocketEstablished}},
		Listeners:   map[Ends]bool{{Protocol: packet.UDP, Local: end("0.0.0.0:53")}: true, {Protocol: packet.TCP, Local: end("192.0.2.1:22")}: true},
	}
	for _, c := range []struct {
		protocol      uint8
		local, remote string
		want          SocketStates
	}{
		{packet.UDP, "192.0.2.1:53", "198.51.100.7:4000", SocketEstablished}, {packet.UDP, "192.0.2.1:53", "198.51.100.7:4001", SocketListen},
		{packet.UDP, "192.0.2.2:53", "198.51.100.7:4000", SocketListen}, {packet.UDP, "192.0.2.1:54", "198.51.100.7:4000", SocketNone},
		{packet.TCP, "192.0.2.1:22", "198.51.100.7:4000", SocketListen}, {packet.TCP, "192.0.2.2:22", "198.51.100.7:4000", SocketNone},
		{packet.TCP, "192.0.2.1:53", "198.51.100.7:4000", SocketNone}, {packet.UDP, "[2001:db8::1]:53", "[2001:db8::7]:4000", SocketNone},
	} {
		if got := table.Look(Question{Protocol: c.protocol, Local: end(c.local), Remote: end(c.remote)}); got != (Truth{State: c.want}) {
			t.Errorf("%d %s from %s: %+v, want %b", c.protocol, c.local, c.remote, got, c.want)
		}
	}
}

// TestTaggedFramesTellOfConnectionsOnly: a socket may be bound to the device of the VLAN.
func TestTaggedFramesTellOfConnectionsOnly(t *testing.T) {
	env := &Env{Own: func(netip.Addr) bool { return true }}
	for state, want := range map[string]SocketStates{
		"none": SocketUnknown, "listen": SocketUnknown, "established": SocketEstablished, "time_wait": SocketTimeWait,
	} {
		s, err := ParseSpecimen("tcp 198.51.100.7:4000 > 192.0.2.1:22 flags=ack vlan=5 socket=" + state)
		if err != nil {
			t.Fatal(err)
		}
		env.Sockets = s.Sockets
		if got := env.Truth(Outer, &s.Packet); got.State != want {
			t.Errorf("%s: %b, want %b", state, got.State, want)
		}
	}
}

func TestSpecimensOfForeignSocketsAreRefused(t *testing.T) {
	s, err := ParseSpecimen("icmp 203.0.113.7 > 192.0.2.1 type=time-exceeded quoting (udp 192.0.2.9:99 > 198.51.100.7:4000 socket=none)")
	if err != nil {
		t.Fatal(err)
	}
	err = s.CheckSockets(func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.1") })
	if err == nil || err.Error() != "192.0.2.9 is no address of this host, so nothing is known of its sockets" {
		t.Error(err)
	}
	for _, text := range []string{
		"gre 192.0.2.7 > 192.0.2.1 socket=none", "udp 192.0.2.7:1 > 192.0.2.1:2 seq=next", "udp 192.0.2.7:1 > 192.0.2.1:2 socket=any",
		"tcp 192.0.2.7:1 > 192.0.2.1:2 seq=in", "tcp 192.0.2.7 > 192.0.2.1 fragment=later socket=none",
	} {
		if s, err := ParseSpecimen(text); err == nil {
			t.Errorf("%s is taken for %+v", text, s)
		}
	}
}

// TestDescriptionsOfSockets are those of explanations.
func TestDescriptionsOfSockets(t *testing.T) {
	for _, c := range []struct {
		leaf Expr
		want string
	}{
		{Socket{Outer, SocketNone | SocketListen | SocketUnknown}, "the socket is none or listen or unknown"},
		{Socket{Inner, anySocket}, "the socket of inner is any"},
		{Socket{Outer, anySocket | SocketNone}, "the socket is any or none"},
		{Sequence{Outer, InWindow | NextInWindow}, "seq is in-window"},
		{Sequence{Inner, OutOfWindow | SequenceUnknown}, "inner.seq is out-of-window or unknown"},
		{Sequence{Outer, NextInWindow | OutOfWindow}, "seq is out-of-window or next"},
	} {
		if got := Describe(c.leaf); got != c.want {
			t.Errorf("%+v is %q, want %q", c.leaf, got, c.want)
		}
	}
	s, err := ParseSpecimen("tcp 198.51.100.7:4000 > 192.0.2.1:22 flags=rst seq=next")
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Own: func(netip.Addr) bool { return true }, Sockets: s.Sockets}
	for leaf, want := range map[Expr]string{
		Socket{Outer, SocketNone}:    "the socket is none does not hold, it is established",
		Sequence{Outer, OutOfWindow}: "seq is out-of-window does not hold, it is next",
	} {
		if got := env.why(leaf, &s.Packet); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
