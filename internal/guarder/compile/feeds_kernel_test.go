//go:build kernel

package compile

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// install makes a table of rows and puts it in force.
func install(t testing.TB, state map[string]*ebpf.Map, rows []feed.Row) *FeedTable {
	t.Helper()
	table, err := NewFeedTable(rows)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Install(state); err != nil {
		t.Fatal(err)
	}
	return table
}

// credits returns what is counted of some slots of a map with counts.
func credits(t testing.TB, m *ebpf.Map, slots ...uint32) map[uint32][4]bpf.GuardCount {
	t.Helper()
	all := make(map[uint32][4]bpf.GuardCount)
	for _, slot := range slots {
		var perCPU []bpf.GuardCounts
		if err := m.Lookup(slot, &perCPU); err != nil {
			t.Fatal(err)
		}
		var sum [4]bpf.GuardCount
		for _, c := range perCPU {
			for i := range sum {
				sum[i].Packets += c.Of[i].Packets
				sum[i].Bytes += c.Of[i].Bytes
			}
		}
		all[slot] = sum
	}
	return all
}

// randomFeeds gives a policy feeds, each with a slot and a list of what packets come from.
func (m maker) randomFeeds(p *policy.Policy) (slots []uint32, lists []feed.Listed) {
	for i, slot := range m.Perm(bpf.GuardMaxFeeds)[:1+m.IntN(5)] {
		p.Feeds = append(p.Feeds, policy.Feed{
			Name: fmt.Sprint("feed", i), Action: oneOf(m, policy.Drop, policy.Drop, policy.Count),
			Mode: oneOf(m, policy.Audit, policy.Audit, policy.Enforce),
		})
		l := &feed.List{}
		for _, prefix := range some(m, 8, m.prefix) {
			l.Entries = append(l.Entries, feed.Entry{Prefix: prefix})
		}
		slices.SortFunc(l.Entries, func(a, b feed.Entry) int { return a.Prefix.Compare(b.Prefix) })
		slots, lists = append(slots, uint32(slot)), append(lists, feed.Listed{List: l, Slot: uint32(slot)})
	}
	return slots, lists
}

// bitsOf returns a function as policy.Env.Feeds, which looks at all entries.
func bitsOf(lists []feed.Listed) func(netip.Addr) uint32 {
	return func(a netip.Addr) (bits uint32) {
		for i, l := range lists {
			for _, e := range l.List.Entries {
				if e.Prefix.Contains(a) {
					bits |= 1 << i
				}
			}
		}
		return bits
	}
}

// tally is what a judgement is to add to the counts of feeds, and to the packets that are
// kept, or would have been dropped.
func tally(p *policy.Policy, slots []uint32, j policy.Judgement, size int) (of map[uint32][4]bpf.GuardCount, kept, would uint64) {
	of = make(map[uint32][4]bpf.GuardCount)
	for i := range p.Feeds {
		var c [4]bpf.GuardCount
		one := bpf.GuardCount{Packets: 1, Bytes: uint64(size)}
		switch name := p.Feeds[i].Name; {
		case name == j.Listed.By:
			c[CreditDrop] = one
		case name == j.Listed.WouldDrop:
			c[CreditWouldDrop] = one
		case slices.Contains(j.Listed.Counted, name):
			c[CreditCount] = one
		}
		of[slots[i]] = c
	}
	if j.Kept != policy.None || j.Listed.Kept != "" {
		kept = 1
	}
	if j.WouldDrop != policy.None || j.Listed.WouldDrop != "" {
		would = 1
	}
	return of, kept, would
}

