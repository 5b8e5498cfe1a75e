package sink

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
)

// formatVersion rises when a field of the format packetscope is renamed, removed, or
// changes its meaning.
const formatVersion = "1"

// A wired is a Message in the format packetscope. Its words are visible characters
// and its links ours; labels, the rule and Alertmanager's message are as they came.
type wired struct {
	Version      string           `json:"version"`
	ID           string           `json:"id"`
	Episode      string           `json:"episode"`
	Revision     int              `json:"revision"`
	Status       Status           `json:"status"`
	Time         time.Time        `json:"time"`
	Alert        Alert            `json:"alert"`
	Explanation  Explanation      `json:"explanation"`
	Suggestion   *wiredSuggestion `json:"suggestion"`
	Links        Links            `json:"links"`
	Alertmanager json.RawMessage  `json:"alertmanager"`
}

type wiredSuggestion struct {
	ID     string `json:"id"`
	YAML   string `json:"yaml"`
	Action string `json:"action"`
	// TTL is written as Prometheus does: "1h30m".
	TTL   model.Duration `json:"ttl"`
	State string         `json:"state"`
	// MatchedShare is null if it is not known.
	MatchedShare *float64 `json:"matched_share"`
}

func packetscopeBody(m Message, _ *url.URL, bases []*url.URL) ([]byte, error) {
	w := wired{
		Version: formatVersion, ID: m.ID, Episode: m.Episode, Revision: m.Revision, Status: m.Status, Time: m.Time,
		Alert: m.Alert, Explanation: plainExplanation(m.Explanation, bases),
		Links:        Links{Dashboard: ownLink(m.Links.Dashboard, bases), Episode: ownLink(m.Links.Episode, bases)},
		Alertmanager: m.Alertmanager,
	}
	if w.Alert.Labels == nil {
		w.Alert.Labels = map[string]string{}
	}
	if s := m.Suggestion; s != nil {
		w.Suggestion = &wiredSuggestion{s.ID, s.YAML, s.Action, model.Duration(s.TTL), s.State, s.MatchedShare}
	}
	if len(w.Alertmanager) == 0 {
		w.Alertmanager = json.RawMessage("null")
	}
	return encode(w)
}

// plainExplanation returns a copy for readers that may show it to people. Its lists
// are never null.
func plainExplanation(e Explanation, bases []*url.URL) Explanation {
	e.Model, e.Verdict, e.Confidence, e.Summary = plain(e.Model), plain(e.Verdict), plain(e.Confidence), plain(e.Summary)
	findings, checks := make([]Finding, 0, len(e.Findings)), make([]Step, 0, len(e.Checks))
	for _, f := range e.Findings {
		findings = append(findings, Finding{Text: plain(f.Text), Facts: append([]string{}, f.Facts...)})
	}
	for _, c := range e.Checks {
		checks = append(checks, Step{Text: plain(c.Text), PromQL: clean(c.PromQL), Link: ownLink(c.Link, bases)})
	}
	e.Findings, e.Checks = findings, checks
	return e
}
