package feed

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

var thisHost = Host{
	Own: addrs("192.0.2.10", "2001:db8::10", "10.0.0.2"), Gateways: addrs("192.0.2.1", "fe80::1%eth0"), Resolvers: addrs("198.51.100.53", "192.0.2.1"),
}

func TestWhatMustNotBeListed(t *testing.T) {
	f := feedOf(policy.PlainList)
	f.Protect = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")}
	p := Protect(thisHost, f)
	for entry, want := range map[string]string{
		"192.0.2.10/32": "own_address 192.0.2.10/32", "192.0.2.8/30": "own_address 192.0.2.10/32", "2001:db8::/32": "own_address 2001:db8::10/128",
		"10.0.0.2/32": "own_address 10.0.0.2/32", "192.0.2.1/32": "gateway 192.0.2.1/32", "192.0.2.0/28": "gateway 192.0.2.1/32",
		"198.51.100.53/32": "resolver 198.51.100.53/32",
		"10.1.0.0/16":      "private 10.0.0.0/8", "8.0.0.0/6": "private 10.0.0.0/8", "192.168.7.7/32": "private 192.168.0.0/16",
		"100.64.0.0/24": "private 100.64.0.0/10", "127.0.0.0/8": "private 127.0.0.0/8", "0.0.0.0/8": "private 0.0.0.0/32",
		"fe80::/16": "private fe80::/10", "fd00::/8": "private fc00::/7", "::1/128": "private ::1/128",
		"203.0.113.0/24": "allowlisted 203.0.113.0/28", "203.0.113.5/32": "allowlisted 203.0.113.0/28",
		"192.0.2.11/32": "", "203.0.113.16/28": "", "11.0.0.0/8": "", "2001:db9::/32": "", "224.0.0.0/4": "",
	} {
		what, reason, touched := p.Touched(netip.MustParsePrefix(entry))
		if got := strings.TrimSpace(string(reason) + " " + map[bool]string{true: what.String()}[touched]); got != want {
			t.Errorf("%s: got %q, want %q", entry, got, want)
		}
	}
}

func TestAListThatTouchesIsRefused(t *testing.T) {
	f := feedOf(policy.PlainList)
	l := &List{Entries: entries("192.0.2.0/28", "198.51.100.0/24")}
	got, _, err := Guard(l, Protect(thisHost, f), f)
	var refusal *Refusal
	if got != nil || !errors.As(err, &refusal) || refusal.Reason != Gateway {
		t.Fatalf("got %v, %v", got, err)
	}
	if want := "gateway: list: 192.0.2.0/28 has 192.0.2.1/32, which must not be listed (see on_protected, or have it taken off the list)"; err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	clean := &List{Entries: entries("192.0.2.4/30")}
	if got, cut, err := Guard(clean, Protect(thisHost, f), f); got != clean || cut.Entries != 0 || err != nil {
		t.Errorf("got %v, %v, %v", got, cut, err)
	}
}

func TestWhatIsProtectedIsExcluded(t *testing.T) {
	f := feedOf(policy.PlainList)
	f.Exclude = true
	l := &List{Entries: entries("1.1.1.1/32", "192.0.2.0/28", "192.0.2.10/32 1h", "198.51.100.0/24 2h"), Origins: map[string]int{"CAPI": 4}}
	got, cut, err := Guard(l, Protect(thisHost, f), f)
	if err != nil {
		t.Fatal(err)
	}
	want := &List{Origins: l.Origins, Entries: entries("1.1.1.1/32",
		"192.0.2.0/32", "192.0.2.2/31", "192.0.2.4/30", "192.0.2.8/31", "192.0.2.11/32", "192.0.2.12/30",
		"198.51.100.0/27 2h", "198.51.100.32/28 2h", "198.51.100.48/30 2h", "198.51.100.52/32 2h", "198.51.100.54/31 2h", "198.51.100.56/29 2h", "198.51.100.64/26 2h", "198.51.100.128/25 2h")}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if want := "3 entries, such as 192.0.2.0/28 (gateway)"; cut.String() != want {
		t.Errorf("cut %v, want %s", cut, want)
	}
	if len(l.Entries) != 4 || l.Entries[1].Prefix.Bits() != 28 {
		t.Errorf("the list itself was changed: %v", l.Entries)
	}
}

