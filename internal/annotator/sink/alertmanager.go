package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// alertmanagerBody passes Alertmanager's message through, with the explanation
// among commonAnnotations and the status of the episode: its end may not be in
// the last message that came. All else stays as it is, fields that we do not know
// included, so that receivers for Alertmanager work behind us.
func alertmanagerBody(m Message, _ *url.URL, _ []*url.URL) ([]byte, error) {
	if len(m.Alertmanager) == 0 {
		return nil, errors.New("the episode has no message of Alertmanager")
	}
	var message map[string]json.RawMessage
	if err := json.Unmarshal(m.Alertmanager, &message); err != nil || message == nil {
		return nil, errors.New("the message of Alertmanager is not an object")
	}
	annotations := make(map[string]json.RawMessage)
	if raw, ok := message["commonAnnotations"]; ok {
		if err := json.Unmarshal(raw, &annotations); err != nil {
			return nil, fmt.Errorf("read commonAnnotations: %w", err)
		}
	}
	if annotations == nil { // it was null
		annotations = make(map[string]json.RawMessage)
	}
	e := m.Explanation
	added := map[string]string{"verdict": e.Verdict, "confidence": e.Confidence, "summary": e.Summary}
	if m.Suggestion != nil {
		added["suggestion_id"] = m.Suggestion.ID
	}
	for name, value := range added {
		text, err := json.Marshal(inert(value))
		if err != nil {
			return nil, err
		}
		annotations["packetscope_"+name] = text
	}
	raw, err := json.Marshal(annotations)
	if err != nil {
		return nil, err
	}
	message["commonAnnotations"] = raw
	if message["status"], err = json.Marshal(m.Status); err != nil {
		return nil, err
	}
	if m.Status == Resolved {
		if err := endAlerts(message, m.end()); err != nil {
			return nil, err
		}
	}
	return encode(message)
}

// endAlerts ends those alerts of a message that have not ended in it.
func endAlerts(message map[string]json.RawMessage, at time.Time) error {
	var alerts []json.RawMessage
	if json.Unmarshal(message["alerts"], &alerts) != nil {
		return nil // it has none
	}
	for i, a := range alerts {
		alerts[i] = EndAlert(a, at)
	}
	raw, err := json.Marshal(alerts)
	message["alerts"] = raw
	return err
}

// EndAlert returns an alert as it is in a message of Alertmanager, ended at a time. One that has
// ended already is returned as it is, and so is what is no alert.
func EndAlert(alert json.RawMessage, at time.Time) json.RawMessage {
	var a map[string]json.RawMessage
	if json.Unmarshal(alert, &a) != nil || a == nil || string(a["status"]) == `"resolved"` {
		return alert
	}
	ends, err := json.Marshal(at.UTC())
	if err != nil { // in no year that there is
		return alert
	}
	a["status"], a["endsAt"] = json.RawMessage(`"resolved"`), ends
	ended, err := json.Marshal(a)
	if err != nil {
		return alert
	}
	return ended
}

// inert returns words that are no markup anywhere: nobody knows what the receiver
// makes of them.
func inert(s string) string { return inertWords.Replace(plain(s)) }

var inertWords = strings.NewReplacer("<", "‹", ">", "›", "[", "(", "]", ")", "@", "＠", "`", "'", "*", "∗", "|", "¦", "{{", "{ {")
