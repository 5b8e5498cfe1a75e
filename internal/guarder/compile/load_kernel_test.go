//go:build kernel

package compile

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// pairsVariable asks for more random pairs of policy and packet.
const pairsVariable = "PACKETSCOPE_TEST_PAIRS"

// TestProgramMeansThePolicy compares the kernel's program with the plain
// interpreter on random policies and frames, some of which are damaged.
func TestProgramMeansThePolicy(t *testing.T) {
	m := newMaker(t)
	pairs := 20_000
	if testnet.InVM() {
		pairs = 6000 // to load a policy takes up to half a minute there
	}
	if s := os.Getenv(pairsVariable); s != "" {
		var err error
		if pairs, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", pairsVariable, err)
		}
	}
	const packets = 1000
	var own []netip.Addr
	for i := range byte(4) {
		own = append(own, netip.AddrFrom4([4]byte{10, 0, 0, i}), netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: i}))
	}
	seen, overlaps, kept, within, over := make(map[bpf.GuardResult]bool), 0, 0, 0, 0
	met := make(coverage)
	enough := func() bool {
		// In 20 policies few fragments meet, in 6 few packets are kept.
		return len(seen) >= min(pairs/200, 100) && (overlaps > 0 || pairs < 100_000) && (kept > 0 || pairs < 20_000) && within > 0 && over > 0 &&
			(len(met.missing()) == 0 || pairs < 100_000) // what is rarest may take as many
	}
	for range rounds(pairs/packets, enough) {
		p := m.policy(1 + m.IntN(60))
		tables, err := Compile(p, testOptions)
		if err != nil {
			continue
		}
		// Whatever is watched must not change what is judged.
		clock := newClockwork(t)
		g := loaded(t, tables, clock.options(LoadOptions{Explain: true, Own: own, Hits: m.chance(2), MaxSamples: float64(oneOf(m, 0, 1000))}))
		var fragments packet.Tracker
		var there policy.Kept
		for range packets {
			frame := m.frame()
			pkt := parsed(tables, &fragments, frame)
			if pkt.Fragment&packet.Overlap != 0 {
				overlaps++
			}
			putKept(t, g.Map(MapKept), m.keep(&there, &pkt), m.IntN(3))
			e := env(p, &pkt)
			e.Kept, e.Sockets = keptOf(p, &there), nil // which are not looked up
			clock.tick(t, g, e, time.Duration(m.IntN(20))*time.Millisecond)
			j := p.Judge(&pkt, e)
			want := resultOf(j)
			met.packet(&pkt)
			met.judgement(p, want)
			if pkt.Reason == packet.OK && met.turn() {
				met.leaves(p, e, &pkt)
			}
			within, over = within+len(j.Within), over+limited(p, j)
			if want.Kept != uint32(none) {
				kept++
			}
			got := judge(t, g, frame)
			if want != got {
				t.Fatalf("packet %+v: (-want +got)\n%s%s", pkt, cmp.Diff(want, got), blame(p, &pkt))
			}
			seen[got] = true
		}
		g.Close()
	}
	t.Logf("%d different judgements, %d overlaps, %d packets kept, %d within limits and %d over", len(seen), overlaps, kept, within, over)
	met.log(t)
	if !enough() {
		t.Errorf("the test tests nothing; never met: %q", met.missing())
	}
}

// has returns whether each of the keys was counted.
func has[K comparable](seen map[K]int, keys ...K) bool {
	return !slices.ContainsFunc(keys, func(k K) bool { return seen[k] == 0 })
}

// parsed reads a frame as a program does that finds fragments which overlap, if it is asked.
func parsed(tables *Tables, fragments *packet.Tracker, frame []byte) packet.Packet {
	pkt := packet.Parse(frame)
	pkt.Interface = 1 // of the loopback device, for which test runs run
	if tables.AskOverlaps && pkt.Reason == packet.OK {
		fragments.See(&pkt, time.Now())
	}
	return pkt
}

// putKept writes an entry of what is kept in one of three ways: for as long as it is there,
// until later, or, beside one for another port, until a time that is over.
func putKept(t *testing.T, m *ebpf.Map, entry policy.Connection, way int) {
	t.Helper()
	if !entry.Remote.IsValid() {
		return
	}
	key := PeerKey(entry.Remote.Addr())
	if entry.Local.IsValid() {
		key = ConnectionKey(entry)
	}
	until := [...]uint64{0, 1 << 62, 0}[way]
	put(t, m, key, until)
	if way == 2 {
		key.LocalPort++
		// It may be there for good already.
		if err := m.Update(key, uint64(1), ebpf.UpdateNoExist); err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
			t.Fatal(err)
		}
	}
}

