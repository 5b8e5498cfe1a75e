package sink

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEndAlertChangesNothingElse(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	const ended = `{"endsAt":"2026-03-04T04:06:07Z","new":1.50,"status":"resolved"}`
	for alert, want := range map[string]string{
		`{"status":"firing","new":1.50,"endsAt":"0001-01-01T00:00:00Z"}`: ended,
		`{"new":1.50}`: ended,
		`{"status":"resolved","new":1.50,"endsAt":"2026-03-04T01:00:00Z"}`: `{"status":"resolved","new":1.50,"endsAt":"2026-03-04T01:00:00Z"}`,
		`null`:     `null`,
		`"firing"`: `"firing"`,
	} {
		if got := EndAlert(json.RawMessage(alert), at); string(got) != want {
			t.Errorf("%s ended is %s, want %s", alert, got, want)
		}
	}
	const firing = `{"status":"firing"}`
	if got := EndAlert(json.RawMessage(firing), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)); string(got) != firing {
		t.Errorf("ended in no year that can be written: %s", got)
	}
}

// TestAlertmanagersMessageSaysWhatTheEpisodeDoes: when the end was not heard, the last message
// that came says that all fires, and receivers would take it for news.
func TestAlertmanagersMessageSaysWhatTheEpisodeDoes(t *testing.T) {
	const (
		fires = `{"status":"firing","startsAt":"2026-09-21T14:13:20Z","endsAt":"0001-01-01T00:00:00Z"}`
		ended = `{"status":"resolved","startsAt":"2026-09-21T14:13:20Z","endsAt":"2026-09-21T14:15:00Z"}`
	)
	type alert struct{ Status, StartsAt, EndsAt string }
	type body struct {
		Status string
		Alerts []alert
	}
	over := alert{"resolved", "2026-09-21T14:13:20Z", "2026-09-21T14:15:00Z"}
	for name, c := range map[string]struct {
		revision int
		original string
		want     body
	}{
		"end unheard":         {3, `{"status":"firing","alerts":[` + fires + `,` + ended + `]}`, body{"resolved", []alert{{"resolved", "2026-09-21T14:13:20Z", "2026-09-21T14:18:20Z"}, over}}},
		"end heard":           {3, `{"status":"resolved","alerts":[` + ended + `]}`, body{"resolved", []alert{over}}},
		"no alerts":           {3, `{"status":"firing"}`, body{"resolved", nil}},
		"those that fire cut": {1, `{"status":"resolved","truncatedAlerts":1,"alerts":[` + ended + `]}`, body{"firing", []alert{over}}},
	} {
		m := flood(c.revision)
		m.Alertmanager = json.RawMessage(c.original)
		var got body
		if err := json.Unmarshal(bodyOf(t, NotifyOptions{Format: "alertmanager"}, m).Body, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
