package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
)

// hitTables is an agent whose table is another one each time, as long as there is one.
type hitTables struct {
	tables []guarder.HitList
	status guarder.Status
	err    error
}

func (a *hitTables) Status() (guarder.Status, error) { return a.status, a.err }

func (a *hitTables) Hits() (guarder.HitList, error) {
	list := a.tables[0]
	if len(a.tables) > 1 {
		a.tables = a.tables[1:]
	}
	return list, a.err
}

func numbered(n uint32) *uint32 { return &n }

// floodedTables are two looks at a table, a second apart: of a flood, of a prefix that is
// only audited, of a rule that is gone, and of frames without an address.
func floodedTables() *hitTables {
	flood, net6 := netip.MustParseAddr("203.0.113.66"), netip.MustParseAddr("2001:db8:1:2::")
	boot := epoch.Add(-time.Hour)
	return &hitTables{
		tables: []guarder.HitList{
			{Boot: boot, Hits: []guarder.Hit{
				{Source: flood, Rule: 4, Effect: "drop", Packets: 100, First: 5e9, Last: 6e9},
				{Source: net6, Rule: 5, Effect: "would_drop", Packets: 700, First: 1e9, Last: 2e9},
				{Source: netip.Addr{}, Rule: 7, Effect: "count", Packets: 3, First: 1, Last: 1},
			}},
			{Boot: boot, Hits: []guarder.Hit{
				{Source: flood, Rule: 4, Effect: "drop", Packets: 340, First: 5e9, Last: 7e9},
				{Source: flood, Rule: 5, Effect: "would_drop", Packets: 8, First: 6.5e9, Last: 6.9e9},
				{Source: net6, Rule: 5, Effect: "would_drop", Packets: 700, First: 1e9, Last: 2e9},
				{Source: netip.Addr{}, Rule: 7, Effect: "count", Packets: 5, First: 1, Last: 7e9},
			}},
		},
		status: guarder.Status{
			Verdicts: map[string]guarder.Counts{"drop": {Packets: 4242}}, WouldDrop: guarder.Counts{Packets: 777},
			Rules: []guarder.RuleStatus{{Group: "floods", Rule: "syn", Number: numbered(4)}, {Group: "floods", Rule: "udp", Number: numbered(5)}},
		},
	}
}

