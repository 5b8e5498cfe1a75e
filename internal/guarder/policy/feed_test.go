package policy

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

func TestFeedsAreRead(t *testing.T) {
	p, faults := load(t, Options{}, `
defaults: {mode: enforce, labels: {team: net}, interfaces: [eth0, eth1]}
sets: {trusted: {type: prefix, entries: [192.0.2.128/25, 192.0.2.0/24]}}
feeds:
- {feed: plain, file: lists/plain.txt}
- feed: drop
  url: https://www.spamhaus.org/drop/drop_v4.json
  format: spamhaus-json
  refresh: 1h
  stale_after: 1d
  min_entries: 500
  max_entries: 20000
  widest_prefix: {ipv4: 10}
  protect: trusted
  on_protected: exclude
  action: count
  mode: audit
  labels: {attack: reputation}
- {feed: decisions, url: "http://127.0.0.1:8080/", format: crowdsec-stream, api_key_file: /etc/key, on_protected: refuse}
- {feed: gone, file: x, mode: off}
groups: [{name: g, rules: [{rule: r, interfaces: eth0, match: {proto: gre}, action: count}]}]
`)
	if p == nil || len(faults) != 0 {
		t.Fatal(faults)
	}
	net, day := map[string]string{"team": "net"}, 24*time.Hour
	want := []Feed{
		{Name: "plain", File: "lists/plain.txt", Refresh: day / 2, StaleAfter: 2 * day, MinEntries: 1, MaxEntries: 100000,
			Widest4: 8, Widest6: 16, Action: Drop, Mode: Enforce, Asks: Enforce, Labels: net},
		{Name: "drop", URL: "https://www.spamhaus.org/drop/drop_v4.json", Format: SpamhausJSON, Refresh: time.Hour, StaleAfter: day,
			MinEntries: 500, MaxEntries: 20000, Widest4: 10, Widest6: 16, Protect: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			Exclude: true, Action: Count, Mode: Audit, Asks: Audit, Labels: map[string]string{"team": "net", "attack": "reputation"}},
		{Name: "decisions", URL: "http://127.0.0.1:8080/", Format: CrowdSec, KeyFile: "/etc/key", Refresh: 30 * time.Second,
			StaleAfter: 10 * time.Minute, MaxEntries: 100000, Widest4: 8, Widest6: 16, Action: Drop, Mode: Enforce, Asks: Enforce, Labels: net},
	}
	for i := range p.Feeds {
		if f := &p.Feeds[i]; f.File != "" {
			f.File = filepath.Base(filepath.Dir(f.File)) + "/" + filepath.Base(f.File)
		}
	}
	if diff := cmp.Diff(want, p.Feeds, cmpopts.IgnoreFields(Feed{}, "At"), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("feeds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"eth0", "eth1"}, p.Attach); diff != "" {
		t.Errorf("a policy of feeds is attached to (-want +got):\n%s", diff)
	}
}

func TestCeilingClampsFeeds(t *testing.T) {
	p, faults := load(t, Options{Ceiling: Audit}, "feeds: [{feed: f, file: x, mode: enforce}]\n")
	if p == nil || len(faults) != 1 || faults[0].Code != aboveCeiling {
		t.Fatal(p, faults)
	}
	if f := p.Feeds[0]; f.Mode != Audit || f.Asks != Enforce {
		t.Errorf("mode %v, asks %v", f.Mode, f.Asks)
	}
}

// TestFeedsAreJudged has a source that some feeds list meet feeds and rules.
func TestFeedsAreJudged(t *testing.T) {
	feeds := []Feed{
		{Name: "counts", Action: Count, Mode: Enforce}, {Name: "audits", Action: Drop, Mode: Audit},
		{Name: "audits2", Action: Drop, Mode: Audit}, {Name: "drops", Action: Drop, Mode: Enforce}, {Name: "late", Action: Count, Mode: Enforce},
	}
	const counts, audits, audits2, drops, late = 1, 2, 4, 8, 16
	rule := func(stage Stage, action Action, mode Mode) Rule {
		return Rule{Stage: stage, Action: action, Mode: mode, Match: All{}}
	}
	pass, audited := rule(PolicyRule, Pass, Enforce), rule(PolicyRule, Drop, Audit)
	none := Judgement{By: None, WouldDrop: None, Kept: None}
	with := func(change func(*Judgement)) Judgement {
		j := none
		change(&j)
		return j
	}
	for name, test := range map[string]struct {
		rules []Rule
		bits  uint32
		kept  bool
		arp   bool
		want  Judgement
	}{
		"a stranger":   {bits: 0, want: none},
		"one listed":   {bits: drops, want: with(func(j *Judgement) { j.Verdict, j.Listed.By = Dropped, "drops" })},
		"one audited":  {bits: audits2, want: with(func(j *Judgement) { j.Listed.WouldDrop = "audits2" })},
		"one counted":  {bits: counts | late, want: with(func(j *Judgement) { j.Listed.Counted = []string{"counts", "late"} })},
		"one of ARP":   {bits: drops, arp: true, want: none},
		"none by none": {rules: []Rule{pass}, want: with(func(j *Judgement) { j.By = 0 })},
		"all": {bits: counts | audits | audits2 | drops | late, want: with(func(j *Judgement) {
			j.Verdict, j.Listed = Dropped, Listed{By: "drops", WouldDrop: "audits", Counted: []string{"counts"}}
		})},
		"the failsafe before": {[]Rule{rule(Failsafe, Pass, Enforce)}, drops, false, false, with(func(j *Judgement) { j.By = 0 })},
		"the guard before":    {[]Rule{rule(Guard, Drop, Enforce)}, drops, false, false, with(func(j *Judgement) { j.By, j.Verdict = 0, Dropped })},
		"the policy behind":   {[]Rule{pass}, drops, false, false, with(func(j *Judgement) { j.Verdict, j.Listed.By = Dropped, "drops" })},
		"an audit before":     {[]Rule{rule(Guard, Drop, Audit)}, audits, false, false, with(func(j *Judgement) { j.WouldDrop = 0 })},
		"an audit behind":     {[]Rule{audited}, audits, false, false, with(func(j *Judgement) { j.Listed.WouldDrop = "audits" })},
		"a count behind":      {[]Rule{rule(PolicyRule, Count, Enforce)}, drops, false, false, with(func(j *Judgement) { j.Verdict, j.Listed.By = Dropped, "drops" })},
		"one kept":            {[]Rule{pass}, drops, true, false, with(func(j *Judgement) { j.Listed.Kept = "drops" })},
		"one kept of an audit": {[]Rule{audited, pass}, audits, true, false, with(func(j *Judgement) {
			j.By, j.Listed.Kept = 1, "audits"
		})},
		"one kept twice": {[]Rule{rule(PolicyRule, Drop, Enforce)}, audits, true, false, with(func(j *Judgement) { j.Listed.Kept = "audits" })},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Policy{Rules: test.rules, Feeds: feeds}
			pkt := &packet.Packet{Family: 4, Source: netip.MustParseAddr("198.51.100.1")}
			if test.arp {
				pkt.Family = 0
			}
			got := p.Judge(pkt, &Env{
				Feeds: func(netip.Addr) uint32 { return test.bits },
				Kept:  func(*packet.Packet) bool { return test.kept },
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("judgement (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSetsPointToFeeds has sets be fetched, which feeds are for.
func TestSetsPointToFeeds(t *testing.T) {
	for key, hint := range map[string]string{
		"source: https://lists.example/x": haveFeed, "refresh: 1h": haveFeed, "max_entries: 1": haveFeed, "widest_prefix: {ipv4: 8}": haveFeed,
		"stale_after: 1h": haveFeed, "on_error: keep": haveFeed, "subtract: [y]": "remove it",
	} {
		_, faults := load(t, Options{}, "sets: {x: {type: prefix, entries: [192.0.2.1], "+key+"}}\n")
		name, _, _ := strings.Cut(key, ":")
		i := slices.IndexFunc(faults, func(f Fault) bool { return f.Code == laterVersion })
		if i < 0 || !strings.Contains(faults[i].Text, name) || faults[i].Hint != hint {
			t.Errorf("%s: %v, want %q", key, faults, hint)
		}
	}
}