// TestProgramAsksFeedsAsThePolicySays compares the kernel's program with the plain
// interpreter on random policies with random feeds.
func TestProgramAsksFeedsAsThePolicySays(t *testing.T) {
	m := newMaker(t)
	policies, packets := 20, 300
	if testnet.InVM() {
		policies = 5
	}
	seen := make(map[string]int)
	whats := []string{"dropped", "would drop", "kept", "counted", "dropped behind an audit", "over behind feeds"}
	for range rounds(policies, func() bool { return testnet.InVM() || has(seen, whats...) }) {
		p := m.policy(1 + m.IntN(20))
		slots, lists := m.randomFeeds(p)
		tables, err := Compile(p, testOptions)
		if err != nil {
			continue
		}
		clock := newClockwork(t)
		g := loaded(t, tables, clock.options(LoadOptions{Explain: true, FeedSlots: slots, Own: []netip.Addr{netip.MustParseAddr("10.0.0.0")}}))
		table := install(t, g.FeedState(), feed.Join(lists, time.Now()))
		table.Close() // the maps have it
		var there policy.Kept
		var fragments packet.Tracker
		for range packets {
			frame := m.frame()
			pkt := parsed(tables, &fragments, frame)
			putKept(t, g.Map(MapKept), m.keep(&there, &pkt), 0)
			e := env(p, &pkt)
			e.Own = func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.0.0") }
			e.Kept, e.Feeds, e.Sockets = keptOf(p, &there), bitsOf(lists), nil // none is looked up
			clock.tick(t, g, e, time.Duration(m.IntN(20))*time.Millisecond)
			j := p.Judge(&pkt, e)
			before, total, fate := credits(t, g.Map(MapFeedCounts), slots...), totalOf(t, g, bpf.GuardTotalKept), wouldDrop(t, g)
			want, got := resultOf(j), judge(t, g, frame)
			if want != got {
				t.Fatalf("packet %+v: (-want +got)\n%s", pkt, cmp.Diff(want, got))
			}
			wantCounts, kept, would := tally(p, slots, j, len(frame))
			after := credits(t, g.Map(MapFeedCounts), slots...)
			for slot := range after {
				now, was := after[slot], before[slot]
				for i := range now {
					now[i].Packets -= was[i].Packets
					now[i].Bytes -= was[i].Bytes
				}
				after[slot] = now
			}
			if diff := cmp.Diff(wantCounts, after); diff != "" {
				t.Fatalf("packet %+v: counts of feeds (-want +got)\n%s", pkt, diff)
			}
			if pkt.Reason == packet.OK && (totalOf(t, g, bpf.GuardTotalKept)-total != kept || wouldDrop(t, g)-fate != would) {
				t.Fatalf("packet %+v: %d kept and %d would be dropped, want %d, %d; judged %+v", pkt, totalOf(t, g, bpf.GuardTotalKept)-total, wouldDrop(t, g)-fate, kept, would, j)
			}
			for what, is := range map[string]bool{
				"dropped": j.Listed.By != "", "would drop": j.Listed.WouldDrop != "", "kept": j.Listed.Kept != "", "counted": j.Listed.Counted != nil,
				"over behind feeds":       limited(p, j) > 0 && (j.Listed.WouldDrop != "" || j.Listed.Counted != nil),
				"dropped behind an audit": j.Listed.By != "" && (j.WouldDrop != policy.None || j.Listed.WouldDrop != ""),
			} {
				if is {
					seen[what]++
				}
			}
		}
		g.Close()
	}
	t.Log(seen)
	if !testnet.InVM() && !has(seen, whats...) {
		t.Errorf("not all of %q was seen; the test tests nothing", whats)
	}
}

func totalOf(t testing.TB, g *Generation, entry bpf.GuardTotal) (n uint64) {
	t.Helper()
	var perCPU []bpf.GuardCount
	if err := g.Map(MapTotals).Lookup(uint32(entry), &perCPU); err != nil {
		t.Fatal(err)
	}
	for _, c := range perCPU {
		n += c.Packets
	}
	return n
}

// wouldDrop returns how many packets of the loopback device would have been dropped.
func wouldDrop(t testing.TB, g *Generation) uint64 {
	t.Helper()
	return credits(t, g.Map(MapDevices), 1)[1][bpf.GuardFateWouldDrop].Packets
}

// TestNoPacketMissesBothTables has two tables take turns while packets are judged that both
// of them list, in one as an address and in the other by a prefix: each is dropped, and is
// counted for the feed of one of them.
func TestNoPacketMissesBothTables(t *testing.T) {
	packets := 4_000_000
	if testnet.InVM() {
		packets = 200_000
	}
	p := &policy.Policy{Feeds: []policy.Feed{
		{Name: "addresses", Action: policy.Drop, Mode: policy.Enforce}, {Name: "prefixes", Action: policy.Drop, Mode: policy.Enforce},
	}}
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{})
	defer g.Close()
	state := g.FeedState()
	var turns [2]*FeedTable
	for i, row := range []feed.Row{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Feeds: 1}, {Prefix: netip.MustParsePrefix("198.51.100.0/25"), Feeds: 2}} {
		turns[i] = install(t, state, []feed.Row{row})
		defer turns[i].Close()
	}
	frame := (&packet.Frame{Source: netip.MustParseAddr("198.51.100.7"), Destination: netip.MustParseAddr("192.0.2.1"), Protocol: packet.UDP}).Bytes()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range packets / 100_000 {
			if verdict, _, err := g.Program.Benchmark(frame, 100_000, nil); err != nil || verdict != 1 {
				t.Errorf("verdict %d, %v", verdict, err)
				return
			}
		}
	}()
	swaps := 0
	for running := true; running; swaps++ {
		select {
		case <-done:
			running = false
		default:
			if err := turns[swaps%2].Install(state); err != nil {
				t.Fatal(err)
			}
		}
	}
	counts := credits(t, g.Map(MapFeedCounts), 0, 1)
	a, b := counts[0][CreditDrop].Packets, counts[1][CreditDrop].Packets
	t.Logf("%d swaps; dropped by the first table %d, by the second %d", swaps, a, b)
	// A signal ends a run, which then begins anew: more may be judged than were asked for.
	fates := credits(t, g.Map(MapDevices), 1)[1]
	dropped, passed := fates[bpf.GuardFateDropped].Packets, fates[bpf.GuardFatePassed].Packets
	if a == 0 || b == 0 || a+b != dropped || passed != 0 || dropped < uint64(packets) {
		t.Errorf("dropped by the tables %d and %d, in all %d, and passed %d of %d", a, b, dropped, passed, packets)
	}
}

