//go:build kernel && linux

package guarder

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/testnet"
)

// whoGuesses has who guesses a password banned, and who scans; further settings follow.
const whoGuesses = `version: 1
defaults: {mode: MODE, interfaces: [DEVICE]}
failsafe:
  allow:
  - {name: dns, proto: udp, dst_port: 53, src: 192.0.2.53/32}
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - rule: guesses
    match: {proto: tcp, dst_port: PORT, socket: {is: established}, seq: next, payload: {at: 0, bytes: "70 61 73 73"}}
    action: drop
    ban: {ttl: 1h, grow: {factor: 2, max: 4h}}
    labels: {attack: brute_force}
  - rule: scans
    match: {tcp: {flags: {all: [syn], none: [ack]}}, dst_port: 1-100}
    action: drop
    ban: {after: 5/h, ttl: 10m, spoofable: accept}
`

func (l *lab) writeGuesses(t *testing.T, mode string, port uint16) {
	t.Helper()
	text := strings.NewReplacer("MODE", mode, "DEVICE", l.net.Right.Device, "PORT", fmt.Sprint(port)).Replace(whoGuesses)
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newBanLab is a lab whose policy only the real program knows.
func newBanLab(t *testing.T, mode string) (*lab, *shell) {
	t.Helper()
	l := newRealLab(t)
	l.config.rehearse = unrehearsed
	s := newShell(t, l.net)
	l.writeGuesses(t, mode, s.port)
	return l, s
}

func (l *lab) left() netip.Prefix {
	a := l.net.Left.Addr(testnet.IPv4)
	return netip.PrefixFrom(a, a.BitLen())
}

// banned returns the only ban that there is.
func banned(t *testing.T, a Administered) BanStatus {
	t.Helper()
	list, err := a.Bans()
	if err != nil || len(list.Bans) != 1 {
		t.Fatalf("bans %+v, %v; want one", list.Bans, err)
	}
	return list.Bans[0]
}

func events(t *testing.T, e *Engine) map[string]uint64 {
	t.Helper()
	all := make(map[string]uint64)
	for _, event := range status(t, e).BanEvents {
		all[event.Origin+" "+event.Action] = event.Events
	}
	return all
}

// TestBanHoldsWithoutAnAgentAndEndsInTime kills agents, has the policy read again and all
// that is pinned removed, and looks when the ban ends that no agent looks after.
func TestBanHoldsWithoutAnAgentAndEndsInTime(t *testing.T) {
	l, _ := newBanLab(t, "enforce")
	p := l.run(t)
	p.wait(t)
	if !arrives(t, l.net) {
		t.Fatal("nothing arrives without a ban")
	}
	ttl := 15 * time.Second
	if testnet.InVM() { // which loads the programs four times until then
		ttl = 2 * time.Minute
	}
	set, err := p.Ban(BanOrder{Prefix: l.left(), TTL: ttl, Reason: "test"})
	if err != nil {
		t.Fatal(err)
	}
	same := func(what string, a Administered) {
		t.Helper()
		now := banned(t, a)
		if d := now.Until.Sub(set.Until).Abs(); d > 50*time.Millisecond || now.Origin != "operator" || now.Reason != "test" || now.Count != 1 {
			t.Errorf("%s: %+v, want %+v", what, now, set)
		}
		if arrives(t, l.net) {
			t.Errorf("%s: a datagram of who is banned arrives", what)
		}
	}
	same("at first", p)
	p.kill()
	if arrives(t, l.net) {
		t.Error("a datagram arrives when the agent was killed")
	}
	p = l.run(t)
	p.wait(t)
	same("another agent", p)
	if err := p.Apply(Order{}); err != nil {
		t.Fatal(err)
	}
	same("the policy was read again", p)
	p.kill()
	if _, err := Detach(l.config.Dir); err != nil {
		t.Fatal(err)
	}
	if !arrives(t, l.net) {
		t.Error("a datagram does not arrive when nothing is in force")
	}
	p = l.run(t)
	p.wait(t)
	same("all that was pinned is gone", p)
	p.kill()
	clock, err := ban.SystemClock()
	if err != nil {
		t.Fatal(err)
	}
	for {
		before := clock.Wall()
		through := arrives(t, l.net)
		after := clock.Wall()
		if through {
			if after.Before(set.Until.Add(-50 * time.Millisecond)) {
				t.Errorf("ends %v too early", set.Until.Sub(after))
			}
			t.Logf("%v after its end a datagram was sent that arrived", before.Sub(set.Until))
			break
		}
		if before.After(set.Until.Add(time.Second)) {
			t.Fatalf("still held %v after its end", before.Sub(set.Until))
		}
	}
	l.do(t, func() error {
		e, err := Open(l.config, logTo(t.Output()))
		if err != nil {
			return err
		}
		defer e.Close()
		until(t, func() bool { return events(t, e)["operator expired"] == 1 })
		if list, err := e.Bans(); err != nil || len(list.Bans) != 0 {
			t.Errorf("bans %+v, %v", list, err)
		}
		return nil
	})
}

// TestRuleBansWhoGuesses has one who is logged in over IPv4 guess: that one is banned for
// all purposes, and another, over IPv6, is not.
func TestRuleBansWhoGuesses(t *testing.T) {
	l, s := newBanLab(t, "enforce")
	e := l.open(t)
	guesser, friend := s.login(t, testnet.IPv4), s.login(t, testnet.IPv6)
	works(t, guesser)
	if !arrives(t, l.net) {
		t.Fatal("a datagram does not arrive before the guess")
	}
	if _, err := guesser.Write([]byte("password")); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { list, err := e.Bans(); return err == nil && len(list.Bans) == 1 })
	b := banned(t, e)
	if b.Prefix != l.left() || b.Origin != "rule:tests/guesses" || b.Reason != "brute_force" || b.Audit || b.Left < 3500 {
		t.Errorf("banned %+v", b)
	}
	if arrives(t, l.net) {
		t.Error("a datagram of who is banned arrives")
	}
	ctx, cancel := context.WithTimeout(t.Context(), testnet.Margin(200*time.Millisecond))
	defer cancel()
	if _, err := s.dial(ctx, t, testnet.IPv4); err == nil {
		t.Error("who is banned can connect")
	}
	works(t, friend)
	st := status(t, e)
	if len(st.Bans) != 1 || st.Bans[0].Origin != "rule" || st.Bans[0].Bans != 1 || st.Bans[0].Counts["drop"].Packets == 0 {
		t.Errorf("status of bans %+v", st.Bans)
	}
	// A rule that is audited from now on bans nobody from now on.
	l.writeGuesses(t, "audit", s.port)
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return arrives(t, l.net) })
	if b := banned(t, e); !b.Audit {
		t.Errorf("of an audited rule: %+v", b)
	}
	l.writeGuesses(t, "enforce", s.port)
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return !arrives(t, l.net) })
	if err := e.Unban(l.left()); err != nil || !arrives(t, l.net) {
		t.Errorf("unbanned: %v", err)
	}
	if got := events(t, e); got["rule added"] != 1 || got["rule removed"] != 1 {
		t.Errorf("events %v", got)
	}
}

