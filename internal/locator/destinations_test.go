package locator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/passive"
	"github.com/packetscope/packetscope/internal/locator/sim"
	"github.com/packetscope/packetscope/internal/wire"
)

// chain leads to a destination of its own behind n routers.
func chain(net *sim.Net, i, n int) netip.Addr {
	var stages [][]*sim.Router
	for k := range n {
		stages = append(stages, []*sim.Router{router(i, k+1)})
	}
	return net.Chain(stages...)
}

// book is a resolver.
type book struct {
	mu    sync.Mutex
	addrs map[string][]netip.Addr
	asked int
}

func (b *book) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	var fits []netip.Addr
	for _, a := range b.addrs[host] {
		if network == "ip" || (network == "ip4") == a.Is4() {
			fits = append(fits, a)
		}
	}
	if fits == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return fits, nil
}

func (b *book) set(host string, addrs ...netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addrs[host] = addrs
}

func TestNamesAreResolvedAgainAndAgain(t *testing.T) {
	net := sim.New(1)
	first, second := chain(net, 0, 4), chain(net, 1, 6)
	names := &book{addrs: map[string][]netip.Addr{}}
	cfg := Config{Destinations: []Destination{{Name: "shop", Host: "shop.example"}}}
	inWorld(t, net, cfg, Parts{Resolver: names}, func(w *world) {
		w.wait(time.Minute)
		p := w.Snapshot().Paths[0]
		if p.State != Unresolved || p.Error != "shop.example: no such host" || p.AddressFamily != 4 || p.End.Sent != 0 {
			t.Errorf("without an address: %+v", p)
		}
		names.set("shop.example", first, second)
		w.wait(2 * time.Minute)
		p = w.Snapshot().Paths[0]
		if p.Address != first || p.Error != "" || p.Length != 4 {
			t.Errorf("with an address: %v, error %q, %d hops", p.Address, p.Error, p.Length)
		}
		sent := p.End.Sent
		names.set("shop.example", second, first)
		w.wait(20 * time.Minute)
		if p = w.Snapshot().Paths[0]; p.Address != first || p.Length != 4 || p.End.Sent < sent+100 {
			t.Errorf("the address changed to %v although it is still one of the name's", p.Address)
		}
		sent = p.End.Sent
		names.set("shop.example", second)
		w.wait(20 * time.Minute)
		if p = w.Snapshot().Paths[0]; p.Address != second || p.Length != 6 || p.End.Sent <= sent {
			t.Errorf("the address is %v, %d hops, %d probes after %d", p.Address, p.Length, p.End.Sent, sent)
		}
		names.set("shop.example")
		w.wait(20 * time.Minute)
		if p = w.Snapshot().Paths[0]; p.Address != second || p.Error == "" || !p.Reached {
			t.Errorf("a name that vanished stops what is measured: %v, error %q", p.Address, p.Error)
		}
		if names.asked > 60 {
			t.Errorf("the resolver was asked %d times in an hour", names.asked)
		}
	})
}

func TestOneWithoutARouteDisturbsNoOther(t *testing.T) {
	net := sim.New(1)
	good, bad := chain(net, 0, 4), chain(net, 1, 6)
	cfg := Config{Destinations: []Destination{{Name: "bad", Host: bad.String()}, {Name: "good", Host: good.String()}}}
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		w.fake.mu.Lock()
		w.fake.unroutable[bad] = true
		w.fake.mu.Unlock()
		w.wait(10 * time.Minute)
		s := w.Snapshot()
		p := s.Paths[0]
		if p.Error != "no route to it from this host" || !p.Known || p.Reached || p.End.Sent < 50 || p.End.Lost != p.End.Sent || p.End.Loss.Apparent.Value != 1 {
			t.Errorf("bad: error %q, known %v, reached %v, end %+v", p.Error, p.Known, p.Reached, p.End)
		}
		if p := s.Paths[1]; p.Error != "" || !p.Reached || p.End.Lost != 0 {
			t.Errorf("good: error %q, reached %v, end %+v", p.Error, p.Reached, p.End)
		}
		w.fake.mu.Lock()
		w.fake.unroutable = map[netip.Addr]bool{}
		w.fake.mu.Unlock()
		w.wait(5 * time.Minute)
		if p := w.Snapshot().Paths[0]; p.Error != "" || !p.Reached || p.Length != 6 {
			t.Errorf("bad, when there is a route: error %q, reached %v, length %d", p.Error, p.Reached, p.Length)
		}
	})
}