// randomPrefix returns one in a small part of the address space, so that many touch.
func randomPrefix(r *rand.Rand) netip.Prefix {
	if r.IntN(4) == 0 {
		a := netip.AddrFrom16([16]byte{0x20, 1, 14: byte(r.IntN(2)), 15: byte(r.Uint32())})
		return netip.PrefixFrom(a, 116+r.IntN(13)).Masked()
	}
	a := netip.AddrFrom4([4]byte{11, 0, byte(r.IntN(2)), byte(r.Uint32())})
	return netip.PrefixFrom(a, 20+r.IntN(13)).Masked()
}

func randomAddr(r *rand.Rand) netip.Addr { return randomPrefix(r).Addr() }

func listsAny(l *List, a netip.Addr, now int64) bool {
	for _, e := range l.Entries {
		if e.Prefix.Contains(a) && (e.Until == 0 || e.Until > now) {
			return true
		}
	}
	return false
}

// TestRandomListsAreGuardedAndJoined compares with what the entries say one by one.
func TestRandomListsAreGuardedAndJoined(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := feedOf(policy.PlainList)
	f.Exclude = true
	for range 300 {
		var host Host
		for range r.IntN(6) {
			host.Own = append(host.Own, randomAddr(r))
		}
		f.Protect = []netip.Prefix{randomPrefix(r)}
		protected := Protect(host, f)
		now := noon.Add(time.Duration(r.IntN(4)) * time.Minute)
		var joined []Listed
		var raw []List
		for slot := range uint32(3) {
			l := &List{}
			for range r.IntN(12) {
				e := Entry{Prefix: randomPrefix(r)}
				if slot == 2 {
					e.Until = noon.Add(time.Duration(r.IntN(5)) * time.Minute).Unix()
				}
				l.Entries = append(l.Entries, e)
			}
			raw = append(raw, List{Entries: append([]Entry(nil), l.Entries...)})
			l.finish()
			g, _, err := Guard(l, protected, f)
			if err != nil {
				t.Fatal(err)
			}
			joined = append(joined, Listed{g, slot * 7})
		}
		rows := Join(joined, now)
		for range 60 {
			a := randomAddr(r)
			_, _, safe := protected.Touched(netip.PrefixFrom(a, a.BitLen()))
			var want uint32
			for slot, l := range raw {
				if !safe && listsAny(&l, a, now.Unix()) {
					want |= 1 << (slot * 7)
				}
			}
			if got := feedsOf(rows, a); got != want {
				t.Fatalf("%v is in feeds %b, want %b\nrows %v\nraw %v", a, got, want, rows, raw)
			}
		}
	}
}

// feedsOf finds the longest row around an address.
func feedsOf(rows []Row, a netip.Addr) (feeds uint32) {
	longest := -1
	for _, row := range rows {
		if row.Prefix.Contains(a) && row.Prefix.Bits() > longest {
			longest, feeds = row.Prefix.Bits(), row.Feeds
		}
	}
	return feeds
}