func TestTopSourcesAreAddedUpWithTheirRates(t *testing.T) {
	agent := floodedTables()
	now := epoch
	api := newGuarderAPI(agent, true, func() time.Time { return now })
	api.wait = func(_ context.Context, d time.Duration) bool { now = now.Add(d); return true }
	got, err := api.report(t.Context(), guarderQuery{2, 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	seen := func(seconds float64) time.Time {
		return epoch.Add(-time.Hour).Add(time.Duration(seconds * 1e9)).UTC()
	}
	want := guarderReport{
		Time: epoch.Add(2 * time.Second).UTC(), Seconds: 2, Estimate: true, Known: 3, Dropped: 4242, WouldDrop: 777,
		Total: guarderCounts{Packets: 1053, Dropped: 340, WouldDrop: 708, PacketsPerSecond: 125, DropsPerSecond: 124},
		Sources: []guarderSourceRow{
			{
				Source: "203.0.113.66", FirstSeen: seen(5), LastSeen: seen(7),
				guarderCounts: guarderCounts{Packets: 348, Dropped: 340, WouldDrop: 8, PacketsPerSecond: 124, DropsPerSecond: 124},
				Rules:         []guarderRuleRow{{"floods", "syn", "drop", 340}, {"floods", "udp", "would_drop", 8}},
			},
			{
				Source: "2001:db8:1:2::/64", FirstSeen: seen(1), LastSeen: seen(2),
				guarderCounts: guarderCounts{Packets: 700, WouldDrop: 700},
				Rules:         []guarderRuleRow{{"floods", "udp", "would_drop", 700}},
			},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(guarderSourceRow{})); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	// Without an interval there are no rates, and one look is enough; of an older agent
	// neither names nor times are known.
	old := &hitTables{tables: []guarder.HitList{{Hits: []guarder.Hit{{Rule: 7, Effect: "count", Packets: 3}}}}}
	got, err = newGuarderAPI(old, true, func() time.Time { return epoch }).report(t.Context(), guarderQuery{1, 0})
	want = guarderReport{
		Time: epoch.UTC(), Estimate: true, Known: 1, Total: guarderCounts{Packets: 3},
		Sources: []guarderSourceRow{{guarderCounts: guarderCounts{Packets: 3}, Rules: []guarderRuleRow{{Effect: "count", Packets: 3}}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(guarderSourceRow{})); diff != "" || err != nil {
		t.Errorf("%v, without an interval (-want +got):\n%s", err, diff)
	}
}

// TestAnEntryThatCameBackHasItsOwnRate: what left the table and came back counts anew.
func TestAnEntryThatCameBackHasItsOwnRate(t *testing.T) {
	before, now := guarder.Hit{Effect: "drop", Packets: 500, First: 1}, guarder.Hit{Effect: "drop", Packets: 600, First: 2}
	if got := countsOfHit(now, before, 2); got.PacketsPerSecond != 300 {
		t.Errorf("%v per second, want 300", got.PacketsPerSecond)
	}
}

func TestTheAPIOfGuarderIsOffByDefault(t *testing.T) {
	s := newWorld("--guarder.socket=" + filepath.Join(t.TempDir(), "none.sock")).startReady(t)
	want := answer{404, "the API of Guarder is off (set guarder.api in the config)"}
	if diff := cmp.Diff(want, s.ask(t, http.MethodGet, "/api/v1/guarder/top")); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestTheAPIOfGuarderOnlyReads(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "guard.sock")
	end := agentAt(t, socket, 1)
	s := newWorld("--config.file="+writeConfig(t, "guarder: {api: true}"), "--guarder.socket="+socket).startReady(t)
	got := s.ask(t, http.MethodGet, "/api/v1/guarder/top?interval=1ms")
	var report guarderReport
	if err := json.Unmarshal([]byte(got.Text), &report); err != nil || got.Status != 200 || len(report.Sources) != 1 || !report.Estimate {
		t.Errorf("%v: %+v", err, got)
	}
	for query, want := range map[string]answer{
		"?top=0":          {400, `bad top "0": want a number from 1 to 1000`},
		"?top=1001":       {400, `bad top "1001": want a number from 1 to 1000`},
		"?interval=6s":    {400, `bad interval "6s": want a time from 0s to 5s`},
		"?interval=-1s":   {400, `bad interval "-1s": want a time from 0s to 5s`},
		"?interval=never": {400, `bad interval "never": want a time from 0s to 5s`},
	} {
		if diff := cmp.Diff(want, s.ask(t, http.MethodGet, "/api/v1/guarder/top"+query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if diff := cmp.Diff(answer{405, "use GET"}, s.ask(t, method, "/api/v1/guarder/top")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", method, diff)
		}
	}
	end()
	if got := s.ask(t, http.MethodGet, "/api/v1/guarder/top?interval=0s"); got.Status != 503 {
		t.Errorf("of an agent that has ended: %+v", got)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestTheAPIOfGuarderSaysWhatIsMissing(t *testing.T) {
	for want, api := range map[string]*guarderAPI{
		"no agent of Guarder is named (start the exporter with --guarder.socket)": newGuarderAPI(nil, true, time.Now),
		"hits: the agent does not tell it on this socket (start the agent with --status-hits)": newGuarderAPI(
			&hitTables{tables: make([]guarder.HitList, 1), err: errors.Join(notTold{})}, true, time.Now),
	} {
		if _, err := api.report(t.Context(), guarderQuery{1, 0}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	busy := newGuarderAPI(floodedTables(), true, time.Now)
	for range mostAsking {
		busy.places <- struct{}{}
	}
	if _, err := busy.report(t.Context(), guarderQuery{1, 0}); err == nil || err.Error() != "4 others ask right now; try again" {
		t.Error(err)
	}
	<-busy.places
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := busy.report(gone, guarderQuery{1, time.Second}); !errors.Is(err, context.Canceled) {
		t.Errorf("of who has gone: %v", err)
	}
	if len(busy.places) != mostAsking-1 {
		t.Error("who has gone keeps the place")
	}
}

// notTold is the error of a client whose socket does not tell hits.
type notTold struct{}

func (notTold) Error() string { return "hits: " + guarder.ErrNotTold.Error() }
func (notTold) Unwrap() error { return guarder.ErrNotTold }
