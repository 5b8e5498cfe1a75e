//go:build kernel && linux

package stack

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// Packets and calls that are not the rule. The tests share an engine.

func TestOddPacketsAreCountedAsWhatTheyAre(t *testing.T) {
	n := testnet.New(t)
	e := open(t, n.Left, Config{})
	// Fragments last: those that the kernel puts together leave stamps behind, which
	// are counted as departed when their place is needed.
	t.Run("behind an extension header", func(t *testing.T) { checkExtensionHeader(t, n, e) })
	t.Run("with a VLAN tag", func(t *testing.T) { checkTagged(t, n, e) })
	t.Run("IPv4 on an IPv6 socket", func(t *testing.T) { checkMappedSocket(t, n, e) })
	for _, odd := range []struct {
		name  string
		check func(*testing.T, *testnet.Net, *lab, testnet.Family)
	}{
		{"dropped by a rule", checkDropped},
		{"empty datagrams", checkEmptyDatagrams},
		{"peeked at", checkPeek},
		{"sent in fragments", checkSentFragments},
		{"received in fragments", checkReceivedFragments},
	} {
		for _, f := range testnet.Families {
			t.Run(odd.name+" "+f.String(), func(t *testing.T) { odd.check(t, n, e, f) })
		}
	}
}

// A datagram of 3,000 bytes is three fragments on a link of 1,500.
const big, fragments = 3000, 3

func checkSentFragments(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const count = 101
	got := e.count(t, func() { must(t, testnet.SendUDP(n.Left, n.Right, f, count, big)) })
	k := kindOf(f, UDP4, UDP6)
	wantPackets(t, got, map[station]uint64{
		{Socket, Transmit, k, NoDevice, ""}:   count,
		{Transport, Transmit, k, Virtual, ""}: count,
		{Network, Transmit, k, Virtual, ""}:   count,
		{Qdisc, Transmit, k, Virtual, ""}:     count * fragments,
		{Driver, Transmit, k, Virtual, ""}:    count * fragments,
	})
	if wire := got.at(Driver, Transmit).Wire; wire != count*fragments {
		t.Errorf("%d wire packets, want %d", wire, count*fragments)
	}
	// The kernel makes the fragments between the layers.
	if in := got.sum([]Span{{Transmit, Network, Qdisc}}, Missed); in != count*fragments {
		t.Errorf("%d fragments have crossed to the qdisc or were missed before, want %d", in, count*fragments)
	}
}

func checkReceivedFragments(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const count = 101
	got := e.count(t, func() { must(t, testnet.SendUDP(n.Right, n.Left, f, count, big)) })
	k := kindOf(f, UDP4, UDP6)
	// IPv6 puts datagrams together in the transport layer, IPv4 in the network layer,
	// where a function sees the fragments and netfilter the whole.
	network, transport := uint64(count*fragments), uint64(count*fragments)
	if f == testnet.IPv4 {
		transport = count
		if e.probe(t, "network_receive").Family == Net {
			network = count
		}
	}
	wantPackets(t, got, map[station]uint64{
		{Link, Receive, k, Virtual, ""}:      count * fragments,
		{Network, Receive, k, Virtual, ""}:   network,
		{Transport, Receive, k, Virtual, ""}: transport,
		{Socket, Receive, k, NoDevice, ""}:   count,
	})
	if in := got.sum([]Span{{Receive, Link, Network}}, Missed); in != network {
		t.Errorf("%d packets have crossed to the network or were missed before, want %d", in, network)
	}
	if in := got.sum([]Span{{Receive, Network, Transport}}, Missed); in != transport {
		t.Errorf("%d packets have crossed to the transport or were missed before, want %d", in, transport)
	}
}

func checkDropped(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const count = 101
	p, err := testnet.NewUDPPair(n.Right, n.Left, f)
	must(t, err)
	defer p.Close()
	dropper := n.Left.DropUDP(t, uint16(p.Receiver.LocalAddr().(*net.UDPAddr).Port))
	got := e.count(t, func() {
		for range count {
			_, err := p.Sender.Write(make([]byte, 10))
			must(t, err)
		}
		eventually(t, func() bool { return dropper.Packets(t) == count })
	})
	k := kindOf(f, UDP4, UDP6)
	wantPackets(t, got, map[station]uint64{
		{Link, Receive, k, Virtual, ""}:    count,
		{Network, Receive, k, Virtual, ""}: count,
	})
	got.wantUnmatched(t, map[loss]uint64{{Span{Receive, Network, Transport}, Dropped}: count})
	got.wantBalance(t)
}

func checkEmptyDatagrams(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const count, pause = 11, 50 * time.Millisecond
	k, packet := kindOf(f, UDP4, UDP6), ipHeader(f)+udpHeader
	p, err := testnet.NewUDPPair(n.Right, n.Left, f)
	must(t, err)
	defer p.Close()
	read := func() {
		_, err := p.Receiver.Read(make([]byte, 10))
		must(t, err)
	}
	got := e.count(t, func() {
		for range count {
			_, err := p.Sender.Write(nil)
			must(t, err)
			read()
		}
		time.Sleep(pause) // is what must not show as a wait
		_, err := p.Sender.Write([]byte("x"))
		must(t, err)
		read()
	})
	// Reads that move nothing are not counted.
	all := received(k, count+1, packet, 0)
	for at, v := range all {
		v.Bytes++
		if at.Layer == Socket {
			v = volume{1, 1, 0}
		}
		all[at] = v
	}
	got.want(t, all)
	h := got.reads[reader{k, ""}]
	if h.Count() != 1 || h.SumSeconds > testnet.Margin(pause).Seconds() {
		t.Errorf("%d read waits of %v s, want one of less than %v", h.Count(), h.SumSeconds, pause)
	}
}

func checkPeek(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const count, size = 11, 10
	p, err := testnet.NewUDPPair(n.Right, n.Left, f)
	must(t, err)
	defer p.Close()
	conn, err := p.Receiver.SyscallConn()
	must(t, err)
	got := e.count(t, func() {
		for range count {
			_, err := p.Sender.Write(make([]byte, size))
			must(t, err)
			var peeked int
			must(t, conn.Read(func(fd uintptr) bool {
				peeked, _, err = unix.Recvfrom(int(fd), make([]byte, 100), unix.MSG_PEEK)
				return err != unix.EAGAIN
			}))
			must(t, err)
			if peeked != size {
				t.Fatalf("peeked at %d bytes, want %d", peeked, size)
			}
			_, err = p.Receiver.Read(make([]byte, 100))
			must(t, err)
		}
	})
	k := kindOf(f, UDP4, UDP6)
	got.want(t, received(k, count, ipHeader(f)+udpHeader+size, size))
	wantWaits(t, "read wait", got.reads[reader{k, ""}], count, 0, testnet.Margin(5*time.Second))
}

// wantPackets is tally.want for packets only.
func wantPackets(t *testing.T, got tally, want map[station]uint64) {
	t.Helper()
	for at, v := range got.traffic {
		if v.Packets != want[at] {
			t.Errorf("%v: %d packets, want %d", at, v.Packets, want[at])
		}
	}
	for at, n := range want {
		if _, ok := got.traffic[at]; !ok {
			t.Errorf("%v: no packets, want %d", at, n)
		}
	}
}
