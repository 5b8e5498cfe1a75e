package geo

import "net/netip"

// A Kind says what sort of address one is.
type Kind uint8

// The kinds. Only public addresses are looked up in databases.
const (
	Invalid       Kind = iota // no address at all
	Public                    // globally reachable unicast
	Private                   // RFC 1918, unique local (RFC 4193)
	CGNAT                     // shared by the customers of a provider (RFC 6598)
	Loopback                  //
	LinkLocal                 //
	Multicast                 //
	Broadcast                 // 255.255.255.255
	Unspecified               // 0.0.0.0, ::
	Documentation             //
	Benchmark                 // RFC 2544, RFC 5180
	Translated                // an IPv4 address in IPv6 (NAT64, 6to4, Teredo)
	Reserved                  // all else that is not for use in the internet
)

var kindNames = [...]string{
	Invalid:       "invalid",
	Public:        "public",
	Private:       "private",
	CGNAT:         "cgnat",
	Loopback:      "loopback",
	LinkLocal:     "link-local",
	Multicast:     "multicast",
	Broadcast:     "broadcast",
	Unspecified:   "unspecified",
	Documentation: "documentation",
	Benchmark:     "benchmark",
	Translated:    "translated",
	Reserved:      "reserved",
}

// String returns the name, such as "link-local".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// special holds the special-purpose address registries of the IANA (RFC 6890), IPv4 and
// IPv6, as of 2025, with the multicast blocks (RFC 5771, RFC 4291), which have registries
// of their own. The longest prefix counts. Blocks whose registry says "globally reachable"
// are public.
var special = specialTrie([]specialBlock{
	{"0.0.0.0/8", Reserved}, // "this network", RFC 791
	{"0.0.0.0/32", Unspecified},
	{"10.0.0.0/8", Private},
	{"100.64.0.0/10", CGNAT},
	{"127.0.0.0/8", Loopback},
	{"169.254.0.0/16", LinkLocal},
	{"172.16.0.0/12", Private},
	{"192.0.0.0/24", Reserved}, // IETF protocol assignments, RFC 6890
	{"192.0.0.9/32", Public},   // Port Control Protocol anycast, RFC 7723
	{"192.0.0.10/32", Public},  // TURN anycast, RFC 8155
	{"192.0.2.0/24", Documentation},
	{"192.88.99.0/24", Reserved}, // 6to4 relay anycast, deprecated by RFC 7526
	{"192.168.0.0/16", Private},
	{"198.18.0.0/15", Benchmark},
	{"198.51.100.0/24", Documentation},
	{"203.0.113.0/24", Documentation},
	{"224.0.0.0/4", Multicast},
	{"240.0.0.0/4", Reserved},
	{"255.255.255.255/32", Broadcast},

	{"::/0", Reserved},   // not assigned yet, RFC 4291 section 2.4
	{"2000::/3", Public}, // global unicast
	{"::/128", Unspecified},
	{"::1/128", Loopback},
	{"64:ff9b::/96", Translated},   // RFC 6052
	{"64:ff9b:1::/48", Translated}, // RFC 8215
	{"100::/64", Reserved},         // discard only, RFC 6666
	{"2001::/23", Reserved},        // IETF protocol assignments, RFC 2928
	{"2001::/32", Translated},      // Teredo, RFC 4380
	{"2001:1::1/128", Public},      // Port Control Protocol anycast, RFC 7723
	{"2001:1::2/128", Public},      // TURN anycast, RFC 8155
	{"2001:1::3/128", Public},      // DNS-SD registration anycast, RFC 9665
	{"2001:2::/48", Benchmark},
	{"2001:3::/32", Public},     // AMT, RFC 7450
	{"2001:4:112::/48", Public}, // AS112, RFC 7535
	{"2001:20::/28", Public},    // ORCHIDv2, RFC 7343
	{"2001:30::/28", Public},    // drone remote identification, RFC 9374
	{"2001:db8::/32", Documentation},
	{"2002::/16", Translated},    // 6to4, RFC 3056
	{"3fff::/20", Documentation}, // RFC 9637
	{"5f00::/16", Reserved},      // segment identifiers, RFC 9602
	{"fc00::/7", Private},
	{"fe80::/10", LinkLocal},
	{"ff00::/8", Multicast},
})

type specialBlock struct {
	prefix string
	kind   Kind
}

func specialTrie(blocks []specialBlock) *Trie[Kind] {
	var t Trie[Kind]
	for _, b := range blocks {
		t.Insert(netip.MustParsePrefix(b.prefix), b.kind)
	}
	return &t
}

// KindOf returns the kind of an address. An IPv4 address that is written as IPv6
// (::ffff:192.0.2.7) is that IPv4 address.
func KindOf(addr netip.Addr) Kind {
	if !addr.IsValid() {
		return Invalid
	}
	if _, kind, ok := special.Lookup(addr); ok {
		return kind
	}
	return Public
}

// Blocks returns the blocks that the registries give to a kind, in the order of
// [Trie.All]. Parts of them may be of another kind.
func Blocks(kind Kind) []netip.Prefix {
	var all []netip.Prefix
	for p, k := range special.All() {
		if k == kind {
			all = append(all, p)
		}
	}
	return all
}
