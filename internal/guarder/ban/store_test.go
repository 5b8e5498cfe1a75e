package ban

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fake is a clock that tests set.
type fake struct {
	wall time.Time
	boot time.Duration
	id   string
}

func newFake() *fake {
	return &fake{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), 1000 * time.Hour, "first"}
}

func (f *fake) clock() Clock {
	return Clock{func() time.Time { return f.wall }, func() time.Duration { return f.boot }, f.id}
}

func (f *fake) pass(d time.Duration) { f.wall, f.boot = f.wall.Add(d), f.boot+d }

func open(t *testing.T, folder string, f *fake) *Store {
	t.Helper()
	s, err := Open(folder, f.clock())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pfx(text string) netip.Prefix { return netip.MustParsePrefix(text) }

var growing = Terms{TTL: 10 * time.Minute, Factor: 2, Max: 24 * time.Hour}

// byRule is a ban of one address by a rule.
func byRule(text string, terms Terms) Request {
	return Request{Prefix: pfx(text), Terms: terms, Origin: Rule("ssh", "guessing"), Reason: "guesses"}
}

func add(t *testing.T, s *Store, r Request, want Action) Ban {
	t.Helper()
	b, action, err := s.Add(r, NewNever())
	if err != nil || action != want {
		t.Fatalf("%v: %q, %v; want %q", r.Prefix, action, err, want)
	}
	return b
}

func TestBansGrowAsDocumented(t *testing.T) {
	for _, c := range []struct {
		terms Terms
		want  []string
	}{
		{Terms{TTL: 10 * time.Minute, Factor: 2, Max: 24 * time.Hour}, []string{"10m0s", "20m0s", "40m0s", "1h20m0s", "2h40m0s", "5h20m0s", "10h40m0s", "21h20m0s", "24h0m0s", "24h0m0s"}},
		{Terms{TTL: time.Minute, Factor: 1.5, Max: 3 * time.Minute}, []string{"1m0s", "1m30s", "2m15s", "3m0s", "3m0s"}},
		{Terms{TTL: time.Hour}, []string{"1h0m0s", "1h0m0s"}},
		{Terms{TTL: time.Hour, Factor: 2}, []string{"1h0m0s", "1h0m0s"}},
	} {
		f := newFake()
		s := open(t, "", f)
		var got []string
		for range c.want {
			b := add(t, s, byRule("192.0.2.1/32", c.terms), Added)
			got = append(got, (b.Until - f.boot).String())
			f.pass(b.TTL)
			if n := len(s.List()); n != 0 {
				t.Errorf("%+v: %d bans at the end of the one", c.terms, n)
			}
			s.Expire()
			f.pass(max(c.terms.remember()-1, 0))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v (-want +got)\n%s", c.terms, diff)
		}
	}
	if got := growing.For(100_000); got != growing.Max {
		t.Errorf("the hundred thousandth ban is for %v", got)
	}
}

func TestBanIsForgottenAfterTheLongestOne(t *testing.T) {
	f := newFake()
	s := open(t, t.TempDir(), f)
	b := add(t, s, byRule("192.0.2.1/32", growing), Added)
	f.pass(b.TTL + growing.Max)
	s.Expire()
	if b = add(t, s, byRule("192.0.2.1/32", growing), Added); b.Count != 1 || b.TTL != growing.TTL {
		t.Errorf("after that time: %+v", b)
	}
}

func TestBanExpiresExactlyAndIsCountedOnce(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	b := add(t, s, byRule("192.0.2.1/32", Terms{TTL: time.Minute}), Added)
	add(t, s, byRule("192.0.2.2/32", Terms{TTL: time.Hour}), Added)
	f.pass(time.Minute - 1)
	if over, next := s.Expire(); len(over) != 0 || next != b.Until || len(s.List()) != 2 {
		t.Errorf("a nanosecond before: %v over, next %v", over, next)
	}
	f.pass(1)
	if over, next := s.Expire(); len(over) != 1 || over[0].Prefix != b.Prefix || next != b.Until+59*time.Minute || len(s.List()) != 1 {
		t.Errorf("at its end: %v over, next %v", over, next)
	}
	f.pass(time.Second)
	if over, _ := s.Expire(); len(over) != 0 {
		t.Errorf("later: %v over again", over)
	}
	if diff := cmp.Diff(map[Event]uint64{{0, Added}: 2, {0, Expired}: 1}, s.Events()); diff != "" {
		t.Errorf("events (-want +got)\n%s", diff)
	}
	if got := s.Active(); got != [4]int{1, 0, 0, 0} {
		t.Errorf("bans by origin %v", got)
	}
}

func TestRuleThatHitsTheBannedOnlyRenews(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	once := add(t, s, byRule("192.0.2.1/32", Terms{TTL: time.Minute}), Added)
	renewed := Terms{TTL: time.Minute, Renew: true}
	add(t, s, byRule("192.0.2.2/32", renewed), Added)
	f.pass(30 * time.Second)
	if again := add(t, s, byRule("192.0.2.1/32", Terms{TTL: time.Minute}), ""); again.Until != once.Until {
		t.Errorf("ends %v, want %v as before", again.Until, once.Until)
	}
	if again := add(t, s, byRule("192.0.2.2/32", renewed), Renewed); again.Until != f.boot+time.Minute || again.Count != 1 {
		t.Errorf("renewed: %+v", again)
	}
}

func TestSeenPacketsRenew(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	add(t, s, byRule("192.0.2.1/32", Terms{TTL: time.Minute, Renew: true}), Added)
	add(t, s, byRule("192.0.2.2/32", Terms{TTL: time.Minute}), Added)
	begin := f.boot
	f.pass(50 * time.Second)
	for _, c := range []struct {
		prefix string
		last   time.Duration
		want   bool
	}{
		{"192.0.2.1/32", begin - 1, false}, // of a ban before
		{"192.0.2.1/32", begin + 20*time.Second, true},
		{"192.0.2.1/32", begin + 10*time.Second, false},
		{"192.0.2.2/32", begin + 20*time.Second, false},
		{"192.0.2.3/32", begin + 20*time.Second, false},
	} {
		if got := s.Saw(pfx(c.prefix), c.last); got != c.want {
			t.Errorf("%s at %v: renewed %v", c.prefix, c.last-begin, got)
		}
	}
	f.pass(29 * time.Second)
	if all := s.List(); len(all) != 1 || all[0].Until != begin+80*time.Second {
		t.Errorf("bans %+v", all)
	}
}

func TestOperatorsWordCounts(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	add(t, s, byRule("192.0.2.1/32", growing), Added)
	r := Request{Prefix: pfx("192.0.2.1/32"), Terms: Terms{TTL: time.Minute}, Origin: Operator, Reason: "enough"}
	b := add(t, s, r, Added)
	if b.Until != f.boot+time.Minute || b.Origin != Operator {
		t.Errorf("%+v", b)
	}
	if err := s.Remove(b.Prefix); err != nil {
		t.Error(err)
	}
	if err := s.Remove(b.Prefix); !errors.Is(err, ErrNotBanned) {
		t.Errorf("removed twice: %v", err)
	}
	if len(s.List()) != 0 {
		t.Errorf("still there: %+v", s.List())
	}
	want := map[Event]uint64{{0, Added}: 1, {1, Added}: 1, {1, Removed}: 1}
	if diff := cmp.Diff(want, s.Events()); diff != "" {
		t.Errorf("events (-want +got)\n%s", diff)
	}
}

// TestOnlyTheOperatorShortensABan has somebody banned who is banned already.
func TestOnlyTheOperatorShortensABan(t *testing.T) {
	const address = "192.0.2.1/32"
	request := func(by Origin, ttl time.Duration) Request {
		return Request{Prefix: pfx(address), Terms: Terms{TTL: ttl}, Origin: by}
	}
	renewed := byRule(address, Terms{TTL: time.Hour, Factor: 2, Max: 24 * time.Hour, Renew: true})
	for name, c := range map[string]struct {
		first, then Request
		ttl, left   time.Duration
		renew       bool
		remember    time.Duration
	}{
		"the operator, a rule's":           {renewed, request(Operator, time.Minute), time.Minute, time.Minute, false, 24 * time.Hour},
		"a program, a rule's":              {renewed, request(API, time.Minute), time.Hour, 50 * time.Minute, true, 24 * time.Hour},
		"CrowdSec, the operator's":         {request(Operator, 720*time.Hour), request(CrowdSec, time.Hour), 720 * time.Hour, 720*time.Hour - 10*time.Minute, false, 0},
		"a program, for longer":            {renewed, request(API, 2*time.Hour), 2 * time.Hour, 2 * time.Hour, false, 24 * time.Hour},
		"a program, where nobody is":       {byRule(address, Terms{TTL: time.Minute, Factor: 2, Max: time.Hour}), request(API, time.Minute), time.Minute, time.Minute, false, time.Hour},
		"a program, where a rule is tried": {Request{Prefix: pfx(address), Terms: growing, Origin: Rule("ssh", "guessing"), Audit: true}, request(API, time.Second), time.Second, time.Second, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			s := open(t, t.TempDir(), f)
			if _, _, err := s.Add(c.first, nil); err != nil {
				t.Fatal(err)
			}
			f.pass(10 * time.Minute)
			b := add(t, s, c.then, Added)
			if b.TTL != c.ttl || b.Until-f.boot != c.left || b.Renew != c.renew || b.Remember != c.remember || b.Origin != c.then.Origin {
				t.Errorf("%+v, ends in %v", b, b.Until-f.boot)
			}
			s = restart(t, s, f, 0, true, 0)
			if all := s.List(); len(all) != 1 || all[0].Until-f.boot != c.left {
				t.Errorf("after a restart: %+v", all)
			}
		})
	}
}

