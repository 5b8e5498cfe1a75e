package webhook

import (
	"slices"
	"testing"
	"time"
)

// base is a message of two alerts, one of which has ended. The caller may change it.
func base(t *testing.T) Message { return decode(t, golden(t, "alertmanager-0.31-truncated")) }

func TestSameNewsHaveTheSameKey(t *testing.T) {
	want := base(t).Key()
	for name, change := range map[string]func(*Message){
		"another order":           func(m *Message) { slices.Reverse(m.Alerts) },
		"another zone":            func(m *Message) { m.Alerts[0].EndsAt = m.Alerts[0].EndsAt.In(time.FixedZone("x", 3600)) },
		"another receiver":        func(m *Message) { m.Receiver = "twin" },
		"another Alertmanager":    func(m *Message) { m.ExternalURL = "http://am-1:9093" },
		"a number with the value": func(m *Message) { m.Alerts[1].Annotations["summary"] = "now 42" },
	} {
		m := base(t)
		if change(&m); m.Key() != want {
			t.Errorf("%s: another key", name)
		}
	}
}

func TestOtherNewsHaveAnotherKey(t *testing.T) {
	keys := map[Key]string{base(t).Key(): "unchanged"}
	for name, change := range map[string]func(*Message){
		"another group":       func(m *Message) { m.Group += "x" },
		"one alert less":      func(m *Message) { m.Alerts = m.Alerts[:1] },
		"the other one less":  func(m *Message) { m.Alerts = m.Alerts[1:] },
		"an alert more":       func(m *Message) { m.Alerts = append(m.Alerts, m.Alerts[0]) },
		"started later":       func(m *Message) { m.Alerts[1].StartsAt = m.Alerts[1].StartsAt.Add(1) },
		"ended later":         func(m *Message) { m.Alerts[0].EndsAt = m.Alerts[0].EndsAt.Add(1) },
		"the other ended too": func(m *Message) { m.Alerts[1].Resolved, m.Alerts[1].EndsAt = true, m.Alerts[0].EndsAt },
		"another alert":       func(m *Message) { m.Alerts[1].Fingerprint = "0000000000000000" },
	} {
		m := base(t)
		change(&m)
		if other, ok := keys[m.Key()]; ok {
			t.Errorf("%s: the key of %s", name, other)
		}
		keys[m.Key()] = name
	}
}

func TestEpisodeIsOfTheGroupAndItsStart(t *testing.T) {
	m := base(t)
	name := m.Episode()
	slices.Reverse(m.Alerts)
	m.Alerts[0].Resolved = true
	if got := m.Episode(); got != name {
		t.Errorf("another order or an end changes %s to %s", name, got)
	}
	m.Alerts = m.Alerts[:1]
	later := m.Episode()
	m.Group += "x"
	if other := m.Episode(); later == name || other == later || other == name {
		t.Errorf("episodes %s, %s and %s are not three", name, later, other)
	}
}

func TestSeverityIsTheWorstThatFires(t *testing.T) {
	alert := func(severity string, resolved bool) Alert {
		return Alert{Labels: map[string]string{"severity": severity}, Resolved: resolved}
	}
	for _, test := range []struct {
		message Message
		want    string
	}{
		{Message{Alerts: []Alert{alert("info", false), alert("warning", false)}}, "warning"},
		{Message{Alerts: []Alert{alert("critical", true), alert("info", false)}}, "info"},
		{Message{Resolved: true, Alerts: []Alert{alert("critical", true), alert("info", true)}}, "critical"},
		{Message{Alerts: []Alert{alert("page", false), {}}}, ""},
	} {
		if got := test.message.Severity(); got != test.want {
			t.Errorf("severity of %+v is %q, want %q", test.message, got, test.want)
		}
	}
}
