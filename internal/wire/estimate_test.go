package wire_test

import (
	"math"
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/wire"
)

func TestNextMTU(t *testing.T) {
	for _, test := range []struct {
		to   netip.Addr
		told uint32
		size int
		want int // 0: not believed
	}{
		{target4, 1400, 1500, 1400},
		{target4, 1500, 1500, 0}, // no less than was refused
		{target4, 1499, 1500, 1499},
		{target4, 68, 1500, 68},
		{target4, 67, 1500, 0},
		{target4, math.MaxUint32, 1500, 0},
		{target4, 1400, 0, 0},
		{target4, 1400, -1, 0},
		{target4, 0, 65535, 32000}, // old routers tell none
		{target4, 0, 1500, 1492},
		{target4, 0, 1492, 1006},
		{target4, 0, 69, 68},
		{target4, 0, 68, 0},
		{target4, 0, -5, 0},
		{target6, 1400, 1500, 1400},
		{target6, 1280, 1500, 1280},
		{target6, 1279, 1500, 0},
		{target6, 0, 1500, 0},
		{target6, 1280, 1280, 0},
		{target6, 9000, 1500, 0},
	} {
		got, ok := wire.NextMTU(test.to, test.told, test.size)
		if got != test.want || ok != (test.want != 0) {
			t.Errorf("NextMTU(%s, %d, %d) = %d, %v, want %d", test.to, test.told, test.size, got, ok, test.want)
		}
	}
}

// However a router lies, sizes shrink and searches end.
func TestNextMTUEnds(t *testing.T) {
	for _, told := range []uint32{0, 1, 68, 576, 1280, 1499, math.MaxUint32} {
		for _, to := range []netip.Addr{target4, target6} {
			size, steps := 65535, 0
			for {
				next, ok := wire.NextMTU(to, told, size)
				if !ok {
					break
				}
				if steps++; next >= size || steps > 20 {
					t.Fatalf("%s, told %d: from %d to %d in step %d", to, told, size, next, steps)
				}
				size = next
			}
		}
	}
}

func TestReverseHops(t *testing.T) {
	for _, test := range []struct {
		ttl, initial uint8
		hops         int
	}{
		{1, 32, 32}, {32, 32, 1}, {33, 64, 32}, {52, 64, 13}, {64, 64, 1}, {65, 128, 64},
		{128, 128, 1}, {129, 255, 127}, {242, 255, 14}, {255, 255, 1},
	} {
		if got := wire.InitialTTL(test.ttl); got != test.initial {
			t.Errorf("InitialTTL(%d) = %d, want %d", test.ttl, got, test.initial)
		}
		if got := wire.ReverseHops(test.ttl); got != test.hops {
			t.Errorf("ReverseHops(%d) = %d, want %d", test.ttl, got, test.hops)
		}
	}
	if got := wire.ReverseHops(0); got != 0 {
		t.Errorf("ReverseHops(0) = %d of a TTL that is not known", got)
	}
}