// loaded loads tables, which the caller closes.
func loaded(t *testing.T, tables *Tables, o LoadOptions) *Generation {
	t.Helper()
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	g, err := tables.Load(o)
	if refused := (*ebpf.VerifierError)(nil); errors.As(err, &refused) {
		t.Fatalf("%+v", refused)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// judge runs the program on a frame, and returns what does not depend on where
// counts beyond the first ones are kept.
func judge(t *testing.T, g *Generation, frame []byte) bpf.GuardResult {
	t.Helper()
	verdict, err := g.Program.Run(&ebpf.RunOptions{Data: frame})
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.Result()
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != verdict {
		t.Errorf("the program returned %d and told %d", verdict, r.Verdict)
	}
	return settled(r)
}

// settled sorts the rules that counted, as those with a state are asked before the
// others. If there are more than there is room for, which of them is not known.
func settled(r bpf.GuardResult) bpf.GuardResult {
	if int(r.Counted) > len(r.Counts) {
		r.Counts = [len(r.Counts)]uint32{}
		return r
	}
	slices.Sort(r.Counts[:r.Counted])
	clear(r.Counts[r.Counted:]) // of packets before
	return r
}

// resultOf returns what the program tells of a judgement.
func resultOf(j policy.Judgement) bpf.GuardResult {
	const xdpDrop, xdpPass = 1, 2
	number := func(rule int) uint32 {
		if rule == policy.None {
			return uint32(none)
		}
		return uint32(rule)
	}
	r := bpf.GuardResult{
		Rule: number(j.By), WouldDrop: number(j.WouldDrop), Kept: number(j.Kept), Verdict: xdpPass, Reason: uint32(j.Reason), Counted: uint32(len(j.Counted)),
	}
	if j.Verdict == policy.Dropped {
		r.Verdict = xdpDrop
	}
	for i, rule := range j.Counted {
		if i < len(r.Counts) {
			r.Counts[i] = uint32(rule)
		}
	}
	return settled(r)
}

// TestEntryLeadsToTheGeneration passes packets without a generation, and judges them
// by the one that is in its place; counts go on in the next one.
func TestEntryLeadsToTheGeneration(t *testing.T) {
	const slot = 3
	drop := policy.Policy{Rules: []policy.Rule{{Match: policy.Protocols{packet.UDP}, Action: policy.Drop, Mode: policy.Enforce}}}
	audit := drop
	audit.Rules = []policy.Rule{drop.Rules[0]}
	audit.Rules[0].Mode = policy.Audit
	state, err := NewState(slot + 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range state {
		defer m.Close()
	}
	entry, err := LoadEntry(state)
	if err != nil {
		t.Fatal(err)
	}
	defer entry.Close()
	frame := (&packet.Frame{Source: netip.MustParseAddr("10.0.0.1"), Destination: netip.MustParseAddr("10.0.0.2"), Protocol: packet.UDP}).Bytes()
	const xdpDrop, xdpPass = 1, 2
	for _, step := range []struct {
		policy  *policy.Policy
		verdict uint32
	}{{nil, xdpPass}, {&drop, xdpDrop}, {&audit, xdpPass}, {&drop, xdpDrop}} {
		if step.policy != nil {
			tables, err := Compile(step.policy, Options{})
			if err != nil {
				t.Fatal(err)
			}
			g := loaded(t, tables, LoadOptions{State: state, Slots: []uint32{slot}})
			if err := state[MapGeneration].Put(uint32(0), g.Program); err != nil {
				t.Fatal(err)
			}
			g.Close() // the map keeps it
		}
		if got, err := entry.Run(&ebpf.RunOptions{Data: frame}); err != nil || got != step.verdict {
			t.Errorf("verdict %d, %v; want %d", got, err, step.verdict)
		}
	}
	var perCPU []bpf.GuardCounts
	if err := state[MapCounts].Lookup(uint32(slot), &perCPU); err != nil {
		t.Fatal(err)
	}
	var dropped, audited bpf.GuardCount
	for _, c := range perCPU {
		dropped.Packets += c.Of[CreditDrop].Packets
		dropped.Bytes += c.Of[CreditDrop].Bytes
		audited.Packets += c.Of[CreditWouldDrop].Packets
	}
	if dropped.Packets != 2 || dropped.Bytes != 2*uint64(len(frame)) || audited.Packets != 1 {
		t.Errorf("counted %+v dropped, %+v audited; want 2 packets of %d bytes, and 1", dropped, audited, len(frame))
	}
}
