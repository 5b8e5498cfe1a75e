//go:build kernel && linux

package guarder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// withFeed is a policy with a feed, whose settings follow.
const withFeed = `version: 1
defaults: {mode: enforce, interfaces: [DEVICE]}
feeds:
- {feed: bad, file: bad.txt, refresh: 10sSETTINGS}
`

// newFeedLab is a lab whose policy has a feed, which only the real program knows.
func newFeedLab(t *testing.T, settings string) *lab {
	t.Helper()
	l := newRealLab(t)
	l.config.rehearse = unrehearsed
	l.feed(t, settings)
	return l
}

func (l *lab) feed(t *testing.T, settings string) {
	t.Helper()
	text := strings.NewReplacer("DEVICE", l.net.Right.Device, "SETTINGS", settings).Replace(withFeed)
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// list writes the list, later than any before.
func (l *lab) list(t *testing.T, lines ...any) {
	t.Helper()
	path := filepath.Join(filepath.Dir(l.file), "bad.txt")
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintln(&text, line)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fetched has the list read now, and returns the feed when it is as it should be.
func (e *Engine) fetched(t *testing.T, as func(FeedStatus) bool) (f FeedStatus) {
	t.Helper()
	e.mu.Lock()
	for _, s := range e.feeds.states {
		s.next = time.Now()
	}
	e.mu.Unlock()
	until(t, func() bool {
		s := status(t, e)
		if len(s.Feeds) != 1 {
			t.Fatalf("feeds %+v", s.Feeds)
		}
		f = s.Feeds[0]
		time.Sleep(5 * time.Millisecond) // the engine needs the lock too
		return as(f)
	})
	return f
}

func hasList(entries int) func(FeedStatus) bool {
	return func(f FeedStatus) bool { return f.InForce && f.Entries == entries && f.Reason == "" }
}

func TestFeedIsEnforcedAndOutlivesTheAgent(t *testing.T) {
	l := newFeedLab(t, "")
	left := l.net.Left.Addr(testnet.IPv4)
	l.list(t, "1.1.1.1", left)
	e := l.open(t)
	e.fetched(t, hasList(2))
	if arrives(t, l.net) {
		t.Error("a datagram from a listed address gets through")
	}
	s := status(t, e)
	if n := s.Feeds[0].Counts["drop"]; n.Packets != 1 || n.Bytes == 0 || s.FeedMemory < 4<<20 {
		t.Errorf("the feed dropped %+v of %d bytes, want 1 packet", n, s.FeedMemory)
	}
	l.list(t, "<html>", "</html>")
	f := e.fetched(t, func(f FeedStatus) bool { return f.Reason != "" })
	if f.Reason != "not_a_list" || f.Refusals["not_a_list"] == 0 || f.Entries != 2 || arrives(t, l.net) {
		t.Errorf("a list that became HTML changed something: %+v", f)
	}
	e.Close()
	if arrives(t, l.net) {
		t.Error("a datagram gets through when the agent is gone")
	}
	e = l.open(t)
	f = e.fetched(t, func(f FeedStatus) bool { return f.Reason != "" })
	if f.Entries != 2 || !f.InForce || f.Counts["drop"].Packets != 3 || arrives(t, l.net) {
		t.Errorf("a new agent has %+v, want the list before and 3 packets", f)
	}
	l.list(t, "1.1.1.1")
	e.fetched(t, hasList(1))
	if !arrives(t, l.net) {
		t.Error("a datagram from an address that is not listed any more does not get through")
	}
	l.write(t, "audit", "")
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return !e.store.hasFeeds() })
	if left, err := filepath.Glob(filepath.Join(l.config.State, feedFolder, "*")); len(left) != 0 || err != nil {
		t.Errorf("of a feed that is gone %v is on disk, %v", left, err)
	}
}

// TestFeedIsInForceAfterReboot has an agent whose pinned state is gone, and whose list
// cannot be had.
func TestFeedIsInForceAfterReboot(t *testing.T) {
	l := newFeedLab(t, "")
	l.list(t, l.net.Left.Addr(testnet.IPv4))
	e := l.open(t)
	e.fetched(t, hasList(1))
	if err := e.Detach(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(l.file), "bad.txt")); err != nil {
		t.Fatal(err)
	}
	e = l.open(t)
	f := e.fetched(t, func(f FeedStatus) bool { return f.InForce && f.Reason == "unreachable" })
	if f.Entries != 1 || f.Checked == nil || arrives(t, l.net) {
		t.Errorf("after a reboot without the source the feed is %+v", f)
	}
}

