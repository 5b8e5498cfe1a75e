//go:build kernel && linux

package network_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// Linux hashes ports of UDP and TCP, and of ICMP in IPv6 its label.
func TestAFlowHasOneWayAndFlowsHaveMany(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 3, 1}})
	ways := []network.Way{network.Raw, network.Queue}
	for _, way := range ways {
		for _, f := range testnet.Families {
			for _, protocol := range []wire.Protocol{wire.UDP, wire.TCP} {
				t.Run(way.String()+"/"+f.String()+"/"+protocol.String(), func(t *testing.T) {
					var jobs []job
					const flows, times = 24, 2
					for number := range flows {
						for i := range times {
							j := job{Protocol: protocol, Dest: p.Dest.Addr(f), Port: 33434, Number: number, TTL: 2}
							if protocol == wire.UDP {
								j.Size = 60 + 7*i
							}
							jobs = append(jobs, j)
						}
					}
					seen := map[string]int{}
					hops := run(t, p, way, jobs).Hops
					for i, hop := range hops {
						// Between namespaces the kernel knows a connection again by a number of its
						// own and hashes that, which no wire carries.
						connected := way == network.Queue && protocol == wire.TCP
						if first := hops[i/times*times]; hop != first && !connected {
							t.Errorf("flow %d: got %s after %s", i/times, hop, first)
						}
						seen[hop]++
					}
					for _, r := range p.Hops(f)[1] {
						delete(seen, r.String()+": time_exceeded")
						if n := seen[r.String()]; n == flows*times {
							t.Errorf("all flows go over %s", r)
						}
					}
					if len(seen) > 0 {
						t.Errorf("also got %v", seen)
					}
				})
			}
		}
	}
}

// The way Queue asks the kernel for ports and labels: do they go out?
func TestTheKernelSendsTheFlowThatIsAskedFor(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	var jobs []job
	var want []wire.Flow
	n := open(t, p, network.Raw) // tells what flows there are in the next range
	for _, protocol := range []wire.Protocol{wire.UDP, wire.TCP} {
		for number := range 3 {
			for range 2 {
				jobs = append(jobs, job{Protocol: protocol, Dest: p.Dest.V6, Port: 9, Number: number, TTL: 9})
				f := n.Flow(protocol, p.Dest.V6, 9, number)
				f.Source, f.SourcePort, f.Label = p.Host.V6, f.SourcePort+128, f.Label+128<<4
				want = append(want, f)
			}
		}
	}
	r := newResponder(t, p, testnet.IPv6)
	r.port = 9
	run(t, p, network.Queue, jobs)
	for i, f := range want {
		b := r.next(t)
		got := f
		got.Label = binary.BigEndian.Uint32(b) & 0xfffff
		got.SourcePort = binary.BigEndian.Uint16(b[40:])
		if got != f {
			t.Errorf("packet %d: got %+v, want %+v", i, got, f)
		}
	}
}

func TestFlowsAreStable(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	a, b := open(t, p, network.Raw), open(t, p, network.Raw)
	seen := map[wire.Flow]bool{}
	for _, f := range testnet.Families {
		for number := range 128 {
			for _, n := range []*network.Network{a, b} {
				flow := n.Flow(wire.UDP, p.Dest.Addr(f), 53, number)
				if seen[flow] {
					t.Errorf("flow %+v is another one's too", flow)
				}
				if again := n.Flow(wire.UDP, p.Dest.Addr(f), 53, number); again != flow {
					t.Errorf("flow %d: got %+v, then %+v", number, flow, again)
				}
				seen[flow] = true
				flow.Protocol, flow.DestinationPort = wire.ICMP, 0
				if got := n.Flow(wire.ICMP, p.Dest.Addr(f), 53, number); got != flow {
					t.Errorf("flow %d of ICMP: got %+v, want %+v", number, got, flow)
				}
			}
		}
	}
}

func TestNobodyElseGetsThePortsOfFlows(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	for _, way := range []network.Way{network.Raw, network.Queue} {
		n := open(t, p, way)
		for number := range 128 {
			address := fmt.Sprintf(":%d", n.Flow(wire.UDP, p.Dest.V4, 53, number).SourcePort)
			p.Host.Do(t, func() {
				for _, version := range []string{"4", "6"} {
					if l, err := net.Listen("tcp"+version, address); err == nil {
						l.Close()
						t.Errorf("%s: tcp%s %s is free", way, version, address)
					}
					if l, err := net.ListenPacket("udp"+version, address); err == nil {
						l.Close()
						t.Errorf("%s: udp%s %s is free", way, version, address)
					}
				}
			})
		}
	}
}

func TestSourceIsTheRoutes(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	p.SetMTU(t, 1, 1400)
	n := open(t, p, network.Raw)
	for _, f := range testnet.Families {
		source, mtu, err := n.Source(p.Dest.Addr(f))
		if source != p.Host.Addr(f) || mtu != 1400 || err != nil {
			t.Errorf("%s: source %v, MTU %d, %v", f, source, mtu, err)
		}
	}
	self := netip.MustParseAddr("::1")
	if source, _, err := n.Source(self); source != self || err != nil {
		t.Errorf("got %v, %v for %v", source, err, self)
	}
}
