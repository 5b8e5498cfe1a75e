package geo

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// scan is the meaning of a Trie: a list that is searched from end to end.
type scan []scanned

type scanned struct {
	prefix netip.Prefix
	value  int
}

func (s *scan) insert(p netip.Prefix, value int) {
	p = p.Masked()
	for i := range *s {
		if (*s)[i].prefix == p {
			(*s)[i].value = value
			return
		}
	}
	*s = append(*s, scanned{p, value})
}

func (s scan) lookup(q netip.Prefix) (best scanned, ok bool) {
	for _, one := range s {
		if one.prefix.Contains(q.Addr()) && one.prefix.Bits() <= q.Bits() &&
			(!ok || one.prefix.Bits() > best.prefix.Bits()) {
			best, ok = one, true
		}
	}
	return best, ok
}

// somePrefix returns a prefix in a small corner of the address space, so that many
// cover each other, or anywhere.
func somePrefix(r *rand.Rand) netip.Prefix {
	if r.IntN(2) == 0 {
		b := [4]byte{10, byte(r.IntN(2)), byte(r.IntN(4)), byte(r.IntN(256))}
		if r.IntN(8) == 0 {
			b[0] = byte(r.IntN(256))
		}
		return netip.PrefixFrom(netip.AddrFrom4(b), r.IntN(33))
	}
	b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	for i := range 4 {
		b[6+i] = byte(r.IntN(3)) // both sides of the middle
	}
	b[15] = byte(r.IntN(4))
	if r.IntN(8) == 0 {
		b[0] = byte(r.IntN(256))
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), r.IntN(129))
}

func TestTrieAgreesWithALinearScan(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		var trie Trie[int]
		var list scan
		for i := range 1 + r.IntN(400) {
			p := somePrefix(r)
			if !trie.Insert(p, i) {
				t.Fatalf("seed %d: %v is refused", seed, p)
			}
			list.insert(p, i)
		}
		if trie.Len() != len(list) {
			t.Fatalf("seed %d: %d prefixes, want %d", seed, trie.Len(), len(list))
		}
		for range 150 {
			checkTrie(t, seed, &trie, list, somePrefix(r))
		}
		for _, one := range list {
			checkTrie(t, seed, &trie, list, one.prefix)
			if value, ok := trie.Get(one.prefix); !ok || value != one.value {
				t.Fatalf("seed %d: Get(%v) = %d, %v, want %d", seed, one.prefix, value, ok, one.value)
			}
		}
		var all scan
		for p, value := range trie.All() {
			all = append(all, scanned{p, value})
		}
		order := func(a, b scanned) int { return a.prefix.Compare(b.prefix) }
		if slices.SortFunc(list, order); !slices.IsSortedFunc(all, order) || !slices.Equal(all, list) {
			t.Fatalf("seed %d: All gives %v, want %v", seed, all, list)
		}
		if nodes := len(trie.nodes); nodes >= 2*trie.Len() {
			t.Fatalf("seed %d: %d nodes for %d prefixes", seed, nodes, trie.Len())
		}
	}
}

func checkTrie(t *testing.T, seed uint64, trie *Trie[int], list scan, q netip.Prefix) {
	t.Helper()
	want, wantOK := list.lookup(q)
	p, value, ok := trie.LookupPrefix(q)
	if got := (scanned{p, value}); got != want || ok != wantOK {
		t.Fatalf("seed %d: LookupPrefix(%v) = %v, %v, want %v, %v", seed, q, got, ok, want, wantOK)
	}
	one := netip.PrefixFrom(q.Addr(), q.Addr().BitLen())
	want, wantOK = list.lookup(one)
	p, value, ok = trie.Lookup(q.Addr())
	if got := (scanned{p, value}); got != want || ok != wantOK {
		t.Fatalf("seed %d: Lookup(%v) = %v, %v, want %v, %v", seed, q.Addr(), got, ok, want, wantOK)
	}
}

func TestTrieTakesMappedAddressesAsIPv4(t *testing.T) {
	var trie Trie[string]
	trie.Insert(netip.MustParsePrefix("::ffff:192.0.2.0/120"), "mapped")
	trie.Insert(netip.MustParsePrefix("::/0"), "IPv6")
	for addr, want := range map[string]string{
		"192.0.2.7": "mapped", "::ffff:192.0.2.7": "mapped", "::ffff:192.0.3.7": "", "192.0.3.7": "",
		"2001:db8::1": "IPv6", "fe80::1%eth0": "IPv6",
	} {
		if _, got, _ := trie.Lookup(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	if p, _, _ := trie.Lookup(netip.MustParseAddr("192.0.2.7")); p != netip.MustParsePrefix("192.0.2.0/24") {
		t.Errorf("the prefix is %v", p)
	}
}

func TestTrieRefusesWhatIsNoPrefix(t *testing.T) {
	var trie Trie[int]
	for _, p := range []netip.Prefix{{}, netip.MustParsePrefix("::ffff:0:0/95")} {
		if trie.Insert(p, 1) || trie.Len() != 0 {
			t.Errorf("%v is taken", p)
		}
	}
	if _, _, ok := trie.Lookup(netip.Addr{}); ok {
		t.Error("no address is found")
	}
}

// FuzzTrie inserts what the bytes say, five or seventeen of them a prefix.
func FuzzTrie(f *testing.F) {
	f.Add([]byte{10, 0, 0, 0, 8, 10, 1, 0, 0, 16, 10, 1, 2, 3, 32}, []byte{10, 1, 2, 3})
	f.Add([]byte{0, 0, 0, 0, 0}, []byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, prefixes, addr []byte) {
		var trie Trie[int]
		var list scan
		for i := 0; len(prefixes) >= 5 && i < 200; i++ {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte(prefixes)), int(prefixes[4]%33))
			prefixes = prefixes[5:]
			if i%3 == 2 && len(prefixes) >= 12 {
				b := [16]byte(slices.Concat(p.Addr().AsSlice(), prefixes[:12]))
				p = netip.PrefixFrom(netip.AddrFrom16(b), int(prefixes[11]%129))
				if p.Addr().Is4In6() {
					continue
				}
			}
			trie.Insert(p, i)
			list.insert(p, i)
		}
		if a, ok := netip.AddrFromSlice(addr); ok && !a.Is4In6() {
			checkTrie(t, 0, &trie, list, netip.PrefixFrom(a, a.BitLen()))
		}
		for _, one := range list {
			checkTrie(t, 0, &trie, list, one.prefix)
		}
	})
}

func BenchmarkTrieLookup(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var trie Trie[int]
	for i := range 100_000 {
		addr := netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), 0})
		trie.Insert(netip.PrefixFrom(addr, 24), i)
	}
	addr := netip.MustParseAddr("192.0.2.7")
	for b.Loop() {
		trie.Lookup(addr)
	}
}
