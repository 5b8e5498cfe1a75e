package webhook

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func decode(t testing.TB, body []byte) Message {
	t.Helper()
	m, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func TestMessagesOfAlertmanagersAreUnderstood(t *testing.T) {
	guard := map[string]string{
		"alertname": "PacketScopeGuardDropsBurst", "area": "guarder", "direction": "ingress",
		"instance": "edge-1.example.net:10042", "job": "packetscope", "rule": "syn-flood", "severity": "critical",
	}
	told := map[string]string{
		"description": "Rule syn-flood drops 18.2k packets a second on edge-1.example.net:10042.",
		"runbook_url": "https://docs.example.net/runbooks/guard",
		"summary":     "Guarder drops much more than usual",
	}
	down := map[string]string{"alertname": "PacketScopeDown", "instance": "edge-3", "severity": "critical"}
	for name, want := range map[string]Message{
		"alertmanager-0.25-firing": {
			Receiver: "annotator",
			Group:    `{}/{alertname=~"PacketScope.+",job!="packetscope-annotator"}:{alertname="PacketScopeGuardDropsBurst", instance="edge-1.example.net:10042", rule="syn-flood"}`,
			Alerts: []Alert{{
				Fingerprint: "9d1f0c2ba7e44f60", Labels: guard, Annotations: told, StartsAt: at("2026-03-01T12:00:07.318Z"),
				GeneratorURL: "http://prometheus.example.net:9090/graph?g0.expr=rate%28packetscope_guard_packets_total%5B1m%5D%29+%3E+1000&g0.tab=1",
			}},
			GroupLabels:  map[string]string{"alertname": "PacketScopeGuardDropsBurst", "instance": "edge-1.example.net:10042", "rule": "syn-flood"},
			CommonLabels: guard, CommonAnnotations: told,
			ExternalURL: "http://alertmanager.example.net:9093",
		},
		"alertmanager-0.31-truncated": {
			Receiver: `team\.a \(200\)`, Group: `{}:{alertname="PacketScopePathLoss"}`, Truncated: 3,
			Alerts: []Alert{{
				Fingerprint: "1c3b8e5d90aa7f12", Resolved: true,
				Labels:      map[string]string{"alertname": "PacketScopePathLoss", "dest": "resolver", "family": "ipv4", "instance": "edge-2", "severity": "warning"},
				Annotations: map[string]string{"summary": "Packets to resolver are lost"},
				StartsAt:    at("2026-03-01T10:58:22.5Z"), EndsAt: at("2026-03-01T11:06:22.5Z"),
				GeneratorURL: "http://prometheus:9090/graph?g0.expr=x",
			}, {
				Fingerprint: "40c5a6be1177d9e3",
				Labels:      map[string]string{"alertname": "PacketScopePathLoss", "dest": "mirror", "family": "ipv6", "instance": "edge-2", "severity": "warning"},
				Annotations: map[string]string{"summary": "Packets to mirror are lost"},
				StartsAt:    at("2026-03-01T10:59:37.5Z"), GeneratorURL: "http://prometheus:9090/graph?g0.expr=x",
			}},
			GroupLabels:       map[string]string{"alertname": "PacketScopePathLoss"},
			CommonLabels:      map[string]string{"alertname": "PacketScopePathLoss", "instance": "edge-2", "severity": "warning"},
			CommonAnnotations: map[string]string{}, ExternalURL: "http://am-0:9093",
		},
		"alertmanager-0.34-resolved": {
			Receiver: "annotator", Group: `{}:{alertname="PacketScopeDown"}`, Resolved: true,
			Alerts: []Alert{{
				Fingerprint: "0f0f0f0f0f0f0f0f", Resolved: true, Labels: down, Annotations: map[string]string{},
				StartsAt: at("2026-03-01T10:00:00Z"), EndsAt: at("2026-03-01T10:05:00Z"),
			}},
			GroupLabels: map[string]string{"alertname": "PacketScopeDown"}, CommonLabels: down, CommonAnnotations: map[string]string{},
			RouteLabels: map[string]string{"team": "network"}, Reason: "all alerts resolved", ExternalURL: "http://am-0:9093",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, decode(t, golden(t, name))); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

// damage replaces text in the message of 0.31, which must be there.
func damage(t *testing.T, old, with string) []byte {
	t.Helper()
	body := string(golden(t, "alertmanager-0.31-truncated"))
	if !strings.Contains(body, old) {
		t.Fatalf("no %s in the message", old)
	}
	return []byte(strings.Replace(body, old, with, 1))
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		body []byte
		want string
	}{
		"empty":         {nil, "unexpected end of JSON input"},
		"a list":        {[]byte("[]"), "cannot unmarshal array"},
		"cut":           {golden(t, "alertmanager-0.25-firing")[:700], "unexpected end of JSON input"},
		"more behind":   {append(golden(t, "alertmanager-0.25-firing"), '1'), "invalid character '1' after top-level value"},
		"version 5":     {damage(t, `"version":"4"`, `"version":"5"`), `version is "5"`},
		"no group":      {damage(t, `"groupKey":`, `"key":`), "no groupKey"},
		"status":        {damage(t, `"status":"firing","alerts"`, `"status":"odd","alerts"`), `status is "odd"`},
		"no alerts":     {damage(t, `"alerts":`, `"warnings":`), "no alerts"},
		"only bad ones": {[]byte(`{"version":"4","groupKey":"g","status":"firing","alerts":[{"status":"firing"}]}`), "alert 0: no labels"},
		"of Slack":      {[]byte(`{"channel":"#network","text":"down"}`), `version is ""`},
	} {
		m, err := Decode(test.body)
		if !errors.Is(err, ErrNotV4) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
		if diff := cmp.Diff(Message{}, m); diff != "" {
			t.Errorf("%s: message with an error (-want +got):\n%s", name, diff)
		}
	}
}

func TestSingleBadAlertsAreSetApart(t *testing.T) {
	for name, test := range map[string]struct{ old, with, fault string }{
		"a number for an alert": {`{"status":"resolved"`, `7,{"status":"resolved"`, "cannot unmarshal number"},
		"status":                {`{"status":"resolved"`, `{"status":"gone"`, `status is "gone"`},
		"label is a number":     {`"dest":"resolver"`, `"dest":53`, "cannot unmarshal number"},
		"no start":              {`"startsAt"`, `"startedAt"`, "no startsAt"},
		"start is no time":      {`"startsAt":"2026-03-01T11:58:22.5+01:00"`, `"startsAt":"noon"`, "cannot parse"},
		"no end":                {`"endsAt":"2026-03-01T12:06:22.5+01:00"`, `"endsAt":"0001-01-01T00:00:00Z"`, "no endsAt"},
	} {
		m := decode(t, damage(t, test.old, test.with))
		last := m.Alerts[len(m.Alerts)-1]
		if len(m.Bad) != 1 || m.Bad[0].Index != 0 || !strings.Contains(m.Bad[0].Fault, test.fault) || last.Fingerprint != "40c5a6be1177d9e3" {
			t.Errorf("%s: bad %+v beside %d good, want %q", name, m.Bad, len(m.Alerts), test.fault)
		}
	}
}

func TestNewerTypesOfOptionalFieldsDoNoHarm(t *testing.T) {
	want := decode(t, golden(t, "alertmanager-0.31-truncated"))
	want.Truncated, want.Receiver = 0, ""
	body := damage(t, `"truncatedAlerts":3`, `"truncatedAlerts":{"count":3},"routeLabels":["a"],"notification_reason":7`)
	body = []byte(strings.Replace(string(body), `"receiver":"team\\.a \\(200\\)"`, `"receiver":{"name":"x"}`, 1))
	if diff := cmp.Diff(want, decode(t, body)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func TestFingerprintIsAlertmanagers(t *testing.T) {
	for _, labels := range []map[string]string{{}, {"a": "b"}, {"alertname": "X", "b": "", "ä": "\xff", "z": strings.Repeat("long", 99)}} {
		set := model.LabelSet{}
		for name, value := range labels {
			set[model.LabelName(name)] = model.LabelValue(value)
		}
		if got, want := Fingerprint(labels), set.Fingerprint().String(); got != want {
			t.Errorf("fingerprint of %v is %s, want %s", labels, got, want)
		}
	}
	m := decode(t, damage(t, `"fingerprint":"1c3b8e5d90aa7f12"`, `"fingerprint":"../../etc"`))
	if got, want := m.Alerts[0].Fingerprint, Fingerprint(m.Alerts[0].Labels); got != want {
		t.Errorf("a fingerprint that is none is %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"alertmanager-0.25-firing", "alertmanager-0.31-truncated", "alertmanager-0.34-resolved"} {
		f.Add(golden(f, name))
	}
	f.Add([]byte(`{"version":"4","groupKey":"g","status":"resolved","alerts":[{"status":"firing","labels":{"a":""},"startsAt":"9999-12-31T23:59:59+23:59"},null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Decode(body)
		if err != nil {
			if !errors.Is(err, ErrNotV4) || m.Alerts != nil {
				t.Errorf("error %v with %+v", err, m)
			}
			return
		}
		if m.Group == "" || len(m.Alerts) == 0 || m.Truncated < 0 || len(m.Episode()) != 12 {
			t.Errorf("message %+v", m)
		}
		for _, a := range m.Alerts {
			if !isFingerprint(a.Fingerprint) || a.StartsAt.IsZero() || a.Resolved == a.EndsAt.IsZero() || m.Resolved && !a.Resolved {
				t.Errorf("alert %+v, message resolved %v", a, m.Resolved)
			}
		}
		again := decode(t, body)
		if again.Key() != m.Key() || m.Started().After(m.Alerts[0].StartsAt) {
			t.Errorf("the same body has another key, or a start behind an alert's")
		}
	})
}
