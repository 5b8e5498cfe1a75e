//go:build unix

package annotator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// passed is what tests look at of the message of Alertmanager that a sink may pass through.
type passed struct {
	Status          string
	CommonLabels    map[string]string
	TruncatedAlerts int
	Alerts          []passedAlert
}

type passedAlert struct {
	Status string
	Labels map[string]string
}

func passedBy(t testing.TB, raw json.RawMessage) (p passed) {
	t.Helper()
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	slices.SortFunc(p.Alerts, func(a, b passedAlert) int { return strings.Compare(a.Labels["instance"], b.Labels["instance"]) })
	return p
}

// TestWhatIsPassedOnIsAboutTheWholeGroup: an end or a beginning that was found out is about one
// alert, and who gets Alertmanager's message behind us takes it for the state of the group.
func TestWhatIsPassedOnIsAboutTheWholeGroup(t *testing.T) {
	other, third := with(flood, "instance", "web-2:10142"), with(flood, "instance", "web-3:10142")
	common := map[string]string{"alertname": flood["alertname"]}
	healing(t, func(t *testing.T, p *process, list *alertmanager, s *memorySink) {
		m := firing("g", flood, other)
		list.set(m.starts, flood)
		tell(t, p, m)
		last := func(want passed) {
			t.Helper()
			raw, err := p.lastBody(episodeOf(t, p.Engine))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, passedBy(t, raw)); diff != "" {
				t.Errorf("last message (-want +got):\n%s", diff)
			}
		}
		pass(4 * time.Minute)
		last(passed{"firing", common, 0, []passedAlert{{"firing", flood}, {"resolved", other}}})
		list.set(m.starts, flood, third)
		pass(2 * time.Minute)
		last(passed{"firing", common, 0, []passedAlert{{"firing", flood}, {"resolved", other}, {"firing", third}}})
		list.set(m.starts)
		pass(4 * time.Minute)
		got := s.messages()
		end := got[len(got)-1]
		if want := []string{"web-1:10142", "web-2:10142", "web-3:10142"}; end.Status != sink.Resolved || !cmp.Equal(end.Alert.Hosts, want) {
			t.Errorf("%s of %q", end.Status, end.Alert.Hosts)
		}
		if got := passedBy(t, end.Alertmanager); len(got.Alerts) != 3 {
			t.Errorf("with the end %+v", got)
		}
	})
}

// TestWhatIsFoundIsNoBetterThanItsGroup: it is about one alert, and others of the group fire on.
func TestWhatIsFoundIsNoBetterThanItsGroup(t *testing.T) {
	for name, c := range map[string]struct{ told, found, want string }{
		"better": {"critical", "info", "critical"},
		"worse":  {"info", "critical", "critical"},
		"none":   {"warning", "", "warning"},
		"known":  {"", "info", "info"},
	} {
		t.Run(name, func(t *testing.T) {
			healing(t, func(t *testing.T, p *process, list *alertmanager, _ *memorySink) {
				told, found := with(flood, "severity", c.told), with(with(flood, "severity", c.found), "instance", "web-2:10142")
				m := firing("g", told)
				list.set(m.starts, told, found)
				tell(t, p, m)
				pass(4 * time.Minute)
				if v, err := p.Episode(episodeOf(t, p.Engine)); err != nil || v.Episode.Severity != c.want || len(v.Episode.Alerts) != 2 {
					t.Errorf("episode %+v, want severity %q, %v", v.Episode, c.want, err)
				}
			})
		})
	}
}

func TestAmendedMessagesKeepWhatWeDoNotKnow(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	synthetic := func(alerts ...webhook.Alert) webhook.Delivery {
		d, err := synthesize("g", nil, alerts)
		if err != nil {
			t.Fatal(err)
		}
		d.Resolved, d.Truncated = false, 2
		return d
	}
	a, b := map[string]string{"a": "1", "severity": "info"}, map[string]string{"a": "2", "severity": "info"}
	ended := synthetic(
		webhook.Alert{Fingerprint: webhook.Fingerprint(a), Labels: b, StartsAt: at, EndsAt: at, Resolved: true},
		webhook.Alert{Fingerprint: webhook.Fingerprint(b), Labels: b, StartsAt: at, EndsAt: at, Resolved: true},
	)
	fires := synthetic(webhook.Alert{Fingerprint: webhook.Fingerprint(b), Labels: b, StartsAt: at})
	fired, _, _ := strings.Cut(string(fires.Body[strings.Index(string(fires.Body), `"alerts":[`)+len(`"alerts":[`):]), "],")
	const last = `{"new":1.50,"status":"resolved","alerts":[{"labels":{"a":"1","severity":"info"},"new":2.50},null],"commonLabels":{"a":"1","severity":"info"}}`
	for name, c := range map[string]struct {
		last  string
		found webhook.Delivery
		want  string
	}{
		"end": {last, ended, `{"new":1.50,"status":"firing","alerts":[{"labels":{"a":"1","severity":"info"},"new":2.50,"status":"resolved","endsAt":"2026-03-04T05:06:07Z"},null],` +
			`"commonLabels":{"a":"1","severity":"info"},"truncatedAlerts":2}`},
		"beginning": {last, fires, `{"new":1.50,"status":"firing","alerts":[{"labels":{"a":"1","severity":"info"},"new":2.50},null,` + fired + `],` +
			`"commonLabels":{"severity":"info"},"truncatedAlerts":2}`},
		"no message": {"", fires, string(fires.Body)},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := amend([]byte(c.last), c.found)
			var got, want any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if err == nil {
				err = json.Unmarshal(body, &got)
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}
