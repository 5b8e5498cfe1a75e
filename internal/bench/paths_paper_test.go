//go:build bench

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/wire"
)

// paperTime is how long windows need to be full: 256 rounds of 10 s, and some that are
// left out.
const paperTime = time.Hour

// onPaper measures what the engine takes by itself, at a network that needs no kernel.
func onPaper(t *testing.T) (cost pathCost) {
	synctest.Test(t, func(t *testing.T) {
		var destinations []locator.Destination
		for i := range byte(locator.MaxDestinations) {
			destinations = append(destinations, locator.Destination{Name: fmt.Sprint(i), Host: paperDestination(i).String()})
		}
		n := &paper{chance: rand.New(rand.NewPCG(1, 1)), answers: make(chan network.Answer, 1024)}
		before := liveMemory()
		e, err := locator.New(locator.Config{Destinations: destinations}, locator.Parts{Network: n})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		used := usage(t)
		go func() { done <- e.Run(ctx) }()
		time.Sleep(paperTime)
		synctest.Wait()
		cost.cpu = 100 * (usage(t) - used).Seconds() / paperTime.Seconds()
		cost.memory = liveMemory() - before
		var s *locator.Snapshot
		cost.snapshot = cpuOf(func() { s = e.Snapshot() }) / 1e3
		if !allKnown(s, longPath) {
			t.Error("not all paths are known")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // until the last answers are there
	})
	return cost
}

// paper is a network on which each destination has a path of its own, from the fourth router on.
type paper struct {
	chance  *rand.Rand
	answers chan network.Answer
	sent    uint64
}

func paperDestination(i byte) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, i}) }

// Flow implements locator.Network.
func (*paper) Flow(p wire.Protocol, to netip.Addr, port uint16, n int) wire.Flow {
	return wire.Flow{Protocol: p, Destination: to, SourcePort: uint16(n), DestinationPort: port}
}

// Send implements locator.Network.
func (n *paper) Send(p network.Probe) error {
	n.sent++
	rtt := time.Duration(p.TTL)*time.Millisecond + time.Duration(n.chance.IntN(1000))*time.Microsecond
	a := network.Answer{Probe: p, Sent: time.Now(), RTT: rtt}
	to := p.Destination.As4()
	switch {
	case p.TTL >= longPath:
		a.Reply = &wire.Reply{From: p.Destination, Kind: wire.EchoReply, TTL: 64 - longPath + 1}
	case p.TTL <= 3:
		to[3] = 0
		fallthrough
	default:
		from := netip.AddrFrom4([4]byte{198, 18, p.TTL, to[3]})
		a.Reply = &wire.Reply{From: from, Kind: wire.TimeExceeded, TTL: 64 - p.TTL + 1}
	}
	time.AfterFunc(rtt, func() { n.answers <- a })
	return nil
}

// Answers implements locator.Network.
func (n *paper) Answers() <-chan network.Answer { return n.answers }

// Source implements locator.Network.
func (*paper) Source(netip.Addr) (netip.Addr, int, error) {
	return netip.AddrFrom4([4]byte{192, 0, 2, 1}), 1500, nil
}

// Stats implements locator.Network.
func (n *paper) Stats() network.Stats { return network.Stats{Sent: n.sent} }