// TestFeedsAreNothingWithoutATable passes what is listed nowhere yet, and forgets a table
// that another one has replaced.
func TestFeedsAreNothingWithoutATable(t *testing.T) {
	p := &policy.Policy{Feeds: []policy.Feed{{Name: "f", Action: policy.Drop, Mode: policy.Enforce}}}
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{FeedSlots: []uint32{31}})
	defer g.Close()
	state := g.FeedState()
	frame := (&packet.Frame{Source: netip.MustParseAddr("2001:db8::7"), Destination: netip.MustParseAddr("2001:db8::1"), Protocol: packet.UDP}).Bytes()
	listed := feed.Row{Prefix: netip.MustParsePrefix("2001:db8::/64"), Feeds: 1 << 31}
	other := feed.Row{Prefix: listed.Prefix, Feeds: 1} // of a feed that the policy has not got
	const xdpDrop, xdpPass = 1, 2
	for i, step := range []struct {
		rows []feed.Row
		want uint32
	}{{nil, xdpPass}, {[]feed.Row{listed}, xdpDrop}, {[]feed.Row{other}, xdpPass}, {[]feed.Row{listed}, xdpDrop}, {[]feed.Row{}, xdpPass}} {
		if step.rows != nil {
			table := install(t, state, step.rows)
			if table.Bytes() < lineBytes {
				t.Errorf("a table takes %d bytes, less than its head", table.Bytes())
			}
			table.Close()
		}
		if got, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil || got != step.want {
			t.Errorf("step %d: verdict %d, %v; want %d", i, got, err, step.want)
		}
	}
	for _, name := range []string{MapFeedTables, MapFeedFilters} {
		var ids [bpf.GuardFeedTables]uint32
		for entry := range ids {
			if err := state[name].Lookup(uint32(entry), &ids[entry]); err != nil {
				t.Errorf("%s: entry %d: %v", name, entry, err)
			}
		}
		if ids[0] != ids[1] {
			t.Errorf("%s has the maps %v, want the one in force alone", name, ids)
		}
	}
	if err := ForgetFeeds(state); err != nil {
		t.Fatal(err)
	}
	table := install(t, state, []feed.Row{listed})
	table.Close()
	if got, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil || got != xdpDrop {
		t.Errorf("after a table that was given up, verdict %d, %v; want %d", got, err, xdpDrop)
	}
	if err := ForgetFeeds(state); err != nil {
		t.Fatal(err)
	}
	if got, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil || got != xdpPass {
		t.Errorf("without any table, verdict %d, %v; want %d", got, err, xdpPass)
	}
}

// TestProgramKnowsFeeds compares the kernel's program with the lists where these are hard
// for one part of the blocks or another.
func TestProgramKnowsFeeds(t *testing.T) {
	m := newMaker(t)
	p := &policy.Policy{}
	slots := make([]uint32, 4)
	for i := range slots {
		slots[i] = uint32(31 - 9*i)
		p.Feeds = append(p.Feeds, policy.Feed{Name: fmt.Sprint("feed", i), Action: policy.Count, Mode: policy.Enforce})
	}
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{FeedSlots: slots})
	defer g.Close()
	left := len(crowds)
	if testnet.InVM() {
		left = 4 // any of them, as each takes its time there
	}
	for name, of := range crowds {
		if left--; left < 0 {
			break
		}
		t.Run(name, func(t *testing.T) {
			all := m.crowded(of, len(slots), 3000)
			table := install(t, g.FeedState(), feed.Join(listsOf(all), time.Now()))
			defer table.Close()
			before := credits(t, g.Map(MapFeedCounts), slots...)
			for _, a := range m.addresses(all, 600) {
				to := netip.MustParseAddr("192.0.2.1")
				if a.Is6() {
					to = netip.MustParseAddr("2001:db8::1")
				}
				frame := (&packet.Frame{Source: a, Destination: to, Protocol: packet.UDP}).Bytes()
				if _, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil {
					t.Fatal(err)
				}
				after := credits(t, g.Map(MapFeedCounts), slots...)
				got := uint32(0)
				for _, slot := range slots {
					got |= uint32(after[slot][CreditCount].Packets-before[slot][CreditCount].Packets) << slot
				}
				if want := listing(all, a); got != want {
					t.Fatalf("%v is listed by %#b, want %#b", a, got, want)
				}
				before = after
			}
		})
	}
}
