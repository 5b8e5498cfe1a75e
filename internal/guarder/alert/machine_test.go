package alert

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
)

var start = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// rule is one with an alert: after 3 packets of 5 minutes, for a minute, and two minutes on.
func rule(packets uint64) guarder.RuleStatus {
	return guarder.RuleStatus{
		Group: "g", Rule: "r", Mode: "enforce", Action: "drop", Labels: map[string]string{"attack": "pmtu_poison", "severity": "critical", "reference": "RFC 1191"},
		Counts: map[string]guarder.Counts{"drop": {Packets: packets}},
		Alert:  &guarder.AlertStatus{Name: "GuarderPmtuPoison", Packets: 3, OverSeconds: 300, ForSeconds: 60, KeepFiringSeconds: 120, Labels: map[string]string{"team": "net"}},
	}
}

func saysNothing(*guarder.RuleStatus, *Alert) map[string]string { return nil }

func newMachine() *Machine {
	return NewMachine(Identity{Instance: "h", External: map[string]string{"cluster": "c1", "severity": "never"}}, time.Minute)
}

// A scene runs a machine, looking every 5 s, and notes what it tells.
type scene struct {
	machine *Machine
	at      time.Duration
	told    []string
}

// until looks until a time since the start; the counter is that of a time. A counter of nil
// is not known.
func (s *scene) until(end time.Duration, counter func(at time.Duration) *guarder.RuleStatus) {
	for ; s.at <= end; s.at += 5 * time.Second {
		var rules []guarder.RuleStatus
		if r := counter(s.at); r != nil {
			rules = []guarder.RuleStatus{*r}
			if r.Alert == nil {
				rules = rules[:0]
			}
		}
		for _, a := range s.machine.Eval(start.Add(s.at), rules, saysNothing) {
			ends := a.ValidUntil
			if a.State == Resolved {
				ends = a.ResolvedAt
			}
			s.told = append(s.told, fmt.Sprint(s.at, " ", a.State, " ", a.FiredAt.Sub(start), " ", ends.Sub(start)))
		}
	}
}

func counted(n uint64) func(time.Duration) *guarder.RuleStatus {
	return func(time.Duration) *guarder.RuleStatus { r := rule(n); return &r }
}

func unknown(time.Duration) *guarder.RuleStatus { return nil }

func gone(time.Duration) *guarder.RuleStatus { return &guarder.RuleStatus{} }

