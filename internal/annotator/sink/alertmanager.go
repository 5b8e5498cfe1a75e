package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// alertmanagerBody passes Alertmanager's message through, with the explanation
// among commonAnnotations. All else stays as it is, fields that we do not know
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
	return encode(message)
}

// inert returns words that are no markup anywhere: nobody knows what the receiver
// makes of them.
func inert(s string) string { return inertWords.Replace(plain(s)) }

var inertWords = strings.NewReplacer("<", "‹", ">", "›", "[", "(", "]", ")", "@", "＠", "`", "'", "*", "∗", "|", "¦", "{{", "{ {")