func TestARouterThatRefusesEndsThePath(t *testing.T) {
	net := sim.New(1)
	dest := chain(net, 0, 9)
	cfg := Config{Destinations: []Destination{{Name: "walled", Host: dest.String()}}}
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		wall := router(0, 5).Addr
		w.fake.mu.Lock()
		w.fake.refuses[wall] = true
		w.fake.mu.Unlock()
		w.wait(10 * time.Minute)
		p := w.Snapshot().Paths[0]
		if p.Blocked != wall || p.BlockedReason != "communication_prohibited" || p.Reached || !p.Known || p.Length != 0 || len(p.Hops) != 5 {
			t.Errorf("blocked by %v (%s), reached %v, length %d, hops %q", p.Blocked, p.BlockedReason, p.Reached, p.Length, addrs(p))
		}
		if n := len(w.fake.sent); n > 60*10 {
			t.Errorf("%d probes in 10 minutes to a destination 6 hops away", n)
		}
		w.fake.mu.Lock()
		w.fake.refuses = map[netip.Addr]bool{}
		w.fake.mu.Unlock()
		w.wait(10 * time.Minute)
		if p = w.Snapshot().Paths[0]; p.Blocked.IsValid() || !p.Reached || p.Length != 9 || len(p.Hops) != 9 {
			t.Errorf("afterwards: blocked by %v, reached %v, length %d, hops %q", p.Blocked, p.Reached, p.Length, addrs(p))
		}
	})
}

func TestAnotherConfigKeepsWhatStays(t *testing.T) {
	net := sim.New(1)
	var all []Destination
	for i := range 3 {
		dest := chain(net, i, 4+i)
		all = append(all, Destination{Name: fmt.Sprint("d", i), Host: dest.String(), Protocol: wire.UDP})
	}
	inWorld(t, net, Config{Destinations: all[:2]}, Parts{}, func(w *world) {
		w.wait(10 * time.Minute)
		before := w.Snapshot().Paths[1].End
		if err := w.Apply(Config{Destinations: []Destination{all[2], all[1]}}); err != nil {
			t.Fatal(err)
		}
		w.wait(5 * time.Minute)
		s := w.Snapshot()
		if len(s.Paths) != 2 || s.Paths[0].Name != "d2" || s.Paths[0].Length != 6 {
			t.Errorf("paths: %+v", s.Paths)
		}
		after := s.Paths[1].End
		if s.Paths[1].Name != "d1" || after.Sent <= before.Sent || after.Lost != 0 {
			t.Errorf("the one that stayed: %+v, before %+v", after, before)
		}
		if err := w.Apply(Config{Destinations: all[1:2], Interval: time.Minute}); err != nil {
			t.Fatal(err)
		}
		w.wait(10 * time.Minute)
		s = w.Snapshot()
		rounds := s.Paths[0].End.Sent - after.Sent
		if rounds < 9 || rounds > 13 || s.Self.Interval != time.Minute || s.Self.Sent["round"] == 0 {
			t.Errorf("%d rounds in 10 minutes, self %+v", rounds, s.Self)
		}
	})
}

func TestBeyondTheLimitDestinationsAreRefused(t *testing.T) {
	net := sim.New(1)
	var all []Destination
	for i := range MaxDestinations + 3 {
		all = append(all, Destination{Name: fmt.Sprint(i), Host: chain(net, i, 3).String()})
	}
	inWorld(t, net, Config{Destinations: all}, Parts{}, func(w *world) {
		w.wait(time.Minute)
		if s := w.Snapshot(); len(s.Paths) != MaxDestinations || s.Self.Refused != 3 {
			t.Errorf("%d paths, %d refused", len(s.Paths), s.Self.Refused)
		}
	})
}

// Sixty-four destinations behind four common routers with Linux's own limits: nobody looks
// lossy, and the budget is kept.
func TestManyDestinationsSpareTheirRouters(t *testing.T) {
	net := sim.New(1)
	var common [][]*sim.Router
	for k := range 4 {
		common = append(common, []*sim.Router{router(100, k+1)})
	}
	var all []Destination
	for i := range MaxDestinations {
		stages := slices.Clone(common)
		for k := range 8 {
			stages = append(stages, []*sim.Router{router(i, k+1)})
		}
		all = append(all, Destination{Name: fmt.Sprint(i), Host: net.Chain(stages...).String(), Protocol: wire.UDP})
	}
	inWorld(t, net, Config{Destinations: all}, Parts{}, func(w *world) {
		w.wait(2 * time.Hour)
		s := w.Snapshot()
		for _, p := range s.Paths {
			if p.Length != 12 || !p.Reached || p.State != Steady {
				t.Errorf("%s: length %d, reached %v, %s", p.Name, p.Length, p.Reached, p.State)
			}
			for _, ttl := range p.TTLs {
				if l := ttl.Loss; l.Class.String() != "none" || l.Sent-l.Answered > 2 {
					t.Errorf("%s: TTL %d: %d of %d answered, class %v", p.Name, ttl.TTL, l.Answered, l.Sent, l.Class)
				}
			}
		}
		refused := 0
		for _, stage := range common {
			for _, limit := range stage[0].Limits {
				refused += limit.Refused
			}
		}
		perSecond := float64(len(w.fake.sent)) / (2 * time.Hour).Seconds()
		t.Logf("%.1f packets/s, %d in the busiest second, interval %v, %d answers refused by the common routers", perSecond, w.fake.busiest(), s.Self.Interval, refused)
		if refused > 0 || perSecond > 100 || w.fake.busiest() > 100 {
			t.Error("the budget was not kept, or routers were asked too much")
		}
	})
}

