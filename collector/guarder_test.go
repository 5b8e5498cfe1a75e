package collector

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// guarderReader is a packet filter that always reports the same.
type guarderReader struct {
	status guarder.Status
	hits   []guarder.Hit
}

func (r guarderReader) Status() (guarder.Status, error) { return r.status, nil }
func (r guarderReader) Hits() (guarder.HitList, error) {
	return guarder.HitList{Hits: slices.Clone(r.hits)}, nil
}

// newGuarderAt returns the collector with a clock that stands still.
func newGuarderAt(now time.Time, reader GuarderReader, st *Stack, where Locate) Collector {
	c := NewGuarder(reader, st, where).(*guarderCollector)
	c.now = func() time.Time { return now }
	return c
}

// counted are packets, of 60 bytes each.
func counted(packets uint64) guarder.Counts {
	return guarder.Counts{Packets: packets, Bytes: 60 * packets}
}

// fullGuarder has something in every field.
func fullGuarder() guarder.Status {
	by, until, matched := since.Add(time.Minute), since.Add(time.Hour), since.Add(time.Second)
	return guarder.Status{
		Since: since, Generation: 7, Applied: since, Ceiling: "enforce", ConfirmBy: &by, ApplyFailed: true, InForce: guarder.InForcePolicy,
		Devices: []guarder.DeviceStatus{
			{Name: "eth0", Hook: guarder.Native, Verdicts: map[string]guarder.Counts{"pass": counted(900), "drop": counted(23)}},
			{Name: "wg0", Hook: guarder.Generic, Why: "operation not supported"},
			{Name: "usb0", Hook: guarder.None, Why: "the device is gone"},
		},
		Rules: []guarder.RuleStatus{
			{Group: "sanity", Rule: "land", Stage: "guard", Mode: "enforce", Asks: "enforce", Action: "drop", LastMatch: &matched,
				Labels: map[string]string{"attack": "land", "severity": "warning", "reference": "CVE-1999-0016"}, Counts: map[string]guarder.Counts{"drop": counted(23)}},
			{Group: "forged-icmp", Rule: "redirect", Stage: "guard", Mode: "enforce", Asks: "enforce", Action: "drop",
				Labels: map[string]string{"attack": "icmp_redirect", "severity": "critical"}},
			{Group: "web", Rule: "telnet", Stage: "policy", Mode: "audit", Asks: "enforce", Action: "drop", Until: &until, Counts: map[string]guarder.Counts{"would_drop": counted(3)}},
			{Group: "web", Rule: "never", Stage: "policy", Mode: "audit", Asks: "audit", Action: "drop"},
			{Group: "web", Rule: "too-many", Stage: "policy", Mode: "enforce", Asks: "enforce", Action: "drop", Limit: "connections", Connections: &guarder.RuleConnections{Most: 201, Above: 200},
				Labels: map[string]string{"attack": "connection_flood"}, Counts: map[string]guarder.Counts{"drop": counted(5)}},
		},
		Verdicts:  map[string]guarder.Counts{"pass": counted(1000), "drop": counted(23)},
		WouldDrop: counted(3), Unmatched: counted(990), Kept: counted(5), LimitsFull: counted(6), KeptConnections: 2, ProtectedUntil: &until,
		Unparsable: map[string]guarder.Counts{"truncated": counted(2)},
		Sockets:    map[string]guarder.Counts{"none": counted(12), "unknown": counted(4)},
		Sets:       map[string]int{"may-ping": 5},
		Maps:       []guarder.MapStatus{{Name: "counters", Entries: 4, Room: 1024}},
		Samples:    guarder.SampleStatus{Taken: 31, Lost: 1},
		Program:    guarder.ProgramStatus{Runs: 1023, Seconds: 0.0002},
		Services: []guarder.ServiceStatus{
			{Protocol: "tcp", Port: 23, Counts: map[string]guarder.Counts{"would_drop": counted(3)}},
			{Protocol: "udp", Port: 53, Counts: map[string]guarder.Counts{"drop": counted(7)}},
		},
		Learning: []guarder.LearningStatus{{
			Set: "gateways", Changes: 2, Waiting: []netip.Addr{netip.MustParseAddr("fe80::fe")},
			Bound: []guarder.BindingStatus{
				{IP: netip.MustParseAddr("192.0.2.254"), Device: "eth0", MAC: guarder.MAC{2, 0, 0, 0, 0, 0xfe}},
				{IP: netip.MustParseAddr("192.0.2.253"), Device: "eth0", MAC: guarder.MAC{2, 0, 0, 0, 0, 0xfd}, Other: &guarder.MAC{2, 0, 0, 0, 0, 0x66}},
			},
		}},
		Feeds: []guarder.FeedStatus{
			{Feed: "drop", Format: "spamhaus-json", Mode: "enforce", Action: "drop", Entries: 1200, Excluded: 1, InForce: true, Checked: &matched, StaleAfter: 172800,
				Refusals: map[string]uint64{"timeout": 2}, Counts: map[string]guarder.Counts{"drop": counted(17), "would_drop": counted(4)}},
			{Feed: "mine", Format: "plain", Mode: "audit", Action: "drop", StaleAfter: 3600, Reason: "not_a_list", Refusals: map[string]uint64{"not_a_list": 1}},
			{Feed: "seen", Format: "netset", Mode: "enforce", Action: "count", Entries: 3, InForce: true, Checked: &since, StaleAfter: 3600},
		},
		Bans: []guarder.BanCount{
			{Origin: "rule", Bans: 7, Counts: map[string]guarder.Counts{"drop": counted(70), "would_drop": counted(6)}},
			{Origin: "operator", Bans: 1},
		},
		BanEvents: []guarder.BanEvents{{Origin: "operator", Action: "refused", Events: 1}, {Origin: "rule", Action: "added", Events: 9}},
		Floods: []guarder.FloodStatus{
			{Group: "syn-flood", Rule: "web", Mode: "enforce", OnAbove: 20000, OffBelow: 10000, Sent: 70123, Left: 129, Valid: 23, Invalid: 3},
			{Group: "syn-flood", Rule: "mail", Mode: "audit", OnAbove: 100, OffBelow: 50},
		},
		Connections: &guarder.ConnectionStatus{Open: 311, Uncounted: 2, Corrected: 1},
		FeedMemory:  5 << 20, AgentSince: since,
		ICMP:    []guarder.ICMPStatus{{Family: 4, Type: 8, Name: "echo-request", Packets: 11}, {Family: 6, Type: 200, Name: "200", Packets: 1}},
		Quoted:  []guarder.QuotedStatus{{Family: 4, Class: "packet-too-big", Protocol: "icmp", Packets: 1}},
		Sources: 4, RulesExpired: 6,
	}
}

