package locator

import (
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/locator/sim"
	"github.com/packetscope/packetscope/internal/wire"
)

// fakeNetwork answers as the routers of a [sim.Net] do. It is for a synctest bubble.
type fakeNetwork struct {
	mu      sync.Mutex
	net     *sim.Net
	answers chan network.Answer
	timeout time.Duration
	source  netip.Addr
	// refuses are routers that answer those who want to go on; unroutable destinations
	// cannot be sent to.
	refuses    map[netip.Addr]bool
	unroutable map[netip.Addr]bool
	// mtus are those of the links behind routers; what is too big vanishes if hideMTU.
	mtus    map[netip.Addr]int
	hideMTU bool
	// sent are the times of all probes.
	sent []time.Time
}

func newFakeNetwork(net *sim.Net) *fakeNetwork {
	return &fakeNetwork{
		net: net, answers: make(chan network.Answer, 1024), timeout: 3 * time.Second, source: netip.MustParseAddr("198.51.100.7"),
		refuses: map[netip.Addr]bool{}, unroutable: map[netip.Addr]bool{},
	}
}

func (f *fakeNetwork) Flow(p wire.Protocol, dest netip.Addr, port uint16, n int) wire.Flow {
	return wire.Flow{Protocol: p, Destination: dest, SourcePort: uint16(n), DestinationPort: port}
}

func (f *fakeNetwork) Answers() <-chan network.Answer { return f.answers }

func (f *fakeNetwork) Source(netip.Addr) (netip.Addr, int, error) { return f.source, 1500, nil }

func (f *fakeNetwork) Stats() network.Stats { return network.Stats{} }

// Send implements Network.
func (f *fakeNetwork) Send(p network.Probe) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unroutable[p.Destination] {
		return syscall.ENETUNREACH
	}
	now := time.Now()
	f.sent = append(f.sent, now)
	a := network.Answer{Probe: p, Sent: now}
	wait := f.timeout
	if r := f.answer(now, p); r != nil {
		a.Reply, a.RTT = r.reply, r.rtt
		wait = r.rtt
	}
	time.AfterFunc(wait, func() { f.answers <- a })
	return nil
}

type fakeReply struct {
	reply *wire.Reply
	rtt   time.Duration
}

func (f *fakeNetwork) answer(now time.Time, p network.Probe) *fakeReply {
	flow := int(p.SourcePort)
	path := f.net.Path(p.Destination, flow)
	for _, at := range path[:min(len(path), max(0, int(p.TTL)-1))] {
		if f.refuses[at.Addr] {
			return &fakeReply{&wire.Reply{From: at.Addr, Kind: wire.Unreachable, Code: 13}, 2 * at.Delay}
		}
		if m := f.mtus[at.Addr]; m > 0 && p.Size > m {
			if f.hideMTU {
				return nil
			}
			return &fakeReply{&wire.Reply{From: at.Addr, Kind: wire.PacketTooBig, MTU: uint32(m)}, 2 * at.Delay}
		}
	}
	got := f.net.Send(now, sim.Probe{Dest: p.Destination, TTL: p.TTL, Flow: flow})
	if !got.From.IsValid() {
		return nil
	}
	reply := &wire.Reply{From: got.From, Kind: wire.TimeExceeded, TTL: 64 - uint8(len(path))}
	if got.Final {
		reply.Kind = wire.EchoReply
	}
	return &fakeReply{reply, got.RTT}
}

// busiest returns the most probes in any second.
func (f *fakeNetwork) busiest() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	most := 0
	for i, at := range f.sent {
		end, _ := slices.BinarySearchFunc(f.sent[i:], at.Add(time.Second), time.Time.Compare)
		most = max(most, end)
	}
	return most
}
