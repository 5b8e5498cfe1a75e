package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/ban"
)

const banningPolicy = `version: 1
failsafe: {allow: [{name: ssh, proto: tcp, dst_port: 22, src: 192.0.2.66}]}
groups:
- name: g
  stage: policy
  rules:
  - rule: guess
    match: {proto: tcp, dst_port: 23}
    action: drop
    mode: enforce
    ban: {after: 3/m, ttl: 10m, grow: {factor: 2, max: 1h}, renew_while_active: true, spoofable: accept}
  - rule: audited
    match: {proto: tcp, dst_port: 25}
    action: drop
    mode: audit
    ban: {ttl: 10m, prefix: {ipv4: 24}, spoofable: accept}
`

// bansIn tells what becomes of packets that come so many seconds after each other.
func bansIn(t *testing.T, options Options, packets []string, seconds []int) (told []string) {
	t.Helper()
	p, faults := Parse("p.yaml", []byte(banningPolicy), options)
	if p == nil {
		t.Fatal(faults)
	}
	bans := NewBans(p, []netip.Addr{netip.MustParseAddr("198.51.100.1")})
	env := &Env{Banned: bans.Banned}
	now := time.Unix(1000, 0)
	for i, text := range packets {
		s, err := ParseSpecimen(text)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Duration(seconds[i]) * time.Second)
		bans.At(now)
		j := p.Judge(&s.Packet, env)
		word := map[Verdict]string{Passed: "pass", Dropped: "drop"}[j.Verdict]
		switch j.Ban {
		case BanDropped:
			word = "banned"
		case BanWouldDrop:
			word += ", would be banned"
		}
		if made := bans.Judged(&s.Packet, j); made != nil {
			word += ", bans " + madeText(made) + " for " + made.TTL.String()
		}
		told = append(told, word)
	}
	return told
}

