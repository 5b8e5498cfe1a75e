package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// busy is what an agent knows after so many seconds of an attack.
func busy(seconds uint64) guarder.Top {
	at := epoch.Add(time.Duration(seconds) * time.Second)
	n := func(perSecond uint64) guarder.Counts {
		return guarder.Counts{Packets: perSecond * seconds, Bytes: 60 * perSecond * seconds}
	}
	matched := at.Add(-time.Second)
	telnet, _ := policy.ParseSpecimen("tcp 192.0.2.7:4000 > 198.51.100.1:23 flags=syn")
	return guarder.Top{
		Time: at,
		Status: guarder.Status{
			Since: epoch, Generation: 7, Ceiling: "enforce", WouldDrop: n(3), Unmatched: n(1000),
			Verdicts: map[string]guarder.Counts{"pass": n(2000), "drop": n(500)}, Unparsable: map[string]guarder.Counts{"truncated": n(1), "bad_version": n(1)},
			Rules: []guarder.RuleStatus{
				{Group: "web", Rule: "all", Mode: "enforce", Place: "a.yaml:5:5", Counts: map[string]guarder.Counts{"count": n(1)}},
				{Group: "web", Rule: "telnet", Mode: "enforce", Place: "a.yaml:7:5", Counts: map[string]guarder.Counts{"drop": n(500), "would_drop": {Packets: 1e6, Bytes: 6e7}}, LastMatch: &matched},
				{Group: "web", Rule: "never", Mode: "audit", Place: "a.yaml:9:5"},
			},
			Feeds: []guarder.FeedStatus{
				{Feed: "bad", Mode: "enforce", Entries: 1_000_000, Place: "a.yaml:2:3", Counts: map[string]guarder.Counts{"drop": n(20)}},
				{Feed: "new", Mode: "audit", Place: "a.yaml:3:3"},
			},
			Services: []guarder.ServiceStatus{{Protocol: "tcp", Port: 23, Counts: map[string]guarder.Counts{"drop": n(500)}}},
			ICMP:     []guarder.ICMPStatus{{Family: 4, Type: 8, Name: "echo-request", Packets: 5 * seconds}},
			Samples:  guarder.SampleStatus{Taken: 10, Lost: 2},
		},
		Sources: []guarder.SourceStatus{
			{Source: "192.0.2.7", Group: "web", Rule: "telnet", Effect: "drop", Packets: 499 * seconds, Bytes: 60 * 499 * seconds, First: epoch, Last: at,
				Protocol: "tcp", Port: 23, Flags: []string{"syn"}},
			{Source: "2001:db8::/64", Group: "web", Rule: "telnet", Effect: "drop", Packets: 1e6, First: epoch, Last: at.Add(-time.Hour), Protocol: "icmp", ICMPType: "echo-request"},
		},
		Samples: []guarder.Sample{{Time: at, Device: "eth0", Group: "web", Rule: "telnet", Effect: "drop", Verdict: "drop", Length: 54, Frame: telnet.Frame, Text: policy.InWords(&telnet.Packet)}},
	}
}

