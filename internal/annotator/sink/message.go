package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// A Status tells whether the episode goes on.
type Status string

// The statuses, as Alertmanager calls them.
const (
	Firing   Status = "firing"
	Resolved Status = "resolved"
)

// A Message is one revision of what is known of an episode.
type Message struct {
	// ID names the message for its readers.
	ID string
	// Episode is 12 hexadecimal digits.
	Episode string
	// Revision counts from 1; a higher one replaces a lower one.
	Revision int
	Status   Status
	// Time is when the revision was made.
	Time        time.Time
	Alert       Alert
	Explanation Explanation
	// Suggestion is nil if no rule is proposed.
	Suggestion *Suggestion
	Links      Links
	// Alertmanager is the message of Alertmanager as it came in, or nil if there was
	// none.
	Alertmanager json.RawMessage
	// Hops is how many annotators the message went through before this one.
	Hops int
}

// An Alert is what fired.
type Alert struct {
	Name     string            `json:"name"`
	Severity string            `json:"severity"`
	Labels   map[string]string `json:"labels"`
	// Hosts are the instances that the alerts of the episode are about, each once. It may
	// be empty; then the one of Labels counts.
	Hosts []string `json:"hosts,omitempty"`
	// StartsAt is the zero time if it is not known, EndsAt also while it fires.
	StartsAt time.Time `json:"startsAt,omitzero"`
	EndsAt   time.Time `json:"endsAt,omitzero"`
	// Count is how many alerts the episode has, Truncated how many more Alertmanager
	// left out.
	Count     int `json:"count"`
	Truncated int `json:"truncated"`
}

// An Explanation is the answer to what fired.
type Explanation struct {
	// By is "builtin" or "model"; Model is the model's name.
	By    string `json:"by"`
	Model string `json:"model,omitempty"`
	// Verdict is a word such as volumetric_attack, Confidence low, medium or high.
	Verdict    string    `json:"verdict"`
	Confidence string    `json:"confidence"`
	Summary    string    `json:"summary"`
	Findings   []Finding `json:"findings"`
	Checks     []Step    `json:"checks"`
	// Withheld is how many values the model was not shown.
	Withheld int `json:"withheld"`
}

// A Finding is a sentence with the ids of the facts that it rests on.
type Finding struct {
	Text  string   `json:"text"`
	Facts []string `json:"facts"`
}

// A Step is something to check next. PromQL and Link may be empty.
type Step struct {
	Text   string `json:"text"`
	PromQL string `json:"promql,omitempty"`
	Link   string `json:"link,omitempty"`
}

// A Suggestion is a proposed rule.
type Suggestion struct {
	ID     string
	YAML   string
	Action string
	TTL    time.Duration
	State  string
	// MatchedShare is, of the live packets that the rule matches, the share of those of
	// established two-way traffic, 0 to 1; nil if it is not known.
	MatchedShare *float64
}

// Links lead back to us. Either may be empty.
type Links struct {
	Dashboard string `json:"dashboard,omitempty"`
	Episode   string `json:"episode,omitempty"`
}

// Key names the revision of the episode: the Idempotency-Key.
func (m Message) Key() string { return fmt.Sprintf("%s-%d", m.Episode, m.Revision) }

// An episode goes into tags, queries and headers, which is why nothing else may
// be in it.
var episodeID = regexp.MustCompile(`^[0-9a-f]{12}$`)

// fault returns what no sink could send, or nil.
func (m Message) fault() error {
	switch {
	case !episodeID.MatchString(m.Episode):
		return fmt.Errorf("episode %q is not 12 hexadecimal digits", m.Episode)
	case m.Revision < 1:
		return fmt.Errorf("revision %d is less than 1", m.Revision)
	case m.Status != Firing && m.Status != Resolved:
		return fmt.Errorf("status %q is neither %q nor %q", m.Status, Firing, Resolved)
	case m.Time.UnixMilli() <= 0:
		return errors.New("the message has no time")
	case len(m.Alertmanager) > 0 && !json.Valid(m.Alertmanager):
		return errors.New("the message of Alertmanager is not JSON")
	}
	return nil
}

// start returns when the episode began, as far as is known.
func (m Message) start() time.Time {
	if m.Alert.StartsAt.UnixMilli() > 0 {
		return m.Alert.StartsAt
	}
	return m.Time
}

// end returns when a resolved episode ended, as far as is known.
func (m Message) end() time.Time {
	if m.Alert.EndsAt.UnixMilli() > 0 {
		return m.Alert.EndsAt
	}
	return m.Time
}