// talk is a host with connections.
type talk struct{ conns []passive.Conn }

func (t *talk) Read() ([]passive.Conn, error) {
	if t.conns == nil {
		return nil, errors.New("no netlink here")
	}
	return t.conns, nil
}

func conn(remote netip.AddrPort, bytes uint64) passive.Conn {
	return passive.Conn{
		Local: netip.MustParseAddrPort("192.0.2.1:40000"), Remote: remote, RTT: 12 * time.Millisecond, MinRTT: 9 * time.Millisecond,
		Interval: passive.Counts{Received: bytes, Segments: 100, Retransmitted: 2},
	}
}

func TestDestinationsAreFoundByConnections(t *testing.T) {
	net := sim.New(1)
	chainTo := func(addr string) netip.Addr {
		at := router(0, 1)
		end := router(0, 2)
		end.Addr = netip.MustParseAddr(addr)
		return net.Chain([]*sim.Router{at}, []*sim.Router{end})
	}
	host := &talk{}
	known, big := chainTo("9.9.9.9"), chainTo("8.8.8.8")
	host.conns = []passive.Conn{
		conn(netip.AddrPortFrom(known, 443), 1000), conn(netip.AddrPortFrom(big, 853), 5000),
		conn(netip.MustParseAddrPort("10.1.2.3:443"), 9000),
	}
	cfg := Config{
		Destinations: []Destination{{Name: "known", Host: known.String()}},
		Discover:     Discover{Top: 5, Protocol: wire.TCP},
	}
	inWorld(t, net, cfg, Parts{Connections: host}, func(w *world) {
		w.wait(5 * time.Minute)
		s := w.Snapshot()
		var names []string
		for _, p := range s.Paths {
			names = append(names, fmt.Sprintf("%s %v found=%v", p.Name, p.Destination, p.Found))
		}
		want := "known icmp://9.9.9.9 found=false\n8.8.8.8 tcp://8.8.8.8:853 found=true"
		if got := strings.Join(names, "\n"); got != want {
			t.Errorf("destinations:\n%s\nwant:\n%s", got, want)
		}
		wantPassive := []Passive{
			{Network: netip.MustParsePrefix("8.8.8.0/24"), Address: big, Dest: "8.8.8.8", Connections: 1, Received: 5000,
				RTT: 12 * time.Millisecond, RTTMin: 9 * time.Millisecond, Retransmitted: 0.02, HasRetransmitted: true},
			{Network: netip.MustParsePrefix("9.9.9.0/24"), Address: known, Dest: "known", Connections: 1, Received: 1000,
				RTT: 12 * time.Millisecond, RTTMin: 9 * time.Millisecond, Retransmitted: 0.02, HasRetransmitted: true},
		}
		if !slices.Equal(s.Passive, wantPassive) {
			t.Errorf("passive: %+v", s.Passive)
		}
		host.conns = host.conns[:1]
		w.wait(2 * time.Hour)
		if s := w.Snapshot(); len(s.Paths) != 1 || s.Paths[0].Name != "known" {
			t.Errorf("after two hours without traffic there are %d destinations", len(s.Paths))
		}
	})
}

func TestConnectionsThatCannotBeReadStopNothing(t *testing.T) {
	net := sim.New(1)
	dest := chain(net, 0, 3)
	cfg := Config{Destinations: []Destination{{Host: dest.String()}}, Discover: Discover{Top: 5}}
	inWorld(t, net, cfg, Parts{Connections: &talk{}}, func(w *world) {
		w.wait(5 * time.Minute)
		if s := w.Snapshot(); len(s.Paths) != 1 || !s.Paths[0].Reached {
			t.Errorf("paths: %+v", s.Paths)
		}
	})
}
