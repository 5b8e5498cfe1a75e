//go:build kernel && linux

package stack

import (
	"testing"

	"github.com/packetscope/packetscope/internal/testnet"
)

// Sizes of headers.
const (
	ipv4Header = 20
	ipv6Header = 40
	udpHeader  = 8
	icmpHeader = 8
)

func ipHeader(f testnet.Family) uint64 {
	if f == testnet.IPv4 {
		return ipv4Header
	}
	return ipv6Header
}

func kindOf(f testnet.Family, v4, v6 Kind) Kind {
	if f == testnet.IPv4 {
		return v4
	}
	return v6
}

// sent is what n packets of bytes each leave behind on a veth device, written by
// as many writes of payload bytes.
func sent(k Kind, n, bytes, payload uint64) map[station]volume {
	v := volume{n, n * bytes, 0}
	return map[station]volume{
		{Socket, Transmit, k, NoDevice, ""}:   {n, n * payload, 0},
		{Transport, Transmit, k, Virtual, ""}: v,
		{Network, Transmit, k, Virtual, ""}:   v,
		{Qdisc, Transmit, k, Virtual, ""}:     v,
		{Driver, Transmit, k, Virtual, ""}:    {n, n * bytes, n},
	}
}

// received is what n packets of bytes each leave behind, read by as many reads of
// payload bytes.
func received(k Kind, n, bytes, payload uint64) map[station]volume {
	v := volume{n, n * bytes, 0}
	return map[station]volume{
		{Link, Receive, k, Virtual, ""}:      {n, n * bytes, n},
		{Network, Receive, k, Virtual, ""}:   v,
		{Transport, Receive, k, Virtual, ""}: v,
		{Socket, Receive, k, NoDevice, ""}:   {n, n * payload, 0},
	}
}

func TestHostCountsEveryPacketAtEveryLayer(t *testing.T) {
	n, e := shared(t)
	for name, check := range map[string]func(*testing.T, *testnet.Net, *lab, testnet.Family){
		"datagrams":            checkDatagrams,
		"echoes":               checkEchoes,
		"echoes of the kernel": checkEchoesOfTheKernel,
		"transfer":             checkTransfer,
	} {
		for _, f := range testnet.Families {
			t.Run(name+" "+f.String(), func(t *testing.T) { check(t, n, e, f) })
		}
	}
}

func TestRouterCountsEveryPacketAtEveryLayer(t *testing.T) {
	n := testnet.NewRouted(t)
	e := open(t, n.Router, Config{})
	for name, check := range map[string]func(*testing.T, *testnet.Net, *lab, testnet.Family){
		"datagrams": checkForwardedDatagrams,
		"transfer":  checkForwardedTransfer,
	} {
		for _, f := range testnet.Families {
			t.Run(name+" "+f.String(), func(t *testing.T) { check(t, n, e, f) })
		}
	}
}

func checkDatagrams(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const count, size = 1009, 64
	got := e.count(t, func() {
		must(t, testnet.SendUDP(n.Left, n.Right, f, count, size))
		must(t, testnet.SendUDP(n.Right, n.Left, f, count, size))
	})
	k, packet := kindOf(f, UDP4, UDP6), ipHeader(f)+udpHeader+size
	got.want(t, sent(k, count, packet, size), received(k, count, packet, size))
	got.wantUnmatched(t, nil)
	got.wantBalance(t)
	got.wantTimed(t)
	for _, s := range []Span{
		{Receive, Link, Transport}, {Receive, Transport, Socket}, {Transmit, Transport, Driver},
	} {
		if c := got.crossed(s); c != count {
			t.Errorf("%d packets crossed %v, want %d", c, s, count)
		}
	}
	for device, h := range got.drivers {
		if h.Count() != count || device != n.Left.Device {
			t.Errorf("driver of %q timed %d packets, want %d of %q", device, h.Count(), count, n.Left.Device)
		}
	}
	if len(got.queues) != 0 {
		t.Errorf("waits in queues, and there are none: %v", got.queues)
	}
}

const pings, pingSize = 211, icmpHeader + uint64(len("packetscope"))

func checkEchoes(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	got := e.count(t, func() { must(t, testnet.Ping(n.Left, n.Right, f, pings)) })
	k, packet := kindOf(f, ICMP4, ICMP6), ipHeader(f)+pingSize
	read := pingSize
	if f == testnet.IPv4 {
		read = packet // a raw IPv4 socket reads the header too
	}
	got.want(t, sent(k, pings, packet, pingSize), received(k, pings, packet, read))
	got.wantUnmatched(t, nil)
	got.wantBalance(t)
	got.wantTimed(t)
}

func checkEchoesOfTheKernel(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	got := e.count(t, func() { must(t, testnet.Ping(n.Right, n.Left, f, pings)) })
	k, packet := kindOf(f, ICMP4, ICMP6), ipHeader(f)+pingSize
	out, in := sent(k, pings, packet, pingSize), received(k, pings, packet, pingSize)
	delete(out, station{Socket, Transmit, k, NoDevice, ""})
	delete(in, station{Socket, Receive, k, NoDevice, ""})
	got.want(t, out, in)
	got.wantUnmatched(t, nil)
	got.wantBalance(t)
}
