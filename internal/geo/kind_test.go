package geo

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestKindOf(t *testing.T) {
	for addr, want := range map[string]Kind{
		"0.0.0.0": Unspecified, "0.1.2.3": Reserved, "1.1.1.1": Public,
		"9.255.255.255": Public, "10.0.0.0": Private, "10.255.255.255": Private, "11.0.0.0": Public,
		"100.63.255.255": Public, "100.64.0.0": CGNAT, "100.127.255.255": CGNAT, "100.128.0.0": Public,
		"127.0.0.1": Loopback, "169.254.1.1": LinkLocal,
		"172.15.255.255": Public, "172.16.0.0": Private, "172.31.255.255": Private, "172.32.0.0": Public,
		"192.0.0.8": Reserved, "192.0.0.9": Public, "192.0.0.171": Reserved, "192.0.2.1": Documentation,
		"192.88.99.1": Reserved, "192.31.196.1": Public, "192.168.255.255": Private,
		"198.17.255.255": Public, "198.18.0.0": Benchmark, "198.19.255.255": Benchmark,
		"198.51.100.1": Documentation, "203.0.113.1": Documentation,
		"223.255.255.255": Public, "224.0.0.1": Multicast, "239.255.255.255": Multicast,
		"240.0.0.1": Reserved, "255.255.255.254": Reserved, "255.255.255.255": Broadcast,

		"::": Unspecified, "::1": Loopback, "::2": Reserved,
		"::ffff:10.0.0.1": Private, "::ffff:1.1.1.1": Public,
		"64:ff9b::101:101": Translated, "64:ff9b:1::1": Translated, "100::1": Reserved,
		"2000::1": Public, "2001::1": Translated, "2001:1::1": Public, "2001:1::4": Reserved,
		"2001:2::1": Benchmark, "2001:3::1": Public, "2001:4:112::1": Public, "2001:10::1": Reserved,
		"2001:20::1": Public, "2001:200::1": Public, "2001:db7:ffff::1": Public, "2001:db8::1": Documentation,
		"2001:db9::1": Public, "2002:101:101::1": Translated, "2620:4f:8000::1": Public,
		"3ffe:ffff::1": Public, "3fff::1": Documentation, "3fff:1000::1": Public, "3fff:fff::1": Documentation,
		"4000::1": Reserved, "5f00::1": Reserved, "fbff::1": Reserved, "fc00::1": Private, "fd00::1": Private,
		"fe80::1": LinkLocal, "fe80::1%eth0": LinkLocal, "fec0::1": Reserved, "ff02::1": Multicast,
	} {
		if got := KindOf(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is %v, want %v", addr, got, want)
		}
	}
	if got := KindOf(netip.Addr{}); got != Invalid {
		t.Errorf("no address is %v", got)
	}
}

func TestEveryKindHasAName(t *testing.T) {
	seen := map[string]Kind{}
	for k := Invalid; k <= Reserved; k++ {
		name := k.String()
		if other, twice := seen[name]; twice || name == "" || name == "unknown" {
			t.Errorf("kind %d is called %q, as is %d", k, name, other)
		}
		seen[name] = k
	}
	if got := Kind(200).String(); got != "unknown" {
		t.Errorf("kind 200 is called %q", got)
	}
}

func TestBlocksAreOfTheirKind(t *testing.T) {
	want := "[10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7]"
	if got := fmt.Sprint(Blocks(Private)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, kind := range []Kind{CGNAT, Loopback, LinkLocal, Documentation} {
		blocks := Blocks(kind)
		for _, p := range blocks {
			if got := KindOf(p.Addr()); got != kind {
				t.Errorf("%v is %v, want %v", p, got, kind)
			}
		}
		if len(blocks) == 0 {
			t.Errorf("no block is %v", kind)
		}
	}
}