func TestAuditedRuleBansNobody(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	r := byRule("192.0.2.1/32", growing)
	r.Audit = true
	add(t, s, r, WouldBan)
	add(t, s, r, "") // is counted once
	if got := s.Active(); got != [4]int{} {
		t.Errorf("bans %v", got)
	}
	rows := s.Rows(nil)
	if len(rows) != 1 || rows[0].Until != 0 || rows[0].Audited != f.boot+growing.TTL {
		t.Errorf("rows %+v", rows)
	}
	r.Audit = false
	if b := add(t, s, r, Added); b.Count != 1 || b.Audit {
		t.Errorf("the first that is real: %+v", b)
	}
	f.pass(growing.TTL)
	s.Expire()
	want := map[Event]uint64{{0, WouldBan}: 1, {0, Added}: 1, {0, Expired}: 1}
	if diff := cmp.Diff(want, s.Events()); diff != "" {
		t.Errorf("events (-want +got)\n%s", diff)
	}
}

func TestNobodyIsBannedWhoMustNotBe(t *testing.T) {
	s := open(t, "", newFake())
	never := NewNever()
	never.AddAddr(netip.MustParseAddr("192.0.2.1"), "a gateway")
	never.Add(pfx("2001:db8::/48"), "what the failsafe allows")
	for text, want := range map[string]string{
		"192.0.2.1/32":         "192.0.2.1/32 is not banned: 192.0.2.1/32 is a gateway",
		"192.0.2.0/24":         "192.0.2.0/24 is not banned: it has 192.0.2.1/32, which is a gateway",
		"192.0.0.0/8":          "192.0.0.0/8 is not banned: it has 192.0.2.1/32, which is a gateway",
		"192.0.2.0/8":          "192.0.2.0/8 is no prefix",
		"2001:db8:0:1::/64":    "2001:db8:0:1::/64 is not banned: 2001:db8::/48 is what the failsafe allows",
		"2001:db8::/32":        "2001:db8::/32 is not banned: it has 2001:db8::/48, which is what the failsafe allows",
		"127.0.0.1/32":         "127.0.0.1/32 is not banned: 127.0.0.0/8 is this host",
		"224.0.0.251/32":       "224.0.0.251/32 is not banned: 224.0.0.0/4 is a group",
		"::1/128":              "::1/128 is not banned: ::1/128 is this host",
		"0.0.0.0/0":            "0.0.0.0/0 is wider than /8, the widest that is banned",
		"2000::/3":             "2000::/3 is wider than /16, the widest that is banned",
		"::ffff:192.0.2.9/128": "::ffff:192.0.2.9/128 is no prefix",
	} {
		_, action, err := s.Add(byRule(text, growing), never)
		if err == nil || err.Error() != want || action != Refused {
			t.Errorf("%s: %q, %v; want %q", text, action, err, want)
		}
	}
	for _, text := range []string{"192.0.2.0/32", "192.0.2.2/31", "2001:db8:1::/64"} {
		add(t, s, byRule(text, growing), Added)
	}
	for _, ttl := range []time.Duration{0, time.Second - 1, Longest + 1} {
		if _, _, err := s.Add(byRule("192.0.2.9/32", Terms{TTL: ttl}), never); err == nil {
			t.Errorf("banned for %v", ttl)
		}
	}
	never.AddAddr(netip.MustParseAddr("192.0.2.3"), "a resolver")
	if why := s.RemoveAll(never); len(why) != 1 || len(s.List()) != 2 {
		t.Errorf("removed %v, left %v", why, s.List())
	}
	if n := s.Events()[Event{0, Refused}]; n != 8 {
		t.Errorf("%d refused, want the 8 that must not be", n)
	}
}

