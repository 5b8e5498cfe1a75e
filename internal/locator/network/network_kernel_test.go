//go:build kernel && linux

package network_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

var timeout = testnet.Margin(500 * time.Millisecond)

// open opens a Network at the host of a path.
func open(t *testing.T, p *testnet.Path, way network.Way) *network.Network {
	t.Helper()
	var n *network.Network
	var err error
	p.Host.Do(t, func() { n, err = network.Open(network.Config{Way: way, Timeout: timeout}) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func send(t *testing.T, n *network.Network, p network.Probe) {
	t.Helper()
	if err := n.Send(p); err != nil {
		t.Fatalf("send %+v: %v", p, err)
	}
}

// answers waits for so many.
func answers(t *testing.T, n *network.Network, count int) []network.Answer {
	t.Helper()
	var got []network.Answer
	late := time.After(timeout + testnet.Margin(3*time.Second))
	for len(got) < count {
		select {
		case a := <-n.Answers():
			got = append(got, a)
		case <-late:
			t.Fatalf("%d answers, want %d; %+v", len(got), count, n.Stats())
		}
	}
	return got
}

// one sends a probe and waits for what becomes of it.
func one(t *testing.T, n *network.Network, p network.Probe) network.Answer {
	t.Helper()
	send(t, n, p)
	return answers(t, n, 1)[0]
}

// hop says who answered and how, "nobody" if nobody did.
func hop(a network.Answer) string {
	switch {
	case a.Err != nil:
		return a.Err.Error()
	case a.Reply == nil:
		return "nobody"
	}
	said := fmt.Sprintf("%s: %s", a.Reply.From, a.Reply.Reason())
	if a.Reply.MTU != 0 {
		said += fmt.Sprintf(" %d", a.Reply.MTU)
	}
	for _, label := range a.Reply.Extensions.MPLS {
		said += fmt.Sprintf(" labels %d", label.Value)
	}
	return said
}

// listen opens a port of TCP at the destination.
func listen(t *testing.T, ns *testnet.Namespace) (port uint16) {
	t.Helper()
	var l net.Listener
	var err error
	ns.Do(t, func() { l, err = net.Listen("tcp", "[::]:0") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// ends are how destinations answer.
type end struct {
	protocol wire.Protocol
	port     uint16
	reason   string
}

func ends(open uint16) []end {
	return []end{
		{wire.UDP, 33434, "port_unreachable"},
		{wire.ICMP, 0, "echo_reply"},
		{wire.TCP, open, "syn_ack"},
		{wire.TCP, 9, "reset"},
	}
}

func TestEveryHopOfAPathAnswers(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	port := listen(t, p.Dest)
	var jobs []job
	var want []string
	for _, f := range testnet.Families {
		for k, e := range ends(port) {
			hops := p.Hops(f)
			for i, hop := range hops {
				reason := "time_exceeded"
				if i == len(hops)-1 {
					reason = e.reason
				}
				jobs = append(jobs, job{Protocol: e.protocol, Dest: p.Dest.Addr(f), Port: e.port, Number: 8*k + i, TTL: i + 1})
				want = append(want, fmt.Sprintf("%s: %s", hop[0], reason))
			}
		}
	}
	for _, way := range []network.Way{network.Raw, network.Queue} {
		t.Run(way.String(), func(t *testing.T) {
			r := run(t, p, way, jobs)
			if d := cmp.Diff(want, r.Hops); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			sent := uint64(len(jobs))
			stats := network.Stats{Way: way, Sent: sent, Timestamps: r.Stats.Timestamps, Reason: r.Stats.Reason}
			if r.Stats != stats {
				t.Errorf("got %+v, want %+v", r.Stats, stats)
			}
			// Without privileges nobody tells when a SYN left, or a reset came.
			var syns, resets uint64
			if way == network.Queue {
				syns, resets = 16, 2
			}
			for name, c := range map[string]struct{ got, want network.Clocks }{
				"sent":     {r.Stats.Timestamps.TX, network.Clocks{Kernel: sent - syns, User: syns}},
				"received": {r.Stats.Timestamps.RX, network.Clocks{Kernel: sent - resets, User: resets}},
			} {
				if c.got != c.want {
					t.Errorf("%s: stamped by %+v, want %+v", name, c.got, c.want)
				}
			}
		})
	}
}
