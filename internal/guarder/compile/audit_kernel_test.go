//go:build kernel

package compile

import (
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// TestAuditedProgramNeverDrops forces random policies to audit, and has the kernel's
// program judge random frames, some of which are damaged, by them. It is the test of
// TestProgramMeansThePolicy, under a ceiling.
func TestAuditedProgramNeverDrops(t *testing.T) {
	m := newMaker(t)
	pairs := 10_000
	if testnet.InVM() {
		pairs = 2000 // to load a policy takes half a minute there
	}
	if s := os.Getenv(pairsVariable); s != "" {
		var err error
		if pairs, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", pairsVariable, err)
		}
	}
	const packets, xdpPass = 1000, 2
	var own []netip.Addr
	for i := range byte(4) {
		own = append(own, netip.AddrFrom4([4]byte{10, 0, 0, i}), netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: i}))
	}
	var check auditCheck
	for range rounds(pairs/packets, check.seenAll) {
		p := m.policy(1 + m.IntN(60))
		limits := m.limits(p)
		audited, enforced := forced(p, policy.Audit), forced(p, policy.Enforce)
		tables, err := Compile(audited, testOptions)
		if err != nil {
			continue
		}
		clock := newClockwork(t)
		g := loaded(t, tables, clock.options(LoadOptions{Explain: true, Own: own, Hits: m.chance(2), MaxSamples: float64(oneOf(m, 0, 1000))}))
		var fragments packet.Tracker
		for range packets {
			frame := m.frame()
			pkt := parsed(tables, &fragments, frame)
			e := blind(env(p, &pkt))
			clock.tick(t, g, e, time.Duration(m.IntN(20))*time.Millisecond)
			want := audited.Judge(&pkt, e)
			got := judge(t, g, frame)
			if got.Verdict != xdpPass {
				t.Fatalf("an audited policy drops %+v: %+v", pkt, got)
			}
			if diff := cmp.Diff(resultOf(want), got); diff != "" {
				t.Fatalf("packet %+v: (-want +got)\n%s%s", pkt, diff, blame(audited, &pkt))
			}
			if limits {
				continue // an enforced drop leaves limits behind it otherwise than an audited one
			}
			check.see(t, &pkt, want, enforced.Judge(&pkt, blind(env(p, &pkt))))
		}
		g.Close()
	}
	check.enough(t)
}

// blind returns an environment where nothing is known of sockets.
func blind(env *policy.Env) *policy.Env {
	env.Sockets = nil
	return env
}
