//go:build kernel && linux

package locator

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// Routers as they come limit the errors that they send: of IPv4 one per second for each
// host, of IPv6 ten. To a tool that asks 20 times per second that is loss of the routers,
// and by UDP of the destination too. The engine, with its own budgets, is at the same
// time on the same path, from the same address even as mtr by ICMP, and sees no loss
// of the path.
//
// By UDP the others have another address: what the destination does not answer as
// somebody else has asked too often, nobody could tell from loss.
func TestLimitsAreNoLossBesideMtr(t *testing.T) {
	needRivals(t)
	for _, protocol := range []wire.Protocol{wire.ICMP, wire.UDP} {
		t.Run(protocol.String(), func(t *testing.T) {
			t.Parallel()
			compareLoss(t, protocol)
		})
	}
}

func compareLoss(t *testing.T, protocol wire.Protocol) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}, Limited: true})
	other := &testnet.Namespace{V4: netip.MustParseAddr("198.18.200.1"), V6: netip.MustParseAddr("2001:db8:200::1")}
	p.Alias(t, p.Host, other.V4, other.V6)
	e := measure(t, p.Host, Config{Destinations: to(p, protocol), Interval: time.Second}, Parts{})
	until(t, e, 20*time.Second, func(at Path) string { return is(at, p.Hops(family(at))) })

	found := besides(t, p, other)
	s := e.Snapshot()
	for name, all := range found {
		for ttl := 1; ttl <= 4; ttl++ {
			t.Logf("%s, TTL %d: %.0f %% of %d lost", name, ttl, 100*all[ttl].lost(), all[ttl].sent)
		}
	}
	for _, f := range testnet.Families {
		// Of IPv6 it is half of 20 per second, which are fewer on a busy machine.
		least := map[testnet.Family]float64{testnet.IPv4: 0.5, testnet.IPv6: 0.2}[f]
		for _, protocol := range []wire.Protocol{wire.ICMP, wire.UDP} {
			all := found[fmt.Sprintf("mtr %v %v", protocol, f)]
			for ttl := 1; ttl <= 4; ttl++ {
				lost, limited := all[ttl].lost(), ttl < 4 || protocol == wire.UDP
				if all[ttl].sent < rivalRounds || limited && lost < least || !limited && lost > 0 {
					t.Errorf("mtr by %v, %v, TTL %d: %.2f of %d lost: the path is not limited as it should be", protocol, f, ttl, lost, all[ttl].sent)
				}
			}
		}
	}
	for _, at := range s.Paths {
		if why := is(at, p.Hops(family(at))); why != "" || at.End.Lost > 0 || at.End.Loss.Class != path.None || at.End.Sent < 5 || len(at.Events) > 0 {
			t.Errorf("%s: end %d of %d lost, %v, events %v; %s", at.Name, at.End.Lost, at.End.Sent, at.End.Loss.Class, levels(at), why)
		}
		for _, ttl := range at.TTLs {
			l := ttl.Loss
			t.Logf("%s, TTL %d: %d of %d answered, %v, loss of the path %.3f", at.Name, ttl.TTL, l.Answered, l.Sent, l.Class, l.Path.Value)
			limited := l.Class == path.Limited && ttl.TTL < 4
			if l.Class != path.None && !limited || l.Path.Value > 0 {
				t.Errorf("%s, TTL %d: class %v, loss of the path %v of %d", at.Name, ttl.TTL, l.Class, l.Path.Value, l.Sent)
			}
		}
	}
}

// rivalRounds is how many rounds mtr makes, in 20 s.
const rivalRounds = 400

// besides runs mtr by ICMP from the address of the host, by UDP from another one, and
// traceroute from there too, all at once and to both families.
func besides(t *testing.T, p *testnet.Path, other *testnet.Namespace) map[string]trials {
	found := make(map[string]trials)
	var mu sync.Mutex
	var busy sync.WaitGroup
	ask := func(name string, f testnet.Family, run func() (trials, error)) {
		busy.Go(func() {
			all, err := run()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			found[fmt.Sprintf("%s %v", name, f)] = all
		})
	}
	for _, f := range testnet.Families {
		dest, from := p.Dest.Addr(f), other.Addr(f).String()
		ask("mtr icmp", f, func() (trials, error) { return mtr(t, p.Host, dest, rivalRounds) })
		ask("mtr udp", f, func() (trials, error) { return mtr(t, p.Host, dest, rivalRounds, "-u", "-a", from) })
		ask("traceroute udp", f, func() (trials, error) { return traceroute(t, p.Host, dest, "-s", from) })
	}
	busy.Wait()
	return found
}