func TestThereIsRoomForNewBansWhenOldOnesAreOver(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	at := func(i int) string { return fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255) }
	for i := range Room {
		add(t, s, byRule(at(i), growing), Added)
	}
	if _, action, err := s.Add(byRule("192.0.2.1/32", growing), NewNever()); !errors.Is(err, ErrFull) || action != Refused {
		t.Errorf("one more: %q, %v", action, err)
	}
	f.pass(growing.TTL)
	s.Expire() // all are remembered
	add(t, s, byRule("192.0.2.1/32", growing), Added)
	if len(s.bans) != Room {
		t.Errorf("%d entries", len(s.bans))
	}
}

// TestTheOldestAreForgottenFirst fills the store with bans that end one after the other.
func TestTheOldestAreForgottenFirst(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	at := func(i int) string { return fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255) }
	for i := range Room {
		f.pass(time.Millisecond)
		add(t, s, byRule(at(i), growing), Added)
	}
	newcomer := func(i int) (Action, error) {
		_, action, err := s.Add(byRule(fmt.Sprintf("192.0.2.%d/32", i), growing), NewNever())
		return action, err
	}
	first := s.bans[pfx(at(0))].Until
	f.pass(first - f.boot - 1)
	if _, err := newcomer(1); !errors.Is(err, ErrFull) {
		t.Errorf("before the first has ended: %v", err)
	}
	f.pass(1)
	if action, err := newcomer(1); action != Added || err != nil || s.bans[pfx(at(0))] != nil {
		t.Errorf("when the first has ended: %q, %v, it is %+v", action, err, s.bans[pfx(at(0))])
	}
	if _, err := newcomer(2); !errors.Is(err, ErrFull) {
		t.Errorf("before the second has ended: %v", err)
	}
	f.pass(3 * time.Millisecond)             // the next three are over
	add(t, s, byRule(at(2), growing), Added) // but this one is banned again
	for i, forgotten := range []int{1, 3} {
		if action, err := newcomer(2 + i); action != Added || err != nil || s.bans[pfx(at(forgotten))] != nil {
			t.Errorf("newcomer %d: %q, %v, the oldest is %+v", 2+i, action, err, s.bans[pfx(at(forgotten))])
		}
	}
	if _, err := newcomer(4); !errors.Is(err, ErrFull) || s.bans[pfx(at(2))] == nil || len(s.bans) != Room {
		t.Errorf("at the end: %v, %d bans", err, len(s.bans))
	}
}

