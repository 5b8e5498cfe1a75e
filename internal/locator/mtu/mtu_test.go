package mtu

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/packetscope/packetscope/internal/locator/plan"
)

// On random paths with up to 10 % loss, with routers that say nothing, too little or the
// wrong thing, a complete result is the truth, an incomplete one is never too large, and
// the size is found where somebody answers.
func TestRandomPaths(t *testing.T) {
	const paths = 10_000
	var incomplete, small, probes, most int
	for seed := range uint64(paths) {
		p := randomPath(seed)
		got, sent := p.find(t)
		probes += sent
		most = max(most, sent)
		switch want := p.truth(); {
		case got.Complete && !p.agrees(got):
			t.Errorf("seed %d: %+v, want %+v", seed, got, want)
		case got.MTU > want.MTU && got.To >= want.To:
			t.Errorf("seed %d: %+v is more than passes, %+v", seed, got, want)
		case got.MTU < want.MTU:
			small++
			fallthrough
		case !got.Complete:
			incomplete++
		}
	}
	t.Logf("%d paths: %d results are incomplete, %d of them too small; %.1f packets per path, at most %d",
		paths, incomplete, small, float64(probes)/paths, most)
	if most > 40 {
		t.Errorf("%d packets for one path", most)
	}
	if incomplete > paths*6/100 || small > paths/1000 {
		t.Errorf("%d results are incomplete, %d of them too small", incomplete, small)
	}
}

// Where a quarter of the answers gets lost, more results are incomplete, and hardly any
// is wrong.
func TestLossIsNoBlackHole(t *testing.T) {
	const paths = 2000
	wrong, holes := 0, 0
	for seed := range uint64(paths) {
		p := randomPath(seed)
		p.loss = 0.25
		got, _ := p.find(t)
		if got.Complete && !p.agrees(got) {
			wrong++
		}
		if got.BlackHole && got.Complete && !p.truth().BlackHole {
			holes++
		}
	}
	t.Logf("%d of %d paths are told wrong, %d have a black hole that is none", wrong, paths, holes)
	if wrong > paths/100 {
		t.Errorf("%d of %d paths are told wrong", wrong, paths)
	}
}

// Any size of a black hole takes about as many packets.
func TestSizesTakeFewPackets(t *testing.T) {
	sum, most := 0, 0
	for mtu := 68; mtu < 1500; mtu++ {
		p := &path{device: 1500, routers: []router{{mtu: mtu, mute: true}}, rng: rand.New(rand.NewPCG(1, 1))}
		prober := New(Config{Destination: p.addr(2), First: 1500})
		for {
			a, ok := prober.Next()
			if !ok {
				break
			}
			prober.Seen(a, p.send(a))
		}
		if got, want := prober.Result(), (Result{MTU: mtu, To: plan.End, BlackHole: true, Complete: true}); got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
		sum, most = sum+p.sent, max(most, p.sent)
	}
	mean := float64(sum) / (1500 - 68)
	t.Logf("%.1f packets on average, %d at the most", mean, most)
	if mean > 21 || most > 25 {
		t.Errorf("%.1f packets on average, %d at the most", mean, most)
	}
}

func wide(n, mtu int) []router {
	routers := make([]router, n)
	for i := range routers {
		routers[i].mtu = mtu
	}
	return routers
}