// fullHits has sources of all kinds.
var fullHits = []guarder.Hit{
	{Source: netip.MustParseAddr("203.0.113.7"), Rule: 1, Effect: "drop", Packets: 23, First: 1},
	{Source: netip.MustParseAddr("2001:db8:1::"), Rule: 2, Effect: "would_drop", Packets: 3, First: 1},
	{Source: netip.MustParseAddr("10.0.0.7"), Rule: 2, Effect: "would_drop", Packets: 3, First: 1},
	{Source: netip.MustParseAddr("203.0.113.7"), Rule: 3, Effect: "count", Packets: 99, First: 1},
}

// whereFull knows one network.
func whereFull(a netip.Addr) (country string, asn uint32, name string) {
	if netip.MustParsePrefix("203.0.113.0/24").Contains(a) {
		return "NZ", 64496, "Example"
	}
	return "", 0, ""
}

// seriesOfGuarder gathers from a collector, which goes on from scrape to scrape, and
// returns the values of a family by the values of its labels, in their order.
func seriesOfGuarder(t *testing.T, c Collector, f *metric.Family) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for _, family := range gatherFrom(t, NewSet(quiet, stopped, c)) {
		if family.GetName() != f.Name {
			continue
		}
		for _, m := range family.Metric {
			values := make([]string, len(f.Labels))
			for i, name := range f.Labels {
				values[i] = label(m, name)
			}
			all[strings.Join(values, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}

// aGuarder is the collector over a status that a test changes.
func aGuarder(limit int) (*guarder.Status, Collector) {
	s := &guarder.Status{Since: since, Verdicts: map[string]guarder.Counts{}}
	st := NewStack(reader{}, StackOptions{SeriesLimit: limit, Since: since})
	return s, newGuarderAt(since, guarderFunc(func() (guarder.Status, error) { return *s, nil }), st, nil)
}

type guarderFunc func() (guarder.Status, error)

func (f guarderFunc) Status() (guarder.Status, error) { return f() }
func (f guarderFunc) Hits() (guarder.HitList, error)  { return guarder.HitList{}, nil }

// TestRulesBeyondTheLimitAreFolded has more rules that match than series are allowed.
// What rules are is folded as what they did.
func TestRulesBeyondTheLimitAreFolded(t *testing.T) {
	s, c := aGuarder(10)
	for i := range 30 {
		matched := since.Add(time.Duration(i) * time.Second)
		s.Rules = append(s.Rules, guarder.RuleStatus{Group: "g", Rule: fmt.Sprintf("r%02d", i), Stage: "policy", Mode: "audit", Action: "drop",
			LastMatch: &matched, Counts: map[string]guarder.Counts{"would_drop": {Packets: uint64(100 - i), Bytes: 10}}})
	}
	packets, info := seriesOfGuarder(t, c, metric.GuarderRulePackets), seriesOfGuarder(t, c, metric.GuarderRuleInfo)
	last := seriesOfGuarder(t, c, metric.GuarderRuleLastMatch)
	sum := 0.0
	for _, n := range packets {
		sum += n
	}
	// The nine that match most have series of their own.
	want := 30*100 - 30*29/2
	if other := packets["other other other"]; len(packets) != 10 || sum != float64(want) || other != float64(want-(100*9-9*8/2)) {
		t.Errorf("%d series with %v packets, %v of them other", len(packets), sum, other)
	}
	if len(info) != 10 || info["g r00 policy audit drop   "] != 1 || info["other other other other other other other other"] != 1 {
		t.Errorf("what rules are: %v", info)
	}
	if got := last["other other"]; len(last) != 10 || got != unixSeconds(since.Add(29*time.Second)) {
		t.Errorf("last matches: %v", last)
	}
}

// TestAttacksHaveSeriesBeforeTheyHappen: the rate of a series that begins with an
// attack is 0.
func TestAttacksHaveSeriesBeforeTheyHappen(t *testing.T) {
	s, c := aGuarder(DefaultSeriesLimit)
	for i := range mostAttackRules + 10 {
		s.Rules = append(s.Rules, guarder.RuleStatus{Group: "g", Rule: fmt.Sprint("attack", i), Mode: "enforce", Action: "drop", Labels: map[string]string{"attack": "land"}})
	}
	s.Rules = append(s.Rules,
		guarder.RuleStatus{Group: "g", Rule: "plain", Mode: "enforce", Action: "drop"},
		guarder.RuleStatus{Group: "g", Rule: "counts", Mode: "enforce", Action: "count", Labels: map[string]string{"attack": "land"}})
	s.Rules[3] = guarder.RuleStatus{Group: "g", Rule: "told", Mode: "enforce", Action: "count", Alert: &guarder.AlertStatus{}}
	s.Rules[1].Mode = "audit"
	s.Rules[2].Counts = map[string]guarder.Counts{"drop": counted(3)}
	got := seriesOfGuarder(t, c, metric.GuarderRulePackets)
	for series, want := range map[string]float64{"g attack0 drop": 0, "g attack1 would_drop": 0, "g told count": 0, "g attack2 drop": 3} {
		if n, ok := got[series]; !ok || n != want {
			t.Errorf("%s is %v, %t, want %v", series, n, ok, want)
		}
	}
	if len(got) != mostAttackRules {
		t.Errorf("%d series, want those of %d rules", len(got), mostAttackRules)
	}
}

// TestLabelsOfPoliciesAreCut: they are texts of any length, of which one is cut between
// letters and one within.
func TestLabelsOfPoliciesAreCut(t *testing.T) {
	s, c := aGuarder(DefaultSeriesLimit)
	for _, before := range []string{"", "a"} {
		s.Rules = append(s.Rules, guarder.RuleStatus{Group: "g", Rule: "r" + before, Mode: "audit", Action: "drop", Labels: map[string]string{"attack": before + strings.Repeat("ä", 100)}})
	}
	all := seriesOfGuarder(t, c, metric.GuarderRuleInfo)
	if len(all) != len(s.Rules) {
		t.Errorf("%d series of %d rules", len(all), len(s.Rules))
	}
	for series := range all {
		if len(series) > longestText+30 || !utf8.ValidString(series) {
			t.Errorf("series %q", series)
		}
	}
}

// TestModesTellWhatPoliciesAskFor counts rules that may do less than they ask for.
func TestModesTellWhatPoliciesAskFor(t *testing.T) {
	s, c := aGuarder(DefaultSeriesLimit)
	for _, r := range [][3]string{{"audit", "enforce", "drop"}, {"audit", "audit", "drop"}, {"enforce", "enforce", "drop"}, {"audit", "enforce", "pass"}} {
		s.Rules = append(s.Rules, guarder.RuleStatus{Group: "g", Rule: "r", Mode: r[0], Asks: r[1], Action: r[2]})
	}
	if got := seriesOfGuarder(t, c, metric.GuarderClampedRules); got[""] != 1 {
		t.Errorf("%v rules are clamped, want 1", got)
	}
	if diff := cmp.Diff(map[string]float64{"audit": 3, "enforce": 1}, seriesOfGuarder(t, c, metric.GuarderRules)); diff != "" {
		t.Errorf("rules by mode (-want +got):\n%s", diff)
	}
}

// TestWhatIsNotKnownHasNoAge: the time in the status is then that of something else.
func TestWhatIsNotKnownHasNoAge(t *testing.T) {
	s, c := aGuarder(DefaultSeriesLimit)
	s.Applied = since
	for state, want := range map[string]int{guarder.InForcePolicy: 1, guarder.InForceEarlier: 0, guarder.InForceNothing: 0} {
		s.InForce = state
		if got := seriesOfGuarder(t, c, metric.GuarderApplied); len(got) != want {
			t.Errorf("%s in force: since %v, want %d series", state, got, want)
		}
		if got := seriesOfGuarder(t, c, metric.GuarderInForce); got[state] != 1 || len(got) != len(inForce) {
			t.Errorf("%s in force: %v", state, got)
		}
	}
}

// TestServicesBeginAtZeroAndNeverFall drives services through scrapes: of a scan of
// many ports the busiest are listed, and what was counted before the exporter started
// is no peak.
func TestServicesBeginAtZeroAndNeverFall(t *testing.T) {
	s, c := aGuarder(DefaultSeriesLimit)
	packets := map[uint16]uint64{23: 1000, 445: 500}
	scrape := func() map[string]float64 {
		s.Services = nil
		for _, port := range slices.Sorted(maps.Keys(packets)) {
			s.Services = append(s.Services, guarder.ServiceStatus{Protocol: "tcp", Port: port, Counts: map[string]guarder.Counts{"drop": counted(packets[port])}})
		}
		return seriesOfGuarder(t, c, metric.GuarderServicePackets)
	}
	want := map[string]float64{"tcp 23 drop": 0, "tcp 23 would_drop": 0, "tcp 445 drop": 0, "tcp 445 would_drop": 0, "other other drop": 0, "other other would_drop": 0}
	if diff := cmp.Diff(want, scrape()); diff != "" {
		t.Errorf("the first scrape (-want +got):\n%s", diff)
	}
	packets[23] += 7
	if got := scrape(); got["tcp 23 drop"] != 7 {
		t.Errorf("after 7 packets to port 23: %v", got)
	}
	highest, sum := map[string]float64{}, 7.0
	for step := range 50 {
		for port := range uint16(200) { // a scan, with ports that are tried more often
			n := uint64(1 + port%7*uint16(step%5))
			packets[1000+port] += n
			sum += float64(n)
		}
		got, total := scrape(), 0.0
		for series, n := range got {
			if n < highest[series] {
				t.Fatalf("step %d: %s fell from %v to %v", step, series, highest[series], n)
			}
			highest[series] = n
		}
		for _, n := range highest {
			total += n
		}
		if len(got) != 2*(topServices+1) || total != sum {
			t.Fatalf("step %d: %d series with %v packets, want %d with %v", step, len(got), total, 2*(topServices+1), sum)
		}
	}
}

// TestAHostWithoutGuarderIsNoFailure tells the absence of an agent from one that does
// not answer.
func TestAHostWithoutGuarderIsNoFailure(t *testing.T) {
	for _, c := range []struct {
		err     error
		success float64
	}{{fmt.Errorf("no socket: %w", ErrNoGuarder), 1}, {errBroken, 0}} {
		st := NewStack(reader{}, StackOptions{Since: since})
		set := NewSet(quiet, stopped, NewGuarder(guarderFunc(func() (guarder.Status, error) { return fullGuarder(), c.err }), st, whereFull))
		for _, f := range gatherFrom(t, set) {
			switch {
			case strings.HasPrefix(f.GetName(), "packetscope_guarder_"):
				t.Errorf("%v: %s is there", c.err, f.GetName())
			case f.GetName() == metric.ScrapeCollectorSuccess.Name && f.Metric[0].Gauge.GetValue() != c.success:
				t.Errorf("%v: success %v, want %v", c.err, f.Metric[0].Gauge.GetValue(), c.success)
			}
		}
	}
}