// TestAnAlertLivesAsInPrometheus: packets come at 10 s; for is 1 m, the window 5 m, and
// keep_firing_for 2 m.
func TestAnAlertLivesAsInPrometheus(t *testing.T) {
	s := scene{machine: newMachine()}
	s.until(5*time.Second, counted(7)) // from before: no news
	s.until(30*time.Minute, counted(10))
	want := []string{
		// The condition holds from 10s; it fires at 1m10s, and is told each minute.
		"1m10s firing 1m10s 5m10s", "2m10s firing 1m10s 6m10s", "3m10s firing 1m10s 7m10s", "4m10s firing 1m10s 8m10s",
		// At 5m10s the packets have left the window. It goes on for two minutes.
		"5m10s firing 1m10s 9m10s", "6m10s firing 1m10s 10m10s",
		"7m10s resolved 1m10s 7m10s",
	}
	for m := 8; m <= 22; m++ { // and it is told for 15 minutes that it is over
		want = append(want, fmt.Sprintf("%dm10s resolved 1m10s 7m10s", m))
	}
	if diff := cmp.Diff(want, s.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if n := s.machine.Alerts(); n[Firing]+n[Pending]+n[Resolved] != 0 {
		t.Errorf("alerts %v are left", n)
	}
}

func TestTooFewPacketsAreNoAlert(t *testing.T) {
	for name, counter := range map[string]func(time.Duration) *guarder.RuleStatus{
		"none":         counted(0),
		"from before":  counted(1000),
		"two":          func(at time.Duration) *guarder.RuleStatus { r := rule(min(uint64(at/(20*time.Second)), 2)); return &r },
		"one in 2 min": func(at time.Duration) *guarder.RuleStatus { r := rule(uint64(at / (151 * time.Second))); return &r },
		"no rule":      gone,
		"never known":  unknown,
		"gone too soon": func(at time.Duration) *guarder.RuleStatus { // pending for 50 s
			if at > 55*time.Second {
				return &guarder.RuleStatus{}
			}
			r := rule(uint64(at / (time.Second)))
			return &r
		},
	} {
		s := scene{machine: newMachine()}
		s.until(20*time.Minute, counter)
		if len(s.told) != 0 {
			t.Errorf("%s: told %v", name, s.told)
		}
	}
}

// A counter that is less than before has begun anew, as that of an agent that was detached.
func TestACounterThatBeginsAnewCounts(t *testing.T) {
	s := scene{machine: newMachine()}
	s.until(0, counted(1_000_000))
	s.until(2*time.Minute, counted(3))
	if len(s.told) != 1 {
		t.Errorf("told %v, want one alert", s.told)
	}
}

// The condition that holds again while the alert goes on is the same alert; after its end
// it is another.
func TestAnAttackThatComesBack(t *testing.T) {
	s := scene{machine: newMachine()}
	s.until(0, counted(0))
	s.until(6*time.Minute, counted(3)) // out of the window at 5m5s
	s.until(12*time.Minute, counted(6))
	s.until(25*time.Minute, counted(6))
	s.until(29*time.Minute, counted(9))
	firings := map[string]int{}
	for _, line := range s.told {
		firings[strings.Join(strings.Fields(line)[1:3], " ")]++
	}
	want := map[string]int{"firing 1m5s": 12, "resolved 1m5s": 12, "firing 26m5s": 3}
	if diff := cmp.Diff(want, firings); diff != "" {
		t.Errorf("told (-want +got):\n%s\n%s", diff, strings.Join(s.told, "\n"))
	}
}

func TestARuleThatGoesEndsItsAlert(t *testing.T) {
	s := scene{machine: newMachine()}
	s.until(0, counted(0))
	s.until(90*time.Second, counted(5))
	s.told = nil
	s.until(2*time.Minute, gone)
	if diff := cmp.Diff([]string{"1m35s resolved 1m5s 1m35s"}, s.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// An agent that does not answer neither ends an alert at once nor keeps it for ever.
func TestAlertsRunOutWithoutTheAgent(t *testing.T) {
	s := scene{machine: newMachine()}
	s.until(0, counted(0))
	s.until(90*time.Second, counted(5))
	s.told = nil
	s.until(10*time.Minute, unknown)
	if first, end := s.told[0], s.told[5]; first != "2m5s firing 1m5s 6m5s" || end != "7m5s resolved 1m5s 7m5s" {
		t.Errorf("told %v", s.told)
	}
}

// What was counted while nobody looked counts for a short time, and not for a long one.
func TestGaps(t *testing.T) {
	for gap, want := range map[time.Duration]int{time.Minute: 1, 4 * time.Minute: 1, 6 * time.Minute: 0, time.Hour: 0} {
		s := scene{machine: newMachine()}
		s.until(0, counted(0))
		s.at = gap
		s.until(gap+70*time.Second, counted(5))
		if len(s.told) != want {
			t.Errorf("after %v: told %v, want %d", gap, s.told, want)
		}
	}
}

func TestLabelsTellAlertsApartAndNameNobody(t *testing.T) {
	m := newMachine()
	r := rule(0)
	m.Eval(start, []guarder.RuleStatus{r}, saysNothing)
	r = rule(5)
	r.Alert.ForSeconds, r.Alert.Device = 0, "eth0"
	audited, other := rule(5), rule(5)
	audited.Rule, audited.Mode, audited.Labels = "a", "audit", nil
	other.Alert = nil
	m.Eval(start, []guarder.RuleStatus{rule(0), {Group: "g", Rule: "a", Alert: audited.Alert}}, saysNothing)
	audited.Alert.ForSeconds = 0
	var got []map[string]string
	for _, a := range m.Eval(start.Add(5*time.Second), []guarder.RuleStatus{r, audited, other}, saysNothing) {
		got = append(got, a.Labels)
	}
	want := []map[string]string{
		{"alertname": "GuarderPmtuPoison", "area": "guarder", "cluster": "c1", "device": "eth0", "instance": "h", "group": "g", "rule": "r", "mode": "enforce",
			"attack": "pmtu_poison", "severity": "critical", "team": "net"},
		{"alertname": "GuarderPmtuPoison", "area": "guarder", "cluster": "c1", "instance": "h", "group": "g", "rule": "a", "mode": "audit", "severity": "never", "team": "net"},
	}
	if len(got) == 2 && got[0]["rule"] == "a" {
		got[0], got[1] = got[1], got[0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// TestARestartChangesNothing restarts at each look, and wants what is told without.
func TestARestartChangesNothing(t *testing.T) {
	counter := func(at time.Duration) *guarder.RuleStatus {
		r := rule(uint64(min(at, 3*time.Minute)/(17*time.Second)) * 2)
		return &r
	}
	whole, pieces := scene{machine: newMachine()}, scene{machine: newMachine()}
	for at := time.Duration(0); at < 40*time.Minute; at += 5 * time.Second {
		whole.until(at, counter)
		pieces.until(at, counter)
		text, err := pieces.machine.Memory()
		if err != nil {
			t.Fatal(err)
		}
		pieces.machine = newMachine()
		if err := pieces.machine.Remember(text); err != nil {
			t.Fatal(err)
		}
	}
	if len(whole.told) < 20 {
		t.Errorf("told only %v", whole.told)
	}
	if diff := cmp.Diff(whole.told, pieces.told); diff != "" {
		t.Errorf("told without a restart, and with (-want +got):\n%s", diff)
	}
}

func TestAWindowIsBoundedAndNearlyExact(t *testing.T) {
	const over = time.Hour
	w := begin(start, 0)
	for i := range uint64(10_000) {
		now := start.Add(time.Duration(i) * 5 * time.Second)
		w.see(now, i*3, over)
		got := w.count(now, over)
		if want := 3 * min(i, uint64(over/(5*time.Second))); got > want || got+3*12 < want { // a grain is a minute
			t.Fatalf("after %d: %d, want %d", i, got, want)
		}
		if len(w.Points) > grains+2 {
			t.Fatalf("%d points", len(w.Points))
		}
	}
}

// TestAClockThatIsSetBackRaisesNothing sets the clock back by an hour, half a minute after two
// packets. One packet a minute is never three of them within the window of a minute.
func TestAClockThatIsSetBackRaisesNothing(t *testing.T) {
	m := newMachine()
	look := func(at time.Duration, n uint64) []Alert {
		r := rule(n)
		r.Alert.OverSeconds = 60
		return m.Eval(start.Add(at), []guarder.RuleStatus{r}, saysNothing)
	}
	look(0, 0)
	look(5*time.Second, 2)
	for at := 35 * time.Second; at < time.Hour; at += 5 * time.Second {
		packets := 2 + uint64(max(0, at-2*time.Minute)/time.Minute)
		if told := look(at-time.Hour, packets); told != nil || m.Alerts()[Pending] > 0 {
			t.Fatalf("%v after the clock was set back, at %d packets: %+v, %v", at-35*time.Second, packets, told, m.Alerts())
		}
	}
}

// TestAnAlertIsToldWhenTheClockIsSetBack does so while an alert fires: Alertmanagers must be
// told that it goes on, and in time that it is over.
func TestAnAlertIsToldWhenTheClockIsSetBack(t *testing.T) {
	s := scene{machine: newMachine()}
	s.until(5*time.Second, counted(7))
	s.until(70*time.Second, counted(10))
	if len(s.told) != 1 {
		t.Fatalf("told %q", s.told)
	}
	s.told = nil
	s.at = -time.Hour
	s.until(s.at+8*time.Minute, counted(10))
	want := []string{
		"-1h0m0s firing -1h0m0s -56m0s", "-59m0s firing -1h0m0s -55m0s", "-58m0s firing -1h0m0s -54m0s", "-57m0s firing -1h0m0s -53m0s",
		"-56m0s firing -1h0m0s -52m0s", "-55m0s firing -1h0m0s -51m0s", "-54m0s firing -1h0m0s -50m0s",
		"-53m0s resolved -1h0m0s -53m0s", "-52m0s resolved -1h0m0s -53m0s",
	}
	if diff := cmp.Diff(want, s.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
