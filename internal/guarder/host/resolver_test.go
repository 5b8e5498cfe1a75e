package host

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// plain compares addresses as values.
var plain = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

func TestParseResolvers(t *testing.T) {
	addrs := func(texts ...string) (list []netip.Addr) {
		for _, text := range texts {
			list = append(list, netip.MustParseAddr(text))
		}
		return list
	}
	for _, test := range []struct {
		name, text string
		want       []netip.Addr
		err        string
	}{
		{"usual", "# by hand\nsearch example.org\nnameserver 192.0.2.53\nnameserver 2001:db8::53\noptions edns0\n", addrs("192.0.2.53", "2001:db8::53"), ""},
		{"twice", "nameserver 192.0.2.53\nnameserver\t192.0.2.53 \n", addrs("192.0.2.53"), ""},
		{"stub", "nameserver 127.0.0.53\n", addrs("127.0.0.53"), ""},
		{"scope", "nameserver fe80::1%eth0\n", addrs("fe80::1"), ""},
		{"mapped", "nameserver ::ffff:192.0.2.1", addrs("192.0.2.1"), ""},
		{"commented out", ";nameserver 192.0.2.53\n", addrs("127.0.0.1"), ""},
		{"empty", "", addrs("127.0.0.1"), ""},
		{"name", "nameserver dns.example\nnameserver 192.0.2.53\n", addrs("192.0.2.53"), `resolv.conf:1: "dns.example" is no address`},
		{"only a name", "\nnameserver dns.example\n", nil, `resolv.conf:2: "dns.example" is no address`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseResolvers(test.text)
			if diff := cmp.Diff(test.want, got, plain); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if message(err) != test.err {
				t.Errorf("error %q, want %q", message(err), test.err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
