//go:build kernel && linux

package stack

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/testnet"
)

// meters are what the kernel itself counts in a namespace.
type meters struct {
	received, sent uint64 // skbs of the device
	segments       uint64 // TCP segments sent and sent again, after GSO
}

func readMeters(t testing.TB, ns *testnet.Namespace) meters {
	t.Helper()
	var m meters
	m.received, m.sent = ns.Packets(t)
	ns.Do(t, func() { m.segments = readTCPSegments(t) })
	return m
}

// readTCPSegments reads the counters of the calling thread's namespace. OutSegs does
// not count what is sent again.
func readTCPSegments(t testing.TB) uint64 {
	t.Helper()
	data, err := os.ReadFile("/proc/thread-self/net/snmp")
	must(t, err)
	var names []string
	var sum uint64
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if fields[0] != "Tcp:" {
			continue
		}
		if names == nil { // the names come before the values
			names = fields
			continue
		}
		for i, name := range names {
			if name == "OutSegs" || name == "RetransSegs" {
				n, err := strconv.ParseUint(fields[i], 10, 64)
				must(t, err)
				sum += n
			}
		}
	}
	return sum
}

func (m meters) until(later meters) meters {
	return meters{later.received - m.received, later.sent - m.sent, later.segments - m.segments}
}

func checkTransfer(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const size = 1_000_003
	left, right := readMeters(t, n.Left), readMeters(t, n.Right)
	var here, there meters
	got := e.countUntil(t, func() {
		must(t, testnet.SendTCP(n.Left, n.Right, f, size))
		must(t, testnet.SendTCP(n.Right, n.Left, f, size))
	}, func(got tally) bool {
		here, there = left.until(readMeters(t, n.Left)), right.until(readMeters(t, n.Right))
		return got.at(Driver, Transmit).Packets == here.sent && here.sent == there.received &&
			got.at(Link, Receive).Packets == here.received && here.received == there.sent
	})
	for _, layer := range []Layer{Transport, Network, Qdisc, Driver} {
		if v := got.at(layer, Transmit); v.Packets != here.sent {
			t.Errorf("%v transmit: %d packets, the device sent %d", layer, v.Packets, here.sent)
		}
	}
	for _, layer := range []Layer{Link, Network, Transport} {
		if v := got.at(layer, Receive); v.Packets != here.received {
			t.Errorf("%v receive: %d packets, the device received %d", layer, v.Packets, here.received)
		}
	}
	wantSameBytes(t, got, f)
	if w := got.at(Driver, Transmit).Wire; w != here.segments {
		t.Errorf("%d wire packets sent, TCP sent %d segments", w, here.segments)
	}
	if w := got.at(Link, Receive).Wire; w != there.segments {
		t.Errorf("%d wire packets received, the peer's TCP sent %d segments", w, there.segments)
	}
	if here.segments <= here.sent {
		t.Errorf("%d segments in %d packets: the load shows nothing of segmentation", here.segments, here.sent)
	}
	if v := got.at(Socket, Transmit); v.Bytes != size {
		t.Errorf("%d bytes written, want %d", v.Bytes, size)
	}
	if v := got.at(Socket, Receive); v.Bytes != size {
		t.Errorf("%d bytes read, want %d", v.Bytes, size)
	}
	got.wantUnmatched(t, nil)
	got.wantBalance(t)
	got.wantTimed(t)
}

// wantSameBytes claims that all stations of a direction have seen the same bytes, and
// nothing but TCP.
func wantSameBytes(t *testing.T, got tally, f testnet.Family) {
	t.Helper()
	kind := kindOf(f, TCP4, TCP6)
	for at, v := range got.traffic {
		first := got.at(Driver, Transmit)
		if at.Direction == Receive {
			first = got.at(Link, Receive)
		}
		if at.Kind != kind {
			t.Errorf("%d packets of kind %v at %v", v.Packets, at.Kind, at)
		}
		if at.Layer != Socket && v.Bytes != first.Bytes {
			t.Errorf("%v: %d bytes, the device %d", at, v.Bytes, first.Bytes)
		}
	}
}

func checkForwardedDatagrams(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const count, size = 1009, 64
	got := e.count(t, func() { must(t, testnet.SendUDP(n.Left, n.Right, f, count, size)) })
	k, bytes := kindOf(f, UDP4, UDP6), count*(ipHeader(f)+udpHeader+size)
	got.want(t, map[station]volume{
		{Link, Receive, k, Virtual, ""}:    {count, bytes, count},
		{Network, Forward, k, Virtual, ""}: {count, bytes, 0},
		{Qdisc, Transmit, k, Virtual, ""}:  {count, bytes, 0},
		{Driver, Transmit, k, Virtual, ""}: {count, bytes, count},
	})
	got.wantUnmatched(t, nil)
	got.wantBalance(t)
	got.wantTimed(t)
}

func checkForwardedTransfer(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	left, right := readMeters(t, n.Left), readMeters(t, n.Right)
	var passed uint64
	got := e.countUntil(t, func() {
		must(t, testnet.SendTCP(n.Left, n.Right, f, 1_000_003))
	}, func(got tally) bool {
		passed = left.until(readMeters(t, n.Left)).sent + right.until(readMeters(t, n.Right)).sent
		return got.at(Driver, Transmit).Packets == passed
	})
	for _, at := range []struct {
		Layer
		Direction
	}{{Link, Receive}, {Network, Forward}, {Qdisc, Transmit}, {Driver, Transmit}} {
		if v := got.at(at.Layer, at.Direction); v.Packets != passed {
			t.Errorf("%v %v: %d packets, the ends sent %d", at.Layer, at.Direction, v.Packets, passed)
		}
	}
	got.wantUnmatched(t, nil)
	got.wantBalance(t)
}