// TestBansGoByTheTimeOfPackets has a rule ban, and packets come before and after the end.
func TestBansGoByTheTimeOfPackets(t *testing.T) {
	const (
		telnet = "tcp 192.0.2.7:4000 > 198.51.100.1:23 flags=syn"
		web    = "tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn"
		smtp   = "tcp 192.0.2.7:4000 > 198.51.100.1:25 flags=syn"
		other  = "tcp 192.0.2.8:4000 > 198.51.100.1:80 flags=syn"
		// None of this network is allowed anything.
		smtp2, near, telnet2, web2 = "tcp 203.0.113.7:4000 > 198.51.100.1:25 flags=syn", "tcp 203.0.113.8:4000 > 198.51.100.1:80 flags=syn",
			"tcp 203.0.113.7:4000 > 198.51.100.1:23 flags=syn", "tcp 203.0.113.7:4000 > 198.51.100.1:80 flags=syn"
	)
	for _, c := range []struct {
		claim   string
		options Options
		packets []string
		seconds []int
		want    []string
	}{
		{"the fourth is too many", Options{}, []string{telnet, telnet, telnet, web, telnet, web, other}, []int{0, 1, 1, 1, 1, 1, 1},
			[]string{"drop", "drop", "drop", "pass", "drop, bans 192.0.2.7 for 10m0s", "banned", "pass"}},
		{"as slow as may be bans nobody", Options{}, []string{telnet, telnet, telnet, telnet, telnet, web}, []int{0, 20, 20, 20, 20, 20},
			[]string{"drop", "drop", "drop", "drop", "drop", "pass"}},
		{"it is renewed, ends, and the next is longer", Options{}, []string{telnet, telnet, telnet, telnet, web, web, web, telnet, telnet, telnet, telnet, web, web},
			[]int{0, 0, 0, 0, 599, 599, 600, 0, 0, 0, 0, 1199, 1200},
			[]string{"drop", "drop", "drop", "drop, bans 192.0.2.7 for 10m0s", "banned", "banned", "pass", "drop", "drop", "drop", "drop, bans 192.0.2.7 for 20m0s", "banned", "pass"}},
		{"an audited rule would ban", Options{}, []string{smtp2, near, web2, smtp2}, []int{0, 1, 1, 1},
			[]string{"pass, bans 203.0.113.0/24 for 10m0s", "pass, would be banned", "pass, would be banned", "pass, would be banned"}},
		{"alone, if somebody near is allowed something", Options{}, []string{smtp, other, web}, []int{0, 1, 1},
			[]string{"pass, bans 192.0.2.7 for 10m0s", "pass", "pass, would be banned"}},
		{"who is audited is banned by another rule", Options{}, []string{smtp2, telnet2, telnet2, telnet2, telnet2, web2}, []int{0, 0, 0, 0, 0, 0},
			[]string{"pass, bans 203.0.113.0/24 for 10m0s", "drop, would be banned", "drop, would be banned", "drop, would be banned", "drop, would be banned, bans 203.0.113.7 for 10m0s", "banned"}},
		{"a ceiling has nobody dropped", Options{Ceiling: Audit}, []string{telnet, telnet, telnet, telnet, web}, []int{0, 0, 0, 0, 0},
			[]string{"pass", "pass", "pass", "pass, bans 192.0.2.7 for 10m0s", "pass, would be banned"}},
		{"whom the failsafe allows something is not banned", Options{},
			[]string{"tcp 192.0.2.66:1 > 198.51.100.1:25 flags=syn", "tcp 192.0.2.67:1 > 198.51.100.1:25 flags=syn", "tcp 192.0.2.66:1 > 198.51.100.1:80 flags=syn"}, []int{0, 0, 0},
			[]string{"pass", "pass, bans 192.0.2.67 for 10m0s", "pass"}},
		{"nor is this host", Options{}, []string{"tcp 198.51.100.1:1 > 198.51.100.1:25 flags=syn", "tcp 198.51.100.1:1 > 198.51.100.1:25 flags=syn"}, []int{0, 0},
			[]string{"pass", "pass"}},
		{"time does not go back", Options{}, []string{telnet, telnet, telnet, telnet, web, web}, []int{0, 0, 0, 0, 500, -400},
			[]string{"drop", "drop", "drop", "drop, bans 192.0.2.7 for 10m0s", "banned", "banned"}},
	} {
		if diff := cmp.Diff(c.want, bansIn(t, c.options, c.packets, c.seconds)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
	}
}

// TestBansThatAreGiven adds what an agent told.
func TestBansThatAreGiven(t *testing.T) {
	p, faults := Parse("p.yaml", []byte(banningPolicy), Options{})
	if p == nil {
		t.Fatal(faults)
	}
	bans := NewBans(p, nil)
	bans.At(time.Unix(1000, 0))
	for text, want := range map[string]bool{"203.0.113.0/24": true, "2001:db8:7::/64": true, "192.0.2.0/24": false} {
		_, err := bans.Add(ban.Request{Prefix: netip.MustParsePrefix(text), Origin: ban.Operator, Terms: ban.Terms{TTL: time.Hour}})
		if (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := bans.Add(ban.Request{Prefix: netip.MustParsePrefix("203.0.113.7/32"), Audit: true, Origin: ban.Rule("g", "r"), Terms: ban.Terms{TTL: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	version := bans.Version()
	for text, want := range map[string]Banned{
		"203.0.113.7": {Enforced: true, Audited: true}, "203.0.113.8": {Enforced: true}, "2001:db8:7::1": {Enforced: true}, "2001:db8:8::1": {}, "192.0.2.1": {},
	} {
		if got := bans.Banned(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	if of := bans.Of(netip.MustParseAddr("203.0.113.7")); of == nil || of.Prefix.Bits() != 24 {
		t.Errorf("the ban in force is %+v", of)
	}
	if rows, v := bans.Rows(); len(rows) != 3 || v != version {
		t.Errorf("%d rows, version %d after %d", len(rows), v, version)
	}
	bans.At(time.Unix(1000+3600, 0))
	if got := bans.Banned(netip.MustParseAddr("203.0.113.7")); got != (Banned{}) || bans.Version() == version {
		t.Errorf("after the end: %+v", got)
	}
}
