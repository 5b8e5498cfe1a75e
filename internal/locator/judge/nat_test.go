package judge

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func quotes(addrs ...string) (q []Quote) {
	for i, a := range addrs {
		if a != "*" {
			q = append(q, Quote{TTL: uint8(i + 1), Addr: netip.MustParseAddr(a)})
		}
	}
	return q
}

// The truth is where the translators are in each world.
func TestNAT(t *testing.T) {
	changed := func(q []Quote, from int) []Quote {
		for i := range q {
			q[i].Checksum = int(q[i].TTL) >= from
		}
		return q
	}
	for _, c := range []struct {
		name, source string
		quotes       []Quote
		want         []Translator
	}{
		{"a global host", "203.0.113.5", quotes("203.0.113.1", "198.51.100.1"), nil},
		{"a global host behind private routers", "203.0.113.5", quotes("10.0.0.1", "100.64.0.1", "198.51.100.1"), nil},
		{"a home router by Linux", "192.168.1.5", quotes("192.168.1.1", "198.51.100.1"), []Translator{{1, 2, Inferred}}},
		{"two private hops", "10.1.1.5", quotes("10.1.1.1", "172.16.0.1", "198.51.100.1"), []Translator{{2, 3, Inferred}}},
		{"a silent hop between", "10.1.1.5", quotes("10.1.1.1", "*", "198.51.100.1"), []Translator{{1, 3, Inferred}}},
		{"a host in a container, and nobody private answers", "172.17.0.2", quotes("198.51.100.1"), []Translator{{0, 1, Inferred}}},
		{"a site without the Internet", "10.1.1.5", quotes("10.1.1.1", "10.2.1.1"), nil},
		{"home and carrier", "192.168.1.5", quotes("192.168.1.1", "100.64.0.1", "198.51.100.1"), []Translator{{1, 2, Inferred}, {2, 3, Carrier}}},
		{"carrier alone", "100.64.7.7", quotes("100.64.0.1", "198.51.100.1"), []Translator{{1, 2, Carrier}}},
		{"carrier, and no more answers", "192.168.1.5", quotes("192.168.1.1", "100.64.0.1"), []Translator{{1, 2, Inferred}}},
		{"a translator that quotes what it made", "192.168.1.5", changed(quotes("192.168.1.1", "198.51.100.1", "198.51.100.2"), 2), []Translator{{1, 2, Quoted}}},
		{"global to global", "203.0.113.5", changed(quotes("203.0.113.1", "198.51.100.1", "198.51.100.2"), 3), []Translator{{2, 3, Quoted}}},
		{"a home router by Linux, then another", "192.168.1.5", changed(quotes("192.168.1.1", "198.51.100.1", "198.51.100.2", "198.51.100.3"), 4), []Translator{{1, 2, Inferred}, {3, 4, Quoted}}},
		{"IPv6 with local addresses", "fd00::5", quotes("fd00::1", "2001:db8::1"), []Translator{{1, 2, Inferred}}},
		{"link-local answers", "10.1.1.5", quotes("169.254.0.1", "198.51.100.1"), []Translator{{1, 2, Inferred}}},
	} {
		got := NAT(netip.MustParseAddr(c.source), c.quotes)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestScopes(t *testing.T) {
	for a, want := range map[string]Scope{
		"10.0.0.1": Private, "172.32.0.1": Global, "100.63.255.255": Global, "100.127.255.255": Shared, "127.0.0.1": Local,
		"169.254.1.1": Local, "224.0.0.1": Local, "0.0.0.0": Local, "::ffff:192.168.0.1": Private, "fc00::1": Private,
		"2001:db8::1": Global, "fe80::1": Local, "::1": Local, "255.255.255.255": Local,
	} {
		if got := ScopeOf(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: scope %d, want %d", a, got, want)
		}
	}
	if ScopeOf(netip.Addr{}) != Local {
		t.Error("no address has a scope")
	}
}

func TestASPath(t *testing.T) {
	at := func(ttl uint8, addr string, as uint32) Hop {
		return Hop{TTL: ttl, Addr: netip.MustParseAddr(addr), AS: as}
	}
	exchange := at(8, "198.51.100.8", 64999)
	exchange.Exchange = true
	hops := []Hop{
		at(1, "192.168.1.1", 64512), // a database that knows private addresses
		at(2, "198.51.100.2", 1), at(4, "198.51.100.4", 1), at(5, "198.51.100.5", 0), at(6, "198.51.100.6", 1),
		exchange, at(9, "198.51.100.9", 2), at(12, "198.51.100.12", 1),
	}
	want := []ASHop{{AS: 1, First: 2, Last: 6}, {AS: 2, First: 9, Last: 9}, {AS: 1, First: 12, Last: 12}}
	if diff := cmp.Diff(want, ASPath(hops)); diff != "" {
		t.Errorf("path (-want +got):\n%s", diff)
	}
	// 3 is within AS 1; 7, 10 and 11 are at borders.
	if diff := cmp.Diff([]uint8{7, 10, 11}, Blind(hops)); diff != "" {
		t.Errorf("blind (-want +got):\n%s", diff)
	}
	if ASPath(nil) != nil || Blind(nil) != nil {
		t.Error("of no hops")
	}
}