// TestRuleBansWhoScansAfterSomePackets has somebody try ports.
func TestRuleBansWhoScansAfterSomePackets(t *testing.T) {
	l, s := newBanLab(t, "enforce")
	e := l.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	port := uint16(0)
	until(t, func() bool {
		if port < 100 && int(port) <= int(droppedBy(t, e, "scans")) { // the one before has come
			port++
			other := *s
			other.port = port
			go other.dial(ctx, t, testnet.IPv4)
		}
		is := len(mustBans(t, e))
		if n := droppedBy(t, e, "scans"); is > 0 && n < 6 {
			t.Fatalf("banned after %d packets", n)
		}
		return is > 0
	})
	if b := banned(t, e); b.Origin != "rule:tests/scans" || b.Prefix != l.left() || arrives(t, l.net) {
		t.Errorf("banned %+v", b)
	}
}

func mustBans(t *testing.T, e *Engine) []BanStatus {
	t.Helper()
	list, err := e.Bans()
	if err != nil {
		t.Fatal(err)
	}
	return list.Bans
}

// TestAuditedRuleBansNobody tells whom it would ban, once.
func TestAuditedRuleBansNobody(t *testing.T) {
	l, s := newBanLab(t, "audit")
	e := l.open(t)
	guesser := s.login(t, testnet.IPv4)
	if _, err := guesser.Write([]byte("password")); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return events(t, e)["rule would_ban"] > 0 })
	if !arrives(t, l.net) {
		t.Error("a datagram of who would be banned does not arrive")
	}
	st := status(t, e)
	if n := st.Bans[0]; n.Origin != "rule" || n.Bans != 0 || n.Counts["drop"].Packets != 0 || n.Counts["would_drop"].Packets == 0 {
		t.Errorf("bans %+v", st.Bans)
	}
	if got := events(t, e); got["rule would_ban"] != 1 || got["rule added"] != 0 {
		t.Errorf("events %v", got)
	}
}

// TestCeilingOfTheHostHoldsForBans has the operator ban somebody where nothing may be
// dropped.
func TestCeilingOfTheHostHoldsForBans(t *testing.T) {
	l, _ := newBanLab(t, "enforce")
	l.config.Ceiling = 1 // audit
	e := l.open(t)
	b, err := e.Ban(BanOrder{Prefix: l.left(), TTL: time.Hour})
	if err != nil || !b.Audit || !arrives(t, l.net) {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestEngineBansNobodyWhoMustGetThrough asks for bans of this host, of who the failsafe
// allows something, and of the operator.
func TestEngineBansNobodyWhoMustGetThrough(t *testing.T) {
	l, _ := newBanLab(t, "enforce")
	e := l.open(t)
	right := l.net.Right.Addr(testnet.IPv4)
	me := netip.MustParseAddr("198.51.100.77")
	operator := []host.Connection{{Local: netip.AddrPortFrom(right, 22), Remote: netip.AddrPortFrom(me, 50000)}}
	for text, why := range map[string]string{
		right.String() + "/32": "an address of this host", "192.0.2.53/32": "what the failsafe allows (dns)", "192.0.2.0/24": "what the failsafe allows (dns)",
		"198.51.100.0/24": "where an operator is, or was within 30 days", "127.0.0.1/32": "this host",
	} {
		_, err := e.Ban(BanOrder{Prefix: netip.MustParsePrefix(text), TTL: time.Hour, Operator: operator})
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", text, err, why)
		}
	}
	if _, err := e.Ban(BanOrder{Prefix: l.left(), TTL: time.Hour, Origin: "rule:a/b"}); err == nil {
		t.Error("somebody bans in the name of a rule")
	}
	if n := events(t, e)["operator refused"]; n != 5 || len(mustBans(t, e)) != 0 {
		t.Errorf("%d refused", n)
	}
	e.Close()
	e = l.open(t)
	if _, err := e.Ban(BanOrder{Prefix: netip.PrefixFrom(me, 32), TTL: time.Hour}); err == nil || !strings.Contains(err.Error(), "where an operator is") {
		t.Errorf("the operator of an agent before: %v", err)
	}
}
