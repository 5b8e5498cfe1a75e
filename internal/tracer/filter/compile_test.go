package filter

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestFaultsSayWhere has one expression per way to be wrong.
func TestFaultsSayWhere(t *testing.T) {
	names := testNames
	names.Interface = func(string) (uint32, error) { return 0, errors.New("there is no such interface (eth0, lo)") }
	for _, c := range []struct{ expression, want string }{
		{"tcp and host example.org", `column 14: "example.org" is no address; names are not looked up`},
		{"tcp udp", `column 5: "udp" is not expected; join terms with "and" or "or"`},
		{"tcp host 192.0.2.1", `column 10: "tcp host" is not possible: write "tcp and host 192.0.2.1"`},
		{"net 192.0.2.1/24", `column 5: "192.0.2.1" has bits that its mask of 24 does not have; write 192.0.2.0`},
		{"host 192.0.2.1/32", `column 6: a prefix needs "net" instead of "host"`},
		{"port 99999", `column 6: "99999" is no port from 0 to 65535`},
		{"port gopher", `column 6: "gopher" is no port, and no service that is known here`},
		{"udp port http", `column 10: "http" is no service of udp`},
		{"icmp port 80", `column 11: icmp has no ports: tcp, udp and sctp have`},
		{"ip broadcast", `column 1: "ip broadcast" is not supported, as it depends on the network's mask: write "dst host" with the address`},
		{"ip proto 256", `column 10: "256" is no protocol of IP: a number from 0 to 255, or a name such as tcp`},
		{"(tcp or udp", `column 12: the end instead of ")"`},
		{"tcp or", `column 7: the end is not expected`},
		{"tcp[13:3] = 1", `column 8: "3" is no size: 1, 2 or 4 bytes`},
		{"tcp[13] & 2", `column 12: the end instead of a comparison: =, !=, <, <=, > or >=`},
		{"ip[8] / 0 = 1", `column 7: division by zero`},
		{"ip[8] << 40 = 1", `column 7: shift by 40: numbers have 32 bits`},
		{"foo[0] = 1", `column 1: there are no bytes of "foo"`},
		{"foo", `column 1: "foo" is no keyword; write "host", "net", "port" or another before it`},
		{"192.0.2.1", `column 1: "192.0.2.1" is no keyword; write "host", "net", "port" or another before it`},
		{"2001:db8::1", `column 1: "2001:db8::1" says not of what; write "host", "net" or "ether host" before it`},
		{"ip6 host 192.0.2.1", `column 10: "192.0.2.1" is an IPv4 address, and not of ip6`},
		{"ip host 2001:db8::1", `column 9: "2001:db8::1" is an IPv6 address, and not of ip`},
		{"host 02:00:00:00:00:01", `column 6: "02:00:00:00:00:01" is a MAC address: write "ether host" before it`},
		{"ether host 192.0.2.1", `column 12: "192.0.2.1" is no MAC address, which "ether host" needs`},
		{"vlan 4096", `column 6: "4096" is no number from 0 to 4095`},
		{"protochain 6", `column 1: "protochain" is not supported: write "proto", which looks at the first header only`},
		{"ip and mpls", `column 8: "mpls" is not supported: the kernel's packets have no such header when they are traced`},
		{"tcp @", `column 5: "@" means nothing here`},
		{"iface eth9", `column 7: "eth9": there is no such interface (eth0, lo)`},
		{"pid init", `column 5: "init" is no number of a process`},
		{"netns /run/netns/a", `column 7: "/run/netns/a" is no number`},
		{"pid 4294967296", `column 5: "4294967296" is too large for "pid"`},
		{"src proto 6", `column 11: a protocol has no direction`},
		{strings.Repeat("(", 200) + "tcp", `column 101: more than 100 parentheses within each other`},
		{strings.Repeat("not ", 200) + "tcp", `column 401: more than 100 "not" and parentheses within each other`},
	} {
		_, err := Compile(c.expression, names)
		fault := (*Error)(nil)
		if !errors.As(err, &fault) || err.Error() != c.want {
			t.Errorf("%.60q: error %v, want %s", c.expression, err, c.want)
		}
	}
}

func TestWhatIsKnownBesideTheBytes(t *testing.T) {
	names := Names{
		Interface: func(string) (uint32, error) { return 3, nil },
		Namespace: func(string) (uint32, error) { return 4026531840, nil },
		Cgroup:    func(string) (uint64, error) { return 7<<32 | 9, nil },
	}
	frame := randomFrame(rand.New(rand.NewPCG(1, 1)))
	meta := Meta{Interface: 3, Process: 42, Namespace: 4026531840, Cgroup: 7<<32 | 9}
	for expression, want := range map[string]bool{
		"": true, "iface eth0": true, "iface 3": true, "iface 4": false, "pid 42": true, "pid 43": false,
		"netns /run/netns/a": true, "netns 5": false, "cgroup /sys/fs/cgroup/system.slice/a-b@c.service": true,
		"cgroup 30064771081": true, "cgroup 9": false, "not pid 42": false, "pid 42 and not iface lo": false, "pid 1 or iface 3": true,
	} {
		f, err := Compile(expression, names)
		if err != nil {
			t.Errorf("%q: %v", expression, err)
			continue
		}
		if got := f.Match(frame, meta); got != want {
			t.Errorf("%q: %v, want %v", expression, got, want)
		}
		if f.String() != expression {
			t.Errorf("%q became %q", expression, f)
		}
	}
}

// TestShortPacketsAreRefused: as with libpcap, also behind "not".
func TestShortPacketsAreRefused(t *testing.T) {
	frame := make([]byte, 34)
	copy(frame[12:], []byte{8, 0, 0x45})
	frame[23] = ipTCP
	for expression, want := range map[string]bool{"tcp": true, "tcp port 80": false, "not tcp port 80": false, "tcp or port 80": true} {
		f, err := Compile(expression, Names{})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(frame, Meta{}); got != want {
			t.Errorf("%q: %v, want %v", expression, got, want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, o := range oracles(f) {
		f.Add(o.expression, []byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00\x45"))
	}
	f.Fuzz(func(t *testing.T, expression string, frame []byte) {
		c, err := Compile(expression, testNames)
		if err != nil {
			if fault := (*Error)(nil); !errors.As(err, &fault) || fault.Column < 1 || fault.Column > len(expression)+1 {
				t.Fatalf("error %v of %d bytes", err, len(expression))
			}
			return
		}
		c.Match(frame, Meta{})
	})
}

func ExampleCompile() {
	_, err := Compile("tcp port 443 and host www.example.org", Names{})
	fmt.Println(err)
	// Output: column 23: "www.example.org" is no address; names are not looked up
}
