//go:build kernel && linux

package network_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

func TestRoutersTellWhatIsTooBig(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	p.SetMTU(t, 3, 1400)
	var jobs []job
	var want []string
	for _, f := range testnet.Families {
		for _, e := range []end{{wire.UDP, 33434, "port_unreachable"}, {wire.ICMP, 0, "echo_reply"}} {
			for _, test := range []struct {
				size int
				want string
			}{
				{1400, fmt.Sprintf("%s: %s", p.Dest.Addr(f), e.reason)},
				{1401, fmt.Sprintf("%s: packet_too_big 1400", p.Hops(f)[1][0])},
				{1501, "message too long"},
			} {
				jobs = append(jobs, job{Protocol: e.protocol, Dest: p.Dest.Addr(f), Port: e.port, TTL: 9, Size: test.size, Whole: true})
				want = append(want, test.want)
			}
		}
	}
	for _, way := range []network.Way{network.Raw, network.Queue} {
		if d := cmp.Diff(want, run(t, p, way, jobs).Hops); d != "" {
			t.Errorf("%s: -want +got:\n%s", way, d)
		}
	}
}

func TestSilenceAndRefusalAreToldApart(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	p.Stages[0][0].Silence(t)
	p.Stages[1][0].Reject(t)
	var jobs []job
	var want []string
	for _, f := range testnet.Families {
		r := p.Hops(f)[1][0]
		for i, hop := range []string{"nobody", fmt.Sprintf("%s: time_exceeded", r), fmt.Sprintf("%s: communication_prohibited", r)} {
			jobs = append(jobs, job{Protocol: wire.UDP, Dest: p.Dest.Addr(f), Port: 33434, TTL: i + 1})
			want = append(want, hop)
		}
	}
	for _, way := range []network.Way{network.Raw, network.Queue} {
		if d := cmp.Diff(want, run(t, p, way, jobs).Hops); d != "" {
			t.Errorf("%s: -want +got:\n%s", way, d)
		}
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	p.Host.Set(t, "ipv4/ping_group_range", "1 0")
	r := asNobody(t, p.Host, []job{{Protocol: wire.ICMP, Dest: p.Dest.V4, TTL: 1}})
	if r.Error != "" || r.Stats.Way != network.Queue || r.Stats.Sent != 0 {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(r.Stats.Reason, "CAP_NET_RAW") {
		t.Errorf("reason %q does not name the capability", r.Stats.Reason)
	}
	if len(r.Hops) != 1 || !strings.Contains(r.Hops[0], "ping_group_range") {
		t.Errorf("answers %q do not name the setting", r.Hops)
	}
}

func TestProbesThatCannotBeSent(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	var n *network.Network
	alone := testnet.New(t)
	alone.Left.Do(t, func() {
		var err error
		if n, err = network.Open(network.Config{Way: network.Raw}); err != nil {
			t.Fatal(err)
		}
	})
	for _, f := range testnet.Families {
		// There is no route out of there.
		a := one(t, n, network.Probe{Flow: n.Flow(wire.UDP, p.Dest.Addr(f), 53, 0), TTL: 1, Tag: f})
		if f == testnet.IPv4 && p.Dest.V4 == alone.Right.V4 {
			t.Fatal("the two networks share addresses")
		}
		if !errors.Is(a.Err, unix.ENETUNREACH) || a.Reply != nil || a.Tag != f {
			t.Errorf("%s: got %+v", f, a)
		}
	}
	for name, damage := range map[string]func(*network.Probe){
		"no TTL":         func(p *network.Probe) { p.TTL = 0 },
		"too small":      func(p *network.Probe) { p.Size = 10 },
		"foreign port":   func(p *network.Probe) { p.SourcePort = 53 },
		"no destination": func(p *network.Probe) { p.Destination = p.Source },
	} {
		probe := network.Probe{Flow: n.Flow(wire.UDP, alone.Right.V4, 53, 0), TTL: 1}
		damage(&probe)
		if err := n.Send(probe); err == nil {
			t.Errorf("%s: sent", name)
		}
	}
	n.Close()
	if err := n.Send(network.Probe{Flow: n.Flow(wire.UDP, alone.Right.V4, 53, 0), TTL: 1}); !errors.Is(err, network.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
	if a, ok := <-n.Answers(); ok {
		t.Errorf("after Close: got %+v", a)
	}
	if got := n.Stats(); got.Sent != 0 {
		t.Errorf("got %+v", got)
	}
}
