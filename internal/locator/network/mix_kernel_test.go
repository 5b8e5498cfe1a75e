//go:build kernel && linux

package network_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// Two Networks trace at once to several ports by all protocols, and others send too.
func TestTracesNeverMix(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	var group sync.WaitGroup
	for range 2 {
		n := open(t, p, network.Raw)
		group.Go(func() { mix(t, n, p) })
	}
	group.Go(func() {
		for _, f := range testnet.Families {
			if err := testnet.Ping(p.Host, p.Dest, f, 50); err != nil {
				t.Error(err)
			}
			if err := testnet.SendTCP(p.Host, p.Dest, f, 10_000); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
}

func mix(t *testing.T, n *network.Network, p *testnet.Path) {
	var sent []network.Probe
	for number := range 15 {
		for _, f := range testnet.Families {
			for protocol := wire.ICMP; protocol <= wire.TCP; protocol++ {
				for ttl := range p.Hops(f) {
					flow := n.Flow(protocol, p.Dest.Addr(f), uint16(33434+number%3), number)
					sent = append(sent, network.Probe{Flow: flow, TTL: uint8(ttl + 1), Tag: len(sent)})
				}
			}
		}
	}
	go func() {
		for _, probe := range sent {
			if err := n.Send(probe); err != nil {
				t.Errorf("send %+v: %v", probe, err)
			}
		}
	}()
	seen := map[any]bool{}
	for range sent {
		a := <-n.Answers()
		f, reason := testnet.IPv4, "time_exceeded"
		if a.Destination.Is6() {
			f = testnet.IPv6
		}
		if hops := p.Hops(f); int(a.TTL) == len(hops) {
			reason = map[wire.Protocol]string{wire.ICMP: "echo_reply", wire.UDP: "port_unreachable", wire.TCP: "reset"}[a.Protocol]
		}
		want := fmt.Sprintf("%s: %s", p.Hops(f)[a.TTL-1][0], reason)
		if got := hop(a); got != want {
			t.Errorf("%+v: got %s, want %s", a.Probe, got, want)
		}
		a.Source = sent[a.Tag.(int)].Source
		if seen[a.Tag] || a.Probe != sent[a.Tag.(int)] {
			t.Errorf("got %+v, seen before: %v", a.Probe, seen[a.Tag])
		}
		seen[a.Tag] = true
	}
	got := n.Stats()
	if want := (network.Stats{Way: network.Raw, Sent: uint64(len(sent)), Timestamps: got.Timestamps}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Who answers is the test, which sees the probes where they arrive.
func TestLateAnswersAreCountedLate(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	for _, f := range testnet.Families {
		t.Run(f.String(), func(t *testing.T) {
			n, r := open(t, p, network.Raw), newResponder(t, p, f)
			flow := n.Flow(wire.UDP, p.Dest.Addr(f), r.port, 0)
			probe := network.Probe{Flow: flow, TTL: 9}

			send(t, n, probe)
			first := r.next(t)
			r.answer(t, first)
			if a := answers(t, n, 1)[0]; a.Reply == nil {
				t.Fatalf("got %+v, want an answer", a)
			}
			r.answer(t, first) // a duplicate

			begin := time.Now()
			send(t, n, probe)
			second := r.next(t)
			if a := answers(t, n, 1)[0]; a.Reply != nil || a.Err != nil || a.RTT != 0 || time.Since(begin) < timeout {
				t.Fatalf("got %+v after %v, want no answer", a, time.Since(begin))
			}
			r.answer(t, second) // late
			r.answer(t, second) // and twice
			r.answer(t, r.strange(second))

			// What came before the last answer was read before it.
			send(t, n, probe)
			r.answer(t, r.next(t))
			if a := answers(t, n, 1)[0]; a.Reply == nil {
				t.Fatalf("got %+v, want an answer", a)
			}
			got := n.Stats()
			want := network.Stats{Way: network.Raw, Sent: 3, Late: 1, Duplicates: 2, Unmatched: 1, Timestamps: got.Timestamps}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
