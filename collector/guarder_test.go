package collector

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/internal/guarder"
)

// guarderReader is a packet filter that always reports the same.
type guarderReader struct{ status guarder.Status }

func (r guarderReader) Status() (guarder.Status, error) { return r.status, nil }

// fullGuarder has something in every field.
func fullGuarder() guarder.Status {
	by := since.Add(time.Minute)
	return guarder.Status{
		Since: since, Generation: 7, Applied: since, Ceiling: "enforce", ConfirmBy: &by, ApplyFailed: true,
		Devices: []guarder.DeviceStatus{{Name: "eth0", Hook: guarder.Native}, {Name: "wg0", Hook: guarder.Generic, Why: "operation not supported"}, {Name: "usb0", Hook: guarder.None, Why: "the device is gone"}},
		Rules: []guarder.RuleStatus{
			{Group: "sanity", Rule: "land", Mode: "enforce", Counts: map[string]guarder.Counts{"drop": {Packets: 23, Bytes: 1380}}},
			{Group: "web", Rule: "telnet", Mode: "audit", Counts: map[string]guarder.Counts{"would_drop": {Packets: 3, Bytes: 180}}},
			{Group: "web", Rule: "never", Mode: "audit"},
		},
		Verdicts:   map[string]guarder.Counts{"pass": {Packets: 1000, Bytes: 64000}, "drop": {Packets: 23, Bytes: 1380}},
		Unparsable: map[string]guarder.Counts{"truncated": {Packets: 2, Bytes: 60}},
	}
}

// TestRulesBeyondTheLimitAreFolded has more rules that match than series are allowed.
func TestRulesBeyondTheLimitAreFolded(t *testing.T) {
	var s guarder.Status
	for i := range 30 {
		s.Rules = append(s.Rules, guarder.RuleStatus{Group: "g", Rule: fmt.Sprintf("r%02d", i), Mode: "audit",
			Counts: map[string]guarder.Counts{"would_drop": {Packets: uint64(100 - i), Bytes: 10}}})
	}
	c := NewGuarder(guarderReader{s}, NewStack(reader{}, StackOptions{SeriesLimit: 10, Since: since}))
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(NewSet(quiet, stopped, c)); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "packetscope_guarder_rule_packets_total" {
			continue
		}
		sum, other := 0.0, 0.0
		for _, m := range f.Metric {
			sum += m.Counter.GetValue()
			if m.Label[0].GetValue() == "other" {
				other = m.Counter.GetValue()
			}
		}
		// The nine that match most have series of their own.
		if want := 30*100 - 30*29/2; len(f.Metric) != 10 || sum != float64(want) || other != float64(want-(100*9-9*8/2)) {
			t.Errorf("%d series with %v packets, %v of them other", len(f.Metric), sum, other)
		}
	}
}