// TestFeedOfAnUnknownPolicyStays has an agent put another policy on trial, and the next one
// start when that was not confirmed. Neither knows the policy with the feed, which is in
// force again.
func TestFeedOfAnUnknownPolicyStays(t *testing.T) {
	l := newFeedLab(t, "")
	l.list(t, l.net.Left.Addr(testnet.IPv4))
	e := l.open(t)
	e.fetched(t, hasList(1))
	e.Close()
	look := func() { e.lookAtFeeds(t.Context(), time.Now()) }
	l.write(t, "audit", anHour)
	e = l.open(t)
	look()
	if !onTrial(t, e) || !arrives(t, l.net) || !e.store.hasFeeds() {
		t.Error("on the trial of another policy the list is not kept, or still enforced")
	}
	if err := e.Rollback(); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"not confirmed", "and a new agent"} {
		look()
		if s := status(t, e); s.InForce != InForceEarlier || arrives(t, l.net) {
			t.Errorf("%s: a datagram from a listed address gets through, in force is %s", when, s.InForce)
		}
		e.Close()
		e = l.open(t)
	}
	l.write(t, "audit", "")
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return !e.store.hasFeeds() })
}

func TestFeedSurvivesKill(t *testing.T) {
	l := newFeedLab(t, "")
	l.list(t, l.net.Left.Addr(testnet.IPv4))
	p := l.run(t)
	p.wait(t)
	until(t, func() bool { return !arrives(t, l.net) })
	p.kill()
	if arrives(t, l.net) {
		t.Error("a datagram gets through when the agent was killed")
	}
	p = l.run(t)
	p.wait(t)
	if arrives(t, l.net) {
		t.Error("a datagram gets through when the next agent has just begun")
	}
}

func TestOwnAddressIsNeverListed(t *testing.T) {
	l := newFeedLab(t, "")
	own, left := l.net.Right.Addr(testnet.IPv4), l.net.Left.Addr(testnet.IPv4)
	l.list(t, own, left)
	e := l.open(t)
	f := e.fetched(t, func(f FeedStatus) bool { return f.Reason != "" })
	if f.Reason != "own_address" || f.Entries != 0 || f.InForce || !arrives(t, l.net) {
		t.Errorf("a list with an own address is %+v", f)
	}
	l.feed(t, ", on_protected: exclude")
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	f = e.fetched(t, hasList(2))
	if f.Excluded != 1 || arrives(t, l.net) {
		t.Errorf("with the own address excluded it is %+v", f)
	}
}

func TestAuditedFeedNeverDrops(t *testing.T) {
	for name, c := range map[string]struct {
		settings string
		ceiling  policy.Mode
	}{"audited": {", mode: audit", policy.Off}, "under a ceiling": {"", policy.Audit}} {
		t.Run(name, func(t *testing.T) {
			l := newFeedLab(t, c.settings)
			l.config.Ceiling = c.ceiling
			l.list(t, l.net.Left.Addr(testnet.IPv4))
			e := l.open(t)
			e.fetched(t, hasList(1))
			if !arrives(t, l.net) {
				t.Error("a datagram does not get through")
			}
			s := status(t, e)
			if n := s.Feeds[0].Counts; n["would_drop"].Packets != 1 || n["drop"].Packets != 0 || s.WouldDrop.Packets != 1 {
				t.Errorf("credited %+v, of all %+v", n, s.WouldDrop)
			}
		})
	}
}

// TestBitsOfFeedsAreNotMixedUp has more feeds, one after the other, than there are bits.
func TestBitsOfFeedsAreNotMixedUp(t *testing.T) {
	s, err := OpenStore(filepath.Join(pins(t), "guard"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seen := make(map[uint32]string)
	var kept []policy.Feed
	for i := range 3 {
		kept = append(kept, policy.Feed{Name: fmt.Sprint("kept", i)})
	}
	first, err := s.FeedSlots(kept, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		name := fmt.Sprint("feed", i)
		got, err := s.FeedSlots([]policy.Feed{kept[2], {Name: name}}, kept)
		if err != nil || got[0] != first[2] || got[1] == first[0] || got[1] == first[1] || got[1] == first[2] || got[1] >= uint32(policy.MaxFeeds) {
			t.Fatalf("feed %d has bits %v, %v; those in use have %v", i, got, err, first)
		}
		seen[got[1]] = name
	}
	if len(seen) != policy.MaxFeeds-len(kept) {
		t.Errorf("%d bits were used, want %d", len(seen), policy.MaxFeeds-len(kept))
	}
	var many []policy.Feed
	for i := range policy.MaxFeeds - 2 {
		many = append(many, policy.Feed{Name: fmt.Sprint("many", i)})
	}
	if _, err := s.FeedSlots(many, kept); err == nil || !strings.Contains(err.Error(), "more than 32 feeds") {
		t.Errorf("33 feeds in use: %v", err)
	}
}