func TestPaths(t *testing.T) {
	told := func(mtu uint32) func(int) uint32 { return func(int) uint32 { return mtu } }
	addr := netip.MustParseAddr
	for _, c := range []struct {
		claim  string
		change func(p *path)
		want   Result
		probes int
	}{
		{"nothing is narrow", func(*path) {}, Result{MTU: 1500, To: plan.End, Complete: true}, 1},
		{"the destination is a neighbour", func(p *path) { p.routers = nil }, Result{MTU: 1500, To: plan.End, Complete: true}, 1},
		{"a router tells", func(p *path) { p.routers[2].mtu = 1492 },
			Result{MTU: 1492, To: plan.End, Link: 3, Before: 4, From: addr("192.0.2.3"), Complete: true}, 6},
		{"two routers tell", func(p *path) { p.routers[1].mtu, p.routers[4].mtu = 1492, 1400 },
			Result{MTU: 1400, To: plan.End, Link: 5, Before: 6, From: addr("192.0.2.5"), Complete: true}, 7},
		{"one tells no size, which is one of the table", func(p *path) { p.routers[2] = router{mtu: 1006, tells: told(0)} },
			Result{MTU: 1006, To: plan.End, Link: 3, Before: 4, From: addr("192.0.2.3"), Complete: true}, 17},
		{"one tells no size", func(p *path) { p.routers[2] = router{mtu: 1100, tells: told(0)} },
			Result{MTU: 1100, To: plan.End, Link: 3, Before: 4, From: addr("192.0.2.3"), Complete: true}, 16},
		{"one tells less than passes", func(p *path) { p.routers[2] = router{mtu: 1400, tells: told(600)} },
			Result{MTU: 1400, To: plan.End, Link: 3, Before: 4, From: addr("192.0.2.3"), Complete: true}, 11},
		{"one tells more than it refuses", func(p *path) {
			p.routers[2] = router{mtu: 1400, tells: func(size int) uint32 { return uint32(size) + 8 }}
		},
			Result{MTU: 1400, To: plan.End, Link: 3, Before: 4, From: addr("192.0.2.3"), Complete: true}, 10},
		{"one tells less than any link", func(p *path) { p.routers[2] = router{mtu: 1400, tells: told(40)} },
			Result{MTU: 1400, To: plan.End, Link: 3, Before: 4, From: addr("192.0.2.3"), Complete: true}, 10},
		{"one tells a byte less each time", func(p *path) {
			p.routers[2] = router{mtu: 900, tells: func(size int) uint32 { return uint32(size) - 1 }}
		},
			Result{MTU: 900, To: plan.End, Link: 3, Before: 4, From: addr("192.0.2.3"), Complete: true}, 24},
		{"a black hole of a common size", func(p *path) { p.routers[2] = router{mtu: 1400, mute: true} },
			Result{MTU: 1400, To: plan.End, Link: 3, Before: 4, From: addr("192.0.2.3"), BlackHole: true, Complete: true}, 20},
		{"a black hole behind a router that tells", func(p *path) { p.routers[1].mtu, p.routers[3] = 1480, router{mtu: 1300, mute: true} },
			Result{MTU: 1300, To: plan.End, Link: 4, Before: 5, From: addr("192.0.2.4"), BlackHole: true, Complete: true}, 31},
		{"routers beside a black hole are deaf", func(p *path) {
			p.routers[2] = router{mtu: 1400, mute: true, deaf: true}
			p.routers[3].deaf = true
		}, Result{MTU: 1400, To: plan.End, Link: 2, Before: 5, From: addr("192.0.2.2"), BlackHole: true, Complete: true}, 29},
		{"the destination is dumb", func(p *path) { p.dumb, p.routers[1].mtu = true, 1400 },
			Result{MTU: 1400, To: 6, Link: 2, Before: 3, From: addr("192.0.2.2"), Complete: true}, 12},
		{"the destination is dumb, and the router before it deaf", func(p *path) { p.dumb, p.routers[5].deaf = true, true },
			Result{MTU: 1500, To: 5, Complete: true}, 11},
		{"nobody answers", func(p *path) { p.dumb, p.routers = true, []router{{mtu: 1500, deaf: true}} }, Result{}, 10},
		{"IPv6 does not go below 1280", func(p *path) { p.v6, p.routers[2] = true, router{mtu: 1280, tells: told(1000)} },
			Result{MTU: 1280, To: plan.End, Link: 3, Before: 4, From: addr("2001:db8::3"), Complete: true}, 10},
	} {
		p := &path{device: 1500, routers: wide(6, 1500), rng: rand.New(rand.NewPCG(1, 1))}
		c.change(p)
		got, sent := p.find(t)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
		if sent != c.probes {
			t.Errorf("%s: %d packets, want %d", c.claim, sent, c.probes)
		}
	}
}

// While nothing is answered nothing is learned.
func TestAnOutageIsNoBlackHole(t *testing.T) {
	for begin := range 30 {
		for _, length := range []int{2, 5, 1000} {
			p := &path{device: 1500, routers: wide(6, 1500), rng: rand.New(rand.NewPCG(1, 1))}
			p.routers[2] = router{mtu: 1333, mute: true}
			p.down = func(sent int) bool { return sent > begin && sent <= begin+length }
			got, _ := p.find(t)
			p.dumb = got.To < plan.End // so it seemed
			if got.MTU > 1333 || got.Complete && !p.agrees(got) {
				t.Errorf("down for %d from %d on: %+v", length, begin, got)
			}
		}
	}
}

func TestOnlyWhatWasAskedForIsSeen(t *testing.T) {
	p := New(Config{Destination: netip.MustParseAddr("192.0.2.1"), First: 1500, Length: 3})
	p.Seen(Ask{1500, plan.End}, Outcome{Kind: Reached}) // nothing was asked
	ask, ok := p.Next()
	if want := (Ask{1500, plan.End}); !ok || ask != want {
		t.Fatalf("asks for %+v, want %+v", ask, want)
	}
	p.Seen(Ask{1400, plan.End}, Outcome{Kind: Reached})
	if got := p.Result(); got != (Result{}) {
		t.Errorf("took %+v for an answer", got)
	}
	p.Seen(ask, Outcome{Kind: Reached})
	if _, ok := p.Next(); ok || !p.Done() {
		t.Error("goes on after its end")
	}
}

// A path without a known length has an MTU, and no link.
func TestLengthIsNotNeeded(t *testing.T) {
	p := &path{device: 1500, routers: wide(3, 1400), rng: rand.New(rand.NewPCG(1, 1))}
	prober := New(Config{Destination: p.addr(4), First: 1500})
	for {
		a, ok := prober.Next()
		if !ok {
			break
		}
		prober.Seen(a, p.send(a))
	}
	if got, want := prober.Result(), (Result{MTU: 1400, To: plan.End, From: p.addr(1), Complete: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Whatever is answered, the packets are few and have sizes that there are.
func FuzzOutcomes(f *testing.F) {
	f.Add([]byte{2, 0, 0, 5, 0, 1, 2, 0, 0, 4, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		at := func(i int) byte {
			if len(data) == 0 {
				return 0
			}
			return data[i%len(data)]
		}
		to := netip.MustParseAddr("192.0.2.1")
		if at(0)&1 > 0 {
			to = netip.MustParseAddr("2001:db8::1")
		}
		first := 1 + int(binary.BigEndian.Uint16([]byte{at(1), at(2)}))
		p := New(Config{Destination: to, First: first, Length: at(3)})
		n := 0
		for ; ; n++ {
			a, ok := p.Next()
			if !ok {
				break
			}
			if a.Size < 1 || a.Size > first || a.TTL == 0 {
				t.Fatalf("asks for %+v of %d", a, first)
			}
			i := 4 + 3*n
			p.Seen(a, Outcome{Kind: Kind(at(i) % 5), From: to, MTU: uint32(at(i+1))<<8 | uint32(at(i+2))})
			p.Result()
		}
		if n > 40 {
			t.Errorf("%d packets", n)
		}
	})
}