// looked returns the report on the seconds from 10 to 12.
func looked(t *testing.T, change func(*topReporter)) topReport {
	t.Helper()
	next := uint64(10)
	r := &topReporter{order: "rate", rows: 10, read: func() (guarder.Top, error) {
		top := busy(next)
		next += 2
		return top, nil
	}}
	change(r)
	if _, err := r.report(); err != nil {
		t.Fatal(err)
	}
	report, err := r.report()
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestTopIsATable(t *testing.T) {
	was := time.Local
	time.Local = time.UTC
	defer func() { time.Local = was }()
	report := looked(t, func(*topReporter) {})
	by := report.Time.Add(40 * time.Second)
	report.ConfirmBy, report.Tripped = &by, true
	var out strings.Builder
	if err := report.print(&out, false); err != nil {
		t.Fatal(err)
	}
	const want = `22:13:32  generation 7, ceiling enforce  rates over 2.0 s  ON TRIAL for 40s more  TRIPPED  2 samples lost
passed 2.00k/s  dropped 500/s  would be dropped 3.0/s  without a rule 1.00k/s  not readable 2.0/s

RULE        MODE     EFFECT      RATE   PACKETS  BYTES  LAST  PLACE
web/telnet  enforce  drop        500/s  6.00k    360k   1s    a.yaml:7:5
web/all     enforce  count       1.0/s  12       720    -     a.yaml:5:5
web/telnet  enforce  would_drop  0/s    1.00M    60.0M  1s    a.yaml:7:5

FEED  MODE     EFFECT  RATE  PACKETS  BYTES  ENTRIES  PLACE
bad   enforce  drop    20/s  240      14.4k  1.00M    a.yaml:2:3
new   audit    none    0/s   0        0      0        a.yaml:3:3

SOURCE         RULE        EFFECT  RATE   PACKETS  FIRST  LAST    TO                 FLAGS
192.0.2.7      web/telnet  drop    499/s  5.99k    12s    0s      tcp/23             syn
2001:db8::/64  web/telnet  drop    0/s    1.00M    12s    1h0m0s  icmp echo-request  -

SERVICE  EFFECT  RATE   PACKETS
tcp/23   drop    500/s  6.00k

ICMP               RATE   PACKETS
ipv4 echo-request  5.0/s  60

SAMPLE        DEVICE  BY               PACKET
22:13:32.500  eth0    drop web/telnet  tcp 192.0.2.7:4000 > 198.51.100.1:23 flags=syn len=40

`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTopSortsAndFilters(t *testing.T) {
	names := func(r topReport) (all []string) {
		for _, row := range r.Rules {
			all = append(all, row.Rule+" "+row.Effect)
		}
		for _, row := range r.Sources {
			all = append(all, row.Source)
		}
		for range r.Feeds {
			all = append(all, "feed")
		}
		for range r.Services {
			all = append(all, "service")
		}
		for range r.ICMP {
			all = append(all, "icmp")
		}
		for range r.Samples {
			all = append(all, "sample")
		}
		return all
	}
	prefix := func(text string) topFilter {
		f, err := topFlags{rule: new(string), source: &text, interval: ptr(time.Second), rows: new(int)}.filter()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for claim, c := range map[string]struct {
		change func(*topReporter)
		want   []string
	}{
		"by packets": {func(r *topReporter) { r.order = "packets" },
			[]string{"telnet would_drop", "telnet drop", "all count", "2001:db8::/64", "192.0.2.7", "feed", "feed", "service", "icmp", "sample"}},
		"by bytes": {func(r *topReporter) { r.order = "bytes" },
			[]string{"telnet would_drop", "telnet drop", "all count", "192.0.2.7", "2001:db8::/64", "feed", "feed", "service", "icmp", "sample"}},
		"last": {func(r *topReporter) { r.order = "last" },
			[]string{"telnet would_drop", "telnet drop", "all count", "192.0.2.7", "2001:db8::/64", "feed", "feed", "service", "icmp", "sample"}},
		"one row":     {func(r *topReporter) { r.rows = 1 }, []string{"telnet drop", "192.0.2.7", "feed", "service", "icmp", "sample"}},
		"a rule":      {func(r *topReporter) { r.filter.rule = "all" }, []string{"all count"}},
		"a group":     {func(r *topReporter) { r.filter.rule = "web/t*" }, []string{"telnet drop", "telnet would_drop", "192.0.2.7", "2001:db8::/64", "sample"}},
		"an address":  {func(r *topReporter) { r.filter = prefix("192.0.2.7") }, []string{"telnet drop", "all count", "telnet would_drop", "192.0.2.7", "sample"}},
		"a network":   {func(r *topReporter) { r.filter = prefix("2001:db8::/32") }, []string{"telnet drop", "all count", "telnet would_drop", "2001:db8::/64"}},
		"one of it":   {func(r *topReporter) { r.filter = prefix("2001:db8::9") }, []string{"telnet drop", "all count", "telnet would_drop", "2001:db8::/64"}},
		"nobody here": {func(r *topReporter) { r.filter = prefix("10.0.0.0/8") }, []string{"telnet drop", "all count", "telnet would_drop"}},
	} {
		if diff := cmp.Diff(c.want, names(looked(t, c.change))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", claim, diff)
		}
	}
	for _, args := range [][]string{{"--source=eth0"}, {"--rule=["}, {"--interval=1ms"}, {"--rows=-1"}} {
		w := newWorld(append([]string{"guard", "top"}, args...)...)
		if err := run(t.Context(), w.env); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// TestTopSpeaksToTheAgent shows one table in JSON, and tables until it is stopped.
func TestTopSpeaksToTheAgent(t *testing.T) {
	g := guard(t, "a.yaml")
	defer g.stop()
	next := uint64(0)
	g.top = func() (guarder.Top, error) {
		next++
		return busy(next), nil
	}
	out, err := g.order(t, "top", "--once", "--json", "--interval=10ms")
	if err != nil {
		t.Fatal(err)
	}
	var report topReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	if report.Seconds != 1 || report.Dropped.PacketsPerSecond != 500 || report.Sources[0].PacketsPerSecond != 499 || report.Rules[0].Rule != "telnet" {
		t.Errorf("%+v", report)
	}
	w := newWorld("guard", "top", "--interval=10ms", "--socket="+g.socket)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- run(ctx, w.env) }()
	w.stdout.Wait(t, "rates over 1.0 s", 3)
	stop()
	if err := <-done; err != nil || strings.Contains(w.stdout.String(), "\x1b") {
		t.Errorf("%v; printed %q", err, w.stdout.String())
	}
}

// TestTopWaitsForTheNextAgent has the agent replaced by one whose counters go on, and
// then by one that begins anew.
func TestTopWaitsForTheNextAgent(t *testing.T) {
	looks := []func() (guarder.Top, error){
		func() (guarder.Top, error) { return busy(10), nil },
		func() (guarder.Top, error) { return guarder.Top{}, guarder.ErrNoAgent },
		func() (guarder.Top, error) { return busy(20), nil },
		func() (guarder.Top, error) {
			top := busy(30)
			top.Status.Since = epoch.Add(25 * time.Second)
			top.Status.Verdicts = map[string]guarder.Counts{"drop": {Packets: 50}}
			return top, nil
		},
	}
	r := &topReporter{order: "rate", read: func() (guarder.Top, error) {
		look := looks[0]
		looks = looks[1:]
		return look()
	}}
	if _, err := r.report(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.report(); !errors.Is(err, guarder.ErrNoAgent) {
		t.Errorf("without an agent: %v", err)
	}
	report, err := r.report()
	if err != nil || report.Seconds != 10 || report.Dropped.PacketsPerSecond != 500 {
		t.Errorf("the next agent: %v s, %+v, %v", report.Seconds, report.Dropped, err)
	}
	if report, err = r.report(); err != nil || report.Dropped.PacketsPerSecond != 5 {
		t.Errorf("counters that were made anew: %+v, %v", report.Dropped, err)
	}
	w := newWorld("guard", "top", "--socket="+t.TempDir()+"/none")
	if err := run(t.Context(), w.env); !errors.Is(err, guarder.ErrNoAgent) {
		t.Errorf("nobody has ever been there: %v", err)
	}
}
