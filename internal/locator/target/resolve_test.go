package target

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// answers is a resolver with what it answers by network and host.
type answers map[string][]string

var (
	errNotFound = &net.DNSError{Err: "no such host", Name: "example.com", IsNotFound: true}
	errTimeout  = &net.DNSError{Err: "timeout", Name: "example.com", IsTimeout: true}
)

func (a answers) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	var all []netip.Addr
	texts, ok := a[network+" "+host]
	if !ok {
		return nil, errNotFound
	}
	for _, text := range texts {
		switch text {
		case "timeout":
			return nil, errTimeout
		case "unsuitable":
			return nil, &net.AddrError{Err: "no suitable address", Addr: host}
		}
		all = append(all, netip.MustParseAddr(text))
	}
	return all, nil
}

func TestResolveTakesOneAddressOfEachFamily(t *testing.T) {
	a := netip.MustParseAddr
	old := Addresses{a("192.0.2.9"), a("2001:db8::9")}
	for _, c := range []struct {
		claim   string
		host    string
		answers answers
		wanted  Family
		old     Addresses
		want    Addresses
		err     string
	}{
		{"the least first", "h", answers{"ip4 h": {"192.0.2.9", "192.0.2.10", "192.0.2.2"}, "ip6 h": {"2001:db8::a", "2001:db8::1"}}, Any, Addresses{},
			Addresses{a("192.0.2.2"), a("2001:db8::1")}, ""},
		{"then the old ones", "h", answers{"ip4 h": {"192.0.2.2", "192.0.2.9"}, "ip6 h": {"2001:db8::1", "2001:db8::9"}}, Any, old, old, ""},
		{"until they are gone", "h", answers{"ip4 h": {"192.0.2.3", "192.0.2.2"}, "ip6 h": {"2001:db8::9"}}, Any, old, Addresses{a("192.0.2.2"), a("2001:db8::9")}, ""},
		{"one family of two", "h", answers{"ip4 h": {"192.0.2.2"}}, Any, old, Addresses{IPv4: a("192.0.2.2")}, ""},
		{"one of two, in /etc/hosts", "h", answers{"ip4 h": {"unsuitable"}, "ip6 h": {"2001:db8::1"}}, Any, old, Addresses{IPv6: a("2001:db8::1")}, ""},
		{"IPv4 only", "h", answers{"ip4 h": {"192.0.2.2"}, "ip6 h": {"2001:db8::1"}}, IPv4, old, Addresses{IPv4: a("192.0.2.2")}, ""},
		{"IPv6 only", "h", answers{"ip4 h": {"192.0.2.2"}, "ip6 h": {"2001:db8::1"}}, IPv6, old, Addresses{IPv6: a("2001:db8::1")}, ""},
		{"IPv4 written as IPv6", "h", answers{"ip4 h": {"::ffff:192.0.2.2"}}, Any, Addresses{}, Addresses{IPv4: a("192.0.2.2")}, ""},
		{"no address of one host", "h", answers{"ip4 h": {"0.0.0.0", "224.0.0.1", "255.255.255.255"}, "ip6 h": {"fe80::1%x", "ff02::1"}}, Any, old,
			Addresses{}, `resolve "h": no address of a host`},
		{"none at all", "h", answers{}, Any, old, Addresses{}, `resolve "h": no address of a host`},
		{"none of that family", "h", answers{"ip4 h": {"192.0.2.2"}}, IPv6, old, Addresses{}, `resolve "h": no address of a host`},
		{"a missing answer keeps the old", "h", answers{"ip4 h": {"192.0.2.2"}, "ip6 h": {"timeout"}}, Any, old,
			Addresses{a("192.0.2.2"), a("2001:db8::9")}, `resolve "h": lookup example.com: timeout`},
		{"an address needs no resolver", "192.0.2.1", nil, Any, old, Addresses{IPv4: a("192.0.2.1")}, ""},
		{"nor does one of IPv6", "2001:db8::1", nil, IPv6, old, Addresses{IPv6: a("2001:db8::1")}, ""},
		{"an address of the other family", "192.0.2.1", nil, IPv6, old, Addresses{}, `resolve "192.0.2.1": no address of a host in the family that is wanted`},
	} {
		got, err := Resolve(context.Background(), c.answers, c.host, c.wanted, c.old)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != c.err {
			t.Errorf("%s: error %q, want %q", c.claim, text, c.err)
		}
	}
	if _, err := Resolve(context.Background(), answers{}, "h", Any, old); !errors.Is(err, ErrNoAddress) {
		t.Errorf("error %v", err)
	}
	if _, err := Resolve(context.Background(), answers{"ip4 h": {"timeout"}}, "h", Any, old); !errors.Is(err, errTimeout) {
		t.Errorf("error %v", err)
	}
}
