//go:build kernel

package compile

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// banState returns the maps of bans of a generation.
func banState(g *Generation) map[string]*ebpf.Map {
	state := make(map[string]*ebpf.Map)
	for _, name := range BanMaps {
		state[name] = g.Map(name)
	}
	return state
}

func bansOf(t testing.TB, g *Generation) *Bans {
	t.Helper()
	b, err := OpenBans(banState(g))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func systemClock(t testing.TB) ban.Clock {
	t.Helper()
	c, err := ban.SystemClock()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// randomBans bans some, and returns who is.
func (m maker) randomBans(t *testing.T) (rows []ban.Row, banned func(netip.Addr) policy.Banned) {
	t.Helper()
	s, err := ban.Open("", systemClock(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range some(m, 10, m.prefix) {
		// What is too wide is not banned.
		_, _, _ = s.Add(ban.Request{Prefix: p, Terms: ban.Terms{TTL: time.Hour}, Origin: ban.Operator, Audit: m.chance(2)}, nil)
	}
	return s.Rows(nil), func(a netip.Addr) (of policy.Banned) {
		for _, b := range s.List() {
			if b.Prefix.Contains(a) {
				of.Enforced, of.Audited = of.Enforced || !b.Audit, of.Audited || b.Audit
			}
		}
		return of
	}
}

// TestProgramBansAsThePolicySays compares the kernel's program with the plain interpreter
// on random policies, bans and feeds.
func TestProgramBansAsThePolicySays(t *testing.T) {
	m := newMaker(t)
	policies, packets := 20, 300
	if testnet.InVM() {
		policies = 5
	}
	seen := make(map[policy.BanVerdict]int)
	verdicts := []policy.BanVerdict{policy.NotBanned, policy.BanDropped, policy.BanWouldDrop, policy.BanKept, policy.BanWouldKept}
	for range rounds(policies, func() bool { return testnet.InVM() || has(seen, verdicts...) }) {
		p := m.policy(1 + m.IntN(20))
		p.Life.KeepEstablished = m.chance(2) // few are kept otherwise
		slots, lists := m.randomFeeds(p)
		tables, err := Compile(p, testOptions)
		if err != nil {
			continue
		}
		mode := oneOf(m, policy.Enforce, policy.Enforce, policy.Audit)
		clock := newClockwork(t)
		g := loaded(t, tables, clock.options(LoadOptions{Explain: true, FeedSlots: slots, Bans: mode}))
		install(t, g.FeedState(), feed.Join(lists, time.Now())).Close()
		rows, banned := m.randomBans(t)
		if err := bansOf(t, g).Set(rows); err != nil {
			t.Fatal(err)
		}
		var there policy.Kept
		var fragments packet.Tracker
		for range packets {
			frame := m.frame()
			pkt := parsed(tables, &fragments, frame)
			putKept(t, g.Map(MapKept), m.keep(&there, &pkt), 0)
			e := env(p, &pkt)
			e.Own = nil
			e.Kept, e.Feeds, e.Sockets = keptOf(p, &there), bitsOf(lists), nil // none is looked up
			e.Banned = func(a netip.Addr) policy.Banned {
				b := banned(a)
				if mode == policy.Audit {
					return policy.Banned{Audited: b.Enforced || b.Audited}
				}
				return b
			}
			clock.tick(t, g, e, time.Duration(m.IntN(20))*time.Millisecond)
			j := p.Judge(&pkt, e)
			before, fate := credits(t, g.Map(MapBanCounts), 1)[1], wouldDrop(t, g)
			want, got := resultOf(j), judge(t, g, frame)
			if want != got {
				t.Fatalf("packet %+v, ban %d: (-want +got)\n%s", pkt, j.Ban, cmp.Diff(want, got))
			}
			after := credits(t, g.Map(MapBanCounts), 1)[1]
			wantDrop, wantWould, would := uint64(0), uint64(0), uint64(0)
			switch j.Ban {
			case policy.BanDropped:
				wantDrop = 1
			case policy.BanWouldDrop:
				wantWould = 1
			}
			if j.WouldDrop != policy.None || j.Listed.WouldDrop != "" || j.Ban == policy.BanWouldDrop {
				would = 1
			}
			if after[CreditDrop].Packets-before[CreditDrop].Packets != wantDrop || after[CreditWouldDrop].Packets-before[CreditWouldDrop].Packets != wantWould ||
				pkt.Reason == packet.OK && wouldDrop(t, g)-fate != would {
				t.Fatalf("packet %+v: counted %+v after %+v, ban %d", pkt, after, before, j.Ban)
			}
			seen[j.Ban]++
		}
		g.Close()
	}
	t.Log(seen)
	if !testnet.InVM() && !has(seen, verdicts...) {
		t.Error("a verdict of bans was never seen; the test tests nothing")
	}
}

// banning loads a policy without rules that bans as it is told.
func banning(t *testing.T, mode policy.Mode) (*Generation, *Bans) {
	t.Helper()
	tables, err := Compile(&policy.Policy{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{Bans: mode})
	t.Cleanup(g.Close)
	return g, bansOf(t, g)
}

func verdictOn(t *testing.T, g *Generation, source string) uint32 {
	t.Helper()
	from := netip.MustParseAddr(source)
	frame := (&packet.Frame{Source: from, Destination: from.Next(), Protocol: packet.UDP}).Bytes()
	verdict, err := g.Program.Run(&ebpf.RunOptions{Data: frame})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// TestBanEndsInTheKernel has bans end without anybody who takes them out.
func TestBanEndsInTheKernel(t *testing.T) {
	g, bans := banning(t, policy.Enforce)
	now := systemClock(t).Boot
	const lasts = 300 * time.Millisecond
	rows := []ban.Row{
		{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Until: now() + lasts, Class: 1},
		{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Until: now() + time.Hour, Class: 1},
		{Prefix: netip.MustParsePrefix("2001:db8::/64"), Until: now() + lasts},
	}
	if err := bans.Set(rows); err != nil {
		t.Fatal(err)
	}
	end := rows[2].Until
	for _, source := range []string{"192.0.2.9", "2001:db8::9"} {
		for {
			before := now()
			verdict := verdictOn(t, g, source)
			after := now()
			if after < rows[0].Until && verdict != xdpDropped {
				t.Fatalf("%s gets through %v before the end", source, rows[0].Until-after)
			}
			if before >= end {
				if verdict != xdpPassed {
					t.Fatalf("%s is dropped %v after the end", source, before-end)
				}
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	for source, want := range map[string]uint32{"192.0.2.7": xdpDropped, "192.0.3.9": xdpPassed, "2001:db8:0:1::9": xdpPassed} {
		if got := verdictOn(t, g, source); got != want {
			t.Errorf("%s: verdict %d, want %d", source, got, want)
		}
	}
	if err := bans.Set(nil); err != nil {
		t.Fatal(err)
	}
	if got := verdictOn(t, g, "192.0.2.7"); got != xdpPassed || len(bansOf(t, g).Rows()) != 0 {
		t.Errorf("verdict %d after the end of all bans", got)
	}
}

// TestBanIsRenewedInTheKernel has a ban last on while packets come, without an agent.
func TestBanIsRenewedInTheKernel(t *testing.T) {
	g, bans := banning(t, policy.Enforce)
	now := systemClock(t).Boot
	p := netip.MustParsePrefix("192.0.2.9/32")
	begin := now()
	row := ban.Row{Prefix: p, Until: begin + time.Minute, Renew: time.Hour}
	if err := bans.Set([]ban.Row{row}); err != nil {
		t.Fatal(err)
	}
	if got := verdictOn(t, g, "192.0.2.9"); got != xdpDropped {
		t.Fatal("not dropped")
	}
	last, err := bans.Last()
	if err != nil || last[p] < begin || last[p] > now() {
		t.Fatalf("last packet at %v, %v", last, err)
	}
	again := bansOf(t, g).Rows()
	if len(again) != 1 || again[0].Until != last[p]+time.Hour {
		t.Errorf("rows %+v, want an end of %v", again, last[p]+time.Hour)
	}
	row.Until += 2 * time.Hour // the agent has it last longer, for another reason
	if err := bans.Set([]ban.Row{row}); err != nil {
		t.Fatal(err)
	}
	if kept, err := bans.Last(); err != nil || kept[p] != last[p] {
		t.Errorf("last packet at %v, %v; want %v as before", kept, err, last)
	}
}

// TestAuditedBansDropNobody has them counted.
func TestAuditedBansDropNobody(t *testing.T) {
	g, bans := banning(t, policy.Audit)
	until := systemClock(t).Boot() + time.Hour
	if err := bans.Set([]ban.Row{{Prefix: netip.MustParsePrefix("192.0.2.9/32"), Until: until, Class: 2}}); err != nil {
		t.Fatal(err)
	}
	if got := verdictOn(t, g, "192.0.2.9"); got != xdpPassed {
		t.Errorf("verdict %d", got)
	}
	if got := credits(t, g.Map(MapBanCounts), 2)[2]; got[CreditWouldDrop].Packets != 1 || got[CreditDrop].Packets != 0 {
		t.Errorf("counted %+v", got)
	}
}

// TestThereIsRoomForAllBans puts as many into the kernel as a store holds.
func TestThereIsRoomForAllBans(t *testing.T) {
	g, bans := banning(t, policy.Enforce)
	until := systemClock(t).Boot() + time.Hour
	rows := make([]ban.Row, 0, ban.Room)
	for i := range ban.Room {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		rows = append(rows, ban.Row{Prefix: netip.PrefixFrom(a, 32), Until: until})
	}
	if err := bans.Set(rows); err != nil {
		t.Fatal(err)
	}
	if first, last := verdictOn(t, g, "10.0.0.0"), verdictOn(t, g, "10.0.255.255"); first != xdpDropped || last != xdpDropped {
		t.Errorf("verdicts %d and %d", first, last)
	}
	if bpf.GuardMaxBans != ban.Room || bpf.GuardBanClasses != len(ban.Classes) {
		t.Errorf("the kernel has room for %d bans of %d origins", bpf.GuardMaxBans, bpf.GuardBanClasses)
	}
}

// TestRulesAskForBans has a rule ask after the packets that it lets be, for each source
// apart, and no more once there is a ban.
func TestRulesAskForBans(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   policy.Mode
		ban    policy.Banning
		source []string
		asks   int
	}{
		{"at once", policy.Enforce, policy.Banning{Bits4: 32, Bits6: 64}, []string{"192.0.2.1"}, 1},
		{"audited", policy.Audit, policy.Banning{Bits4: 32, Bits6: 64}, []string{"192.0.2.1"}, 1},
		{"not after five", policy.Enforce, policy.Banning{After: 5, Per: time.Hour, Bits4: 32, Bits6: 64}, []string{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"}, 0},
		{"after five", policy.Enforce, policy.Banning{After: 5, Per: time.Hour, Bits4: 32, Bits6: 64}, []string{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"}, 1},
		{"each source apart", policy.Enforce, policy.Banning{After: 1, Per: time.Hour, Bits4: 32, Bits6: 64}, []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"}, 0},
		{"of a prefix", policy.Enforce, policy.Banning{After: 1, Per: time.Hour, Bits4: 24, Bits6: 64}, []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"}, 2},
		{"of a part of the lower half", policy.Enforce, policy.Banning{After: 1, Per: time.Hour, Bits4: 24, Bits6: 120}, []string{"2001:db8::101", "2001:db8::102", "2001:db8::201"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &policy.Policy{Rules: []policy.Rule{{Group: "g", Name: "r", Stage: policy.PolicyRule, Action: policy.Drop, Mode: c.mode, Match: policy.Protocols{packet.UDP}, Ban: &c.ban}}}
			tables, err := Compile(p, Options{})
			if err != nil {
				t.Fatal(err)
			}
			g := loaded(t, tables, LoadOptions{Bans: policy.Enforce, Slots: []uint32{0}})
			defer g.Close()
			reader, err := ringbuf.NewReader(g.Map(MapBanRequests))
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			for _, source := range c.source {
				verdictOn(t, g, source)
			}
			last := netip.MustParseAddr(c.source[len(c.source)-1])
			reader.SetDeadline(time.Now())
			asked := 0
			for {
				record, err := reader.Read()
				if err != nil {
					break
				}
				asked++
				r, err := ReadBanRequest(record.RawSample)
				if err != nil || r.Slot != 0 || r.Audit != (c.mode == policy.Audit) || systemClock(t).Boot()-r.At > time.Minute {
					t.Errorf("asked %+v, %v", r, err)
				}
				if c.asks == 1 && c.name != "of a part of the lower half" && r.Source != last {
					t.Errorf("asked for %v, want %v", r.Source, last)
				}
			}
			if asked != c.asks {
				t.Errorf("asked %d times, want %d", asked, c.asks)
			}
			row := ban.Row{Prefix: netip.PrefixFrom(last, last.BitLen()), Until: systemClock(t).Boot() + time.Hour}
			if err := bansOf(t, g).Set([]ban.Row{row}); err != nil {
				t.Fatal(err)
			}
			verdictOn(t, g, c.source[len(c.source)-1])
			reader.SetDeadline(time.Now())
			if record, err := reader.Read(); err == nil {
				t.Errorf("asked again, when there is a ban: %v", record.RawSample)
			}
		})
	}
}