func TestJoinLeavesOutWhatSaysNoMore(t *testing.T) {
	rows := Join([]Listed{
		{&List{Entries: entries("192.0.2.0/24", "198.51.100.1/32")}, 0},
		{&List{Entries: entries("192.0.2.0/25", "192.0.2.7/32", "198.51.100.1/32")}, 3},
		{&List{Entries: entries("192.0.2.7/32 1m", "192.0.2.8/32 1h")}, 31},
	}, noon.Add(time.Minute))
	want := []Row{
		{netip.MustParsePrefix("192.0.2.0/24"), 1}, {netip.MustParsePrefix("192.0.2.0/25"), 9},
		{netip.MustParsePrefix("192.0.2.8/32"), 9 | 1<<31}, {netip.MustParsePrefix("198.51.100.1/32"), 9},
	}
	if diff := cmp.Diff(want, rows, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestDiffCountsWhatChanged(t *testing.T) {
	a, b := &List{Entries: entries("192.0.2.0/24", "198.51.100.1/32", "203.0.113.0/24")}, &List{Entries: entries("192.0.2.0/25", "198.51.100.1/32")}
	for _, test := range []struct {
		before, after  *List
		added, removed int
	}{{a, b, 1, 2}, {b, a, 2, 1}, {nil, a, 3, 0}, {a, nil, 0, 3}, {a, a, 0, 0}, {nil, nil, 0, 0}} {
		if added, removed := Diff(test.before, test.after); added != test.added || removed != test.removed {
			t.Errorf("got %d, %d, want %d, %d", added, removed, test.added, test.removed)
		}
	}
}

func TestEntriesEnd(t *testing.T) {
	l := &List{Entries: entries("192.0.2.0/24", "192.0.2.1/32 1m", "192.0.2.2/32 2m")}
	if got := l.Ends(); !got.Equal(noon.Add(time.Minute)) {
		t.Errorf("ends %v", got)
	}
	if got := l.After(noon); got != l {
		t.Errorf("nothing is over, and the list is %v", got)
	}
	rest := l.After(noon.Add(time.Minute))
	if diff := cmp.Diff(entries("192.0.2.0/24", "192.0.2.2/32 2m"), rest.Entries, cmpopts.EquateComparable(netip.Prefix{})); diff != "" || len(l.Entries) != 3 {
		t.Errorf("rest (-want +got):\n%s", diff)
	}
	if got := (&List{Entries: entries("192.0.2.0/24")}).Ends(); !got.IsZero() {
		t.Errorf("an endless list ends %v", got)
	}
}

// TestGuardLooksAtEachEntry compares it with asking for each entry alone, in lists whose
// entries lie in each other, as those that end do.
func TestGuardLooksAtEachEntry(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	prefix := func() netip.Prefix {
		a := netip.AddrFrom4([4]byte{byte(9 + r.IntN(3)), byte(r.IntN(3)), byte(r.IntN(3)), byte(r.IntN(256))})
		if r.IntN(3) == 0 {
			b := netip.MustParseAddr("fe80::").As16()
			b[r.IntN(16)] ^= 1 << r.IntN(8)
			a = netip.AddrFrom16(b)
		}
		return netip.PrefixFrom(a, a.BitLen()-r.IntN(25)).Masked()
	}
	cuts := 0
	for range 500 {
		var h Host
		f := feedOf(policy.PlainList)
		f.Exclude = true
		for range r.IntN(4) {
			h.Own = append(h.Own, prefix().Addr())
			f.Protect = append(f.Protect, prefix())
		}
		l := &List{}
		for range 1 + r.IntN(40) {
			l.Entries = append(l.Entries, Entry{Prefix: prefix(), Until: 1 + r.Int64N(9)})
		}
		l.finish()
		p, want := Protect(h, f), 0
		for _, e := range l.Entries {
			if _, _, touched := p.Touched(e.Prefix); touched {
				want++
			}
		}
		guarded, cut, err := Guard(l, p, f)
		if err != nil || cut.Entries != want {
			t.Fatalf("of %v %d entries are cut, want %d; %v", l.Entries, cut.Entries, want, err)
		}
		for _, e := range guarded.Entries {
			if what, _, touched := p.Touched(e.Prefix); touched {
				t.Fatalf("%v is left, which touches %v", e.Prefix, what)
			}
		}
		cuts += want
	}
	if cuts == 0 {
		t.Error("nothing was cut; the test tests nothing")
	}
}
