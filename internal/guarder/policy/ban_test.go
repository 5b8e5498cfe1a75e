package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// banned parses a rule with a ban.
func banned(t *testing.T, defaults, match, ban string) (*Banning, []Fault) {
	t.Helper()
	text := fmt.Sprintf("version: 1\n%sgroups:\n- name: g\n  stage: policy\n  rules:\n  - {rule: r, match: %s, action: drop, ban: %s}\n", defaults, match, ban)
	p, faults := Parse("p.yaml", []byte(text), Options{})
	if p == nil {
		return nil, faults
	}
	return p.Rules[0].Ban, faults
}

const unforgeable = "{proto: tcp, dst_port: 22, socket: {is: established}, seq: next}"

func TestBanIsRead(t *testing.T) {
	for text, want := range map[string]Banning{
		"{ttl: 1h}": {TTL: time.Hour, Bits4: 32, Bits6: 64},
		"{key: src, after: 100/s, ttl: 10m, grow: {factor: 2, max: 24h}, prefix: {ipv4: 24, ipv6: 48}, renew_while_active: true, spoofable: accept}": {
			After: 100, Per: time.Second, TTL: 10 * time.Minute, Factor: 2, Max: 24 * time.Hour, Bits4: 24, Bits6: 48, Renew: true, Spoofable: true,
		},
		"{after: 2k/h, ttl: 1s}": {After: 2000, Per: time.Hour, TTL: time.Second, Bits4: 32, Bits6: 64},
	} {
		got, faults := banned(t, "", unforgeable, text)
		if got == nil || len(faults) != 0 {
			t.Errorf("%s: %v", text, faults)
			continue
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", text, diff)
		}
	}
}

// TestBanNeedsWhatOnlyThePeerCanSend goes through what may hold of one alternative only.
func TestBanNeedsWhatOnlyThePeerCanSend(t *testing.T) {
	for match, why := range map[string]string{
		unforgeable: "",
		"{any: [{dst_port: 22}, {dst_port: 23}], proto: tcp, socket: {is: established}, seq: next}":         "",
		"{any: [{proto: tcp, socket: {is: established}, seq: next}, {proto: udp, dst_port: 53}]}":           "not TCP",
		"{proto: tcp, not: {socket: {is: established}}, seq: next}":                                         "established connection",
		"{proto: tcp, socket: {is: [established, listen]}, seq: next}":                                      "established connection",
		"{proto: tcp, socket: {is: established}, seq: in-window}":                                           "only the peer knows", // one guess in thousands
		"{proto: tcp, socket: {is: established}, seq: [next, out-of-window]}":                               "only the peer knows",
		"{icmp: {class: error, inner: {proto: tcp, seq: in-window}}, socket: {of: inner, is: established}}": "not TCP",
		"{any: [{seq: next}, {dst_port: 22}], proto: tcp, socket: {is: established}}":                       "only the peer knows",
	} {
		_, faults := banned(t, "", match, "{ttl: 1h}")
		var of []string
		for _, f := range faults {
			if f.Code == spoofableBan {
				of = append(of, f.Text)
			}
		}
		if why == "" && len(faults) != 0 || why != "" && (len(of) != 1 || !strings.Contains(of[0], why)) {
			t.Errorf("%s: %v, want %q", match, faults, why)
		}
		if _, faults := banned(t, "", match, "{ttl: 1h, spoofable: accept}"); Failed(faults) {
			t.Errorf("%s, accepted: %v", match, faults)
		}
	}
	if _, faults := banned(t, "defaults: {on_unknown_socket: drop}\n", unforgeable, "{ttl: 1h}"); len(faults) != 1 || faults[0].Code != spoofableBan {
		t.Errorf("where sockets are not known: %v", faults)
	}
}

func TestBanIsJudgedBetweenFailsafeAndPolicy(t *testing.T) {
	text := `version: 1
failsafe: {allow: [{name: ssh, proto: tcp, dst_port: 22}]}
groups:
- name: g
  stage: policy
  mode: enforce
  rules:
  - {rule: web, match: {proto: tcp, dst_port: 443}, action: pass}
`
	p, faults := Parse("p.yaml", []byte(text), Options{})
	if p == nil {
		t.Fatal(faults)
	}
	source := netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		port uint16
		is   Banned
		kept bool
		want Verdict
		ban  BanVerdict
		by   int
	}{
		{22, Banned{Enforced: true}, false, Passed, NotBanned, 0},
		{443, Banned{Enforced: true}, false, Dropped, BanDropped, None},
		{443, Banned{Audited: true}, false, Passed, BanWouldDrop, 1},
		{443, Banned{Enforced: true}, true, Passed, BanKept, None},
		{443, Banned{Audited: true}, true, Passed, BanWouldKept, 1},
		{443, Banned{}, false, Passed, NotBanned, 1},
		{80, Banned{Enforced: true, Audited: true}, false, Dropped, BanDropped, None},
	} {
		pkt := packet.Parse((&packet.Frame{Source: source, Destination: netip.MustParseAddr("192.0.2.2"), Protocol: packet.TCP, DestinationPort: c.port}).Bytes())
		j := p.Judge(&pkt, &Env{
			Banned: func(a netip.Addr) Banned {
				if a == source {
					return c.is
				}
				return Banned{}
			},
			Kept: func(*packet.Packet) bool { return c.kept },
		})
		if j.Verdict != c.want || j.Ban != c.ban || j.By != c.by {
			t.Errorf("%+v: %+v", c, j)
		}
	}
}

func TestTrustedAreThoseThatMustGetThrough(t *testing.T) {
	text := `version: 1
failsafe:
  allow:
  - {name: ssh, proto: tcp, dst_port: 22, src: [10.0.0.0/8, "2001:db8::/32"]}
  - {name: arp, ethertype: arp}
  - {name: everybody, proto: tcp, dst_port: 443, src: 0.0.0.0/0}
sets:
  friends: {type: prefix, entries: [192.0.2.0/24]}
groups:
- name: g
  stage: policy
  mode: enforce
  rules:
  - {rule: friends, match: {src_set: friends}, action: pass}
  - {rule: either, match: {any: [{src: 198.51.100.1}, {src: 198.51.100.2}]}, action: pass}
  - {rule: web, match: {src: 203.0.113.0/24, proto: tcp, dst_port: 80}, action: pass}
  - {rule: others, match: {not: {src: 203.0.113.0/24}}, action: pass}
  - {rule: to, match: {dst: 198.51.100.3}, action: pass}
  - {rule: bad, match: {src: 198.51.100.9}, action: drop}
`
	p, faults := Parse("p.yaml", []byte(text), Options{})
	if p == nil {
		t.Fatal(faults)
	}
	got := make(map[string]string)
	p.Trusted(func(prefix netip.Prefix, why string) { got[prefix.String()] = why })
	want := map[string]string{
		"10.0.0.0/8": "what the failsafe allows (ssh)", "2001:db8::/32": "what the failsafe allows (ssh)",
		"192.0.2.0/24":    "what g/friends passes",
		"198.51.100.1/32": "what g/either passes", "198.51.100.2/32": "what g/either passes",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if p.BanMode != Enforce {
		t.Errorf("bans %v", p.BanMode)
	}
	if p, _ := Parse("p.yaml", []byte(text), Options{Ceiling: Audit}); p == nil || p.BanMode != Audit {
		t.Error("bans are not audited where all rules are")
	}
}
