package sockets

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
)

func tcp(s State, port uint16, receive, transmit uint32) *bpf.SocketRecord {
	return &bpf.SocketRecord{
		Version: 4, Protocol: uint8(TCP), State: uint8(s), LocalPort: port, ReceiveBytes: receive, TransmitBytes: transmit,
	}
}

func TestPortsAreListenersInTheirNamespaceOnly(t *testing.T) {
	tally := newTally()
	for _, r := range []*bpf.SocketRecord{
		tcp(Established, 80, 1, 2), tcp(CloseWait, 80, 4, 8), tcp(newSynRecv, 80, 0, 0), tcp(Listen, 80, 0, 0),
		tcp(Established, 40000, 16, 32), tcp(Listen, 443, 0, 0),
		{Version: 4, Protocol: uint8(UDP), State: uint8(Closed), LocalPort: 80, ReceiveBytes: 64},
	} {
		tally.add(r)
	}
	tally.endNamespace(true)
	for _, r := range []*bpf.SocketRecord{tcp(Established, 80, 1, 2), tcp(Listen, 40000, 0, 0)} {
		tally.add(r)
	}
	tally.endNamespace(true)
	tally.add(tcp(Listen, 22, 0, 0))
	tally.endNamespace(false) // went away halfway

	got := tally.snapshot()
	want := []Listener{
		{Port: 80, Connections: 1, ReceiveBytes: 5, TransmitBytes: 10},
		{Port: 443},
		{Port: 40000},
	}
	if diff := cmp.Diff(want, got.Listeners); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	var counts []Count
	for _, c := range got.Counts {
		if c.Sockets > 0 {
			counts = append(counts, c)
		}
	}
	wantCounts := []Count{
		{Family: IPv4, Protocol: TCP, State: Established, Sockets: 3, ReceiveBytes: 18, TransmitBytes: 36},
		{Family: IPv4, Protocol: TCP, State: SynRecv, Sockets: 1},
		{Family: IPv4, Protocol: TCP, State: CloseWait, Sockets: 1, ReceiveBytes: 4, TransmitBytes: 8},
		{Family: IPv4, Protocol: TCP, State: Listen, Sockets: 3},
		{Family: IPv4, Protocol: UDP, State: Closed, Sockets: 1, ReceiveBytes: 64},
	}
	if diff := cmp.Diff(wantCounts, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestEveryKindIsCountedAlsoIfThereIsNone(t *testing.T) {
	got := make(map[string]bool)
	for _, c := range newTally().snapshot().Counts {
		got[c.Family.String()+" "+c.Protocol.String()+" "+c.Protocol.StateName(c.State)] = true
	}
	if len(got) != 2*11+2*2+2*2+2*2 {
		t.Errorf("%d kinds: %v", len(got), got)
	}
	for _, name := range []string{"ipv4 tcp time_wait", "ipv6 udp unconnected", "ipv6 raw connected", "ipv4 icmp unconnected", "ipv6 icmpv6 connected"} {
		if !got[name] {
			t.Errorf("no %s", name)
		}
	}
}
