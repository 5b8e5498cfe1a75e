//go:build linux

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// detours collects why the sockets of this namespace do not tell which packets are
// wanted.
func (r *reader) detours() {
	for _, key := range []string{"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"} {
		text, err := os.ReadFile(filepath.Join(r.proc, "sys", key))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			r.note(Forwarding, err)
			continue
		}
		if strings.TrimSpace(string(text)) != "0" {
			r.detour(DetourForwarding, "sysctl %s is on", strings.ReplaceAll(key, "/", "."))
		}
	}
	r.nftables()
	for _, name := range []string{"ip_tables_names", "ip6_tables_names"} {
		r.iptables(name)
	}
	services, err := r.net("ip_vs")
	if err != nil {
		r.note(IPVS, err)
	}
	if n := countServices(services); n > 0 {
		r.detour(DetourIPVS, "IPVS has %d services", n)
	}
}

func (r *reader) detour(kind DetourKind, format string, args ...any) {
	r.facts.Detours = append(r.facts.Detours, Detour{kind, fmt.Sprintf(format, args...)})
}

// net reads a file of the thread's network namespace, in which it is missing if the
// kernel module is not loaded.
func (r *reader) net(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(r.proc, "thread-self/net", name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// iptables notes tables of the old kind, those that iptables-legacy makes. Their rules
// are not read: that a table is there is a detour already.
func (r *reader) iptables(names string) {
	text, err := r.net(names)
	if err != nil {
		r.note(Iptables, err)
	}
	tables := strings.Fields(text)
	targets := ""
	for _, table := range tables {
		switch table {
		case "nat":
			r.detour(DetourNAT, "the table nat of %s is loaded", strings.TrimSuffix(names, "_names"))
		case "mangle":
			if targets, err = r.net(strings.TrimSuffix(names, "_names") + "_targets"); err != nil {
				r.note(Iptables, err)
			}
		}
	}
	for target := range strings.FieldsSeq(targets) {
		if target == "TPROXY" {
			r.detour(DetourTProxy, "the target TPROXY of %s is loaded", strings.TrimSuffix(names, "_names"))
		}
	}
}

// countServices counts the virtual services in /proc/net/ip_vs, whose lines begin
// with the protocol, or with FWM for a firewall mark. Lines of real servers begin
// with an arrow.
func countServices(text string) (n int) {
	for line := range strings.Lines(text) {
		switch word, _, _ := strings.Cut(line, " "); word {
		case "TCP", "UDP", "SCTP", "FWM":
			n++
		}
	}
	return n
}

// nftables finds chains that translate addresses, and rules that hand packets to a
// transparent proxy, also those of iptables-nft.
func (r *reader) nftables() {
	conn, err := nftables.New()
	if err != nil {
		r.note(Nftables, fmt.Errorf("open nftables: %w", err))
		return
	}
	chains, err := conn.ListChains()
	if err != nil {
		r.note(Nftables, fmt.Errorf("list nftables chains: %w", err))
		return
	}
	for _, chain := range chains {
		rules, err := conn.GetRules(chain.Table, chain)
		if err != nil {
			r.note(Nftables, fmt.Errorf("list nftables rules of %s %s: %w", chain.Table.Name, chain.Name, err))
			continue
		}
		name := fmt.Sprintf("nftables chain %s %s", chain.Table.Name, chain.Name)
		nat, proxy := 0, 0
		for _, rule := range rules {
			translates, proxies := detoursOf(rule)
			nat, proxy = nat+translates, proxy+proxies
		}
		if nat > 0 {
			r.detour(DetourNAT, "%s has %d rules that translate addresses", name, nat)
		}
		if proxy > 0 {
			r.detour(DetourTProxy, "%s has %d rules for a transparent proxy", name, proxy)
		}
	}
}

// detoursOf returns 1 for what a rule does.
func detoursOf(rule *nftables.Rule) (nat, proxy int) {
	for _, e := range rule.Exprs {
		switch e := e.(type) {
		case *expr.NAT, *expr.Masq, *expr.Redir:
			nat = 1
		case *expr.TProxy:
			proxy = 1
		case *expr.Target:
			switch e.Name {
			case "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP":
				nat = 1
			case "TPROXY":
				proxy = 1
			}
		}
	}
	return nat, proxy
}
