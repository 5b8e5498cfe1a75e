//go:build linux

package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// recordFiles writes files below a folder of the test.
func recordFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCountServices(t *testing.T) {
	const text = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:0050 rr
  -> C6336401:0050      Masq    1      0          0
  -> C6336402:0050      Masq    1      0          0
UDP  C0000201:0035 wrr
FWM  00000007 rr
`
	if n := countServices(text); n != 3 {
		t.Errorf("%d services, want 3", n)
	}
	if n := countServices(""); n != 0 {
		t.Errorf("%d services in an empty file", n)
	}
}

func TestOldTablesAreDetours(t *testing.T) {
	r := reader{proc: recordFiles(t, map[string]string{
		"thread-self/net/ip_tables_names":    "filter\nmangle\nnat\n",
		"thread-self/net/ip_tables_targets":  "REDIRECT\nTPROXY\nERROR\n",
		"thread-self/net/ip6_tables_names":   "mangle\n",
		"thread-self/net/ip6_tables_targets": "ERROR\n",
	})}
	r.iptables("ip_tables_names")
	r.iptables("ip6_tables_names")
	want := []Detour{{DetourNAT, "the table nat of ip_tables is loaded"}, {DetourTProxy, "the target TPROXY of ip_tables is loaded"}}
	if diff := cmp.Diff(want, r.facts.Detours); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.facts.Unknown != nil {
		t.Errorf("unknown: %v", r.facts.Unknown)
	}
}

func TestRulesThatAreDetours(t *testing.T) {
	for _, test := range []struct {
		name       string
		e          expr.Any
		nat, proxy int
	}{
		{"dnat", &expr.NAT{Type: expr.NATTypeDestNAT}, 1, 0},
		{"masquerade", &expr.Masq{}, 1, 0},
		{"redirect", &expr.Redir{}, 1, 0},
		{"tproxy", &expr.TProxy{}, 0, 1},
		{"iptables-nft DNAT", &expr.Target{Name: "DNAT"}, 1, 0},
		{"iptables-nft TPROXY", &expr.Target{Name: "TPROXY"}, 0, 1},
		{"iptables-nft LOG", &expr.Target{Name: "LOG"}, 0, 0},
		{"counter", &expr.Counter{}, 0, 0},
	} {
		nat, proxy := detoursOf(&nftables.Rule{Exprs: []expr.Any{&expr.Counter{}, test.e}})
		if nat != test.nat || proxy != test.proxy {
			t.Errorf("%s: %d, %d, want %d, %d", test.name, nat, proxy, test.nat, test.proxy)
		}
	}
}

// TestTranslationIsNoDetourForWhatIsTracked: where the kernel's connection tracking can be
// asked, only rules that may match the beginning of a connection are refused, and those of hosts
// that do more than translate.
func TestTranslationIsNoDetourForWhatIsTracked(t *testing.T) {
	p, faults := policy.Parse("p.yaml", []byte(`version: 1
groups:
- name: g
  rules:
  - {rule: segment, mode: enforce, match: {tcp: {flags: {none: [syn]}}, dst: local, socket: {is: none}}, action: drop}
  - {rule: error, mode: enforce, match: {icmp: {class: error, inner: {proto: tcp}}, socket: {of: inner, is: none}}, action: drop}
  - {rule: call, mode: enforce, match: {tcp: {flags: {all: [syn], none: [ack]}}, dst: local, socket: {is: none}}, action: drop}
  - {rule: datagram, mode: enforce, match: {proto: udp, dst: local, dst_port: 5000, socket: {is: none}}, action: drop}
  - {rule: unknown, mode: enforce, on_unknown_socket: drop, match: {tcp: {flags: {none: [syn]}}, dst: local, socket: {is: none}}, action: drop}
  - {rule: found, mode: enforce, match: {proto: tcp, seq: out-of-window}, action: drop}
`), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	nat, ipvs := Detour{DetourNAT, "addresses are translated"}, Detour{DetourIPVS, "services are spread"}
	for _, test := range []struct {
		name      string
		conntrack bool
		detours   []Detour
		want      []string
	}{
		{"a plain host", false, nil, nil},
		{"nothing can be asked", false, []Detour{nat}, []string{"segment", "error", "call", "datagram", "unknown"}},
		{"connection tracking can", true, []Detour{nat}, []string{"call", "datagram", "unknown"}},
		{"it does not know all", true, []Detour{nat, ipvs}, []string{"segment", "error", "call", "datagram", "unknown"}},
	} {
		f := server()
		f.Conntrack, f.Detours = test.conntrack, test.detours
		var got []string
		for _, fault := range elsewhere(p, f) {
			got = append(got, strings.TrimPrefix(fault.In, "g/"))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
	}
}