func BenchmarkAddToAFullStore(b *testing.B) {
	f := newFake()
	s, err := Open("", f.clock())
	if err != nil {
		b.Fatal(err)
	}
	at := func(base, i int) Request {
		return byRule(fmt.Sprintf("%d.%d.%d.%d/32", base, i>>16, i>>8&255, i&255), growing)
	}
	for i := range Room {
		s.Add(at(10, i), nil)
	}
	for i := 0; b.Loop(); i++ {
		s.Add(at(11, i%(1<<20)), nil)
	}
}

func TestRowOfTheLongestPrefixTellsOfAllBans(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	minutes := func(n int) Terms { return Terms{TTL: time.Duration(n) * time.Minute} }
	add(t, s, byRule("198.51.0.0/16", minutes(60)), Added)
	add(t, s, byRule("198.51.100.0/24", Terms{TTL: 10 * time.Minute, Renew: true}), Added)
	add(t, s, byRule("198.51.100.7/32", minutes(90)), Added)
	add(t, s, Request{Prefix: pfx("198.51.101.0/24"), Terms: minutes(5), Origin: Operator}, Added)
	add(t, s, byRule("2001:db8::/64", minutes(1)), Added)
	audited := byRule("203.0.113.0/24", minutes(20))
	audited.Audit = true
	add(t, s, audited, WouldBan)
	add(t, s, byRule("203.0.113.9/32", minutes(10)), Added)
	at := func(n int) time.Duration {
		if n == 0 {
			return 0
		}
		return f.boot + time.Duration(n)*time.Minute
	}
	want := []Row{
		{pfx("198.51.0.0/16"), at(60), 0, 0, 0},
		{pfx("198.51.100.0/24"), at(60), 0, 10 * time.Minute, 0},
		{pfx("198.51.100.7/32"), at(90), 0, 0, 0},
		{pfx("198.51.101.0/24"), at(60), 0, 0, 1},
		{pfx("203.0.113.0/24"), 0, at(20), 0, 0},
		{pfx("203.0.113.9/32"), at(10), at(20), 0, 0},
		{pfx("2001:db8::/64"), at(1), 0, 0, 0},
	}
	if diff := cmp.Diff(want, s.Rows(nil), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("rows (-want +got)\n%s", diff)
	}
	for _, r := range s.Rows(func(o Origin) bool { return o == Rule("ssh", "guessing") }) {
		if enforced := r.Until != 0; enforced != (r.Class == 1) {
			t.Errorf("with an audited rule: %+v", r)
		}
	}
}
