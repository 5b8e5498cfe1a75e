//go:build unix

package store

import (
	"fmt"
	"time"
)

// A Message is news of a group of alerts.
type Message struct {
	// Key is the same for messages with the same news.
	Key [32]byte
	// Group names the group of alerts.
	Group string
	// Episode names the episode that the message begins if its group has none that is
	// open: 12 hexadecimal digits.
	Episode string
	// Severity is critical, or what comes behind.
	Severity string
	// Partial tells that alerts of the group that fire may be missing in the message. Then its
	// severity counts only if it is worse than that of the episode.
	Partial bool
	// Resolved tells that no alert in the message fires.
	Resolved bool
	// Started is when the first alert started.
	Started time.Time
	Alerts  []Alert
	// Truncated is how many alerts of the group are not in the message.
	Truncated int
	// Hops is how many annotators the message went through.
	Hops int
	// Body is the message as it came.
	Body []byte
	// Bad are alerts that could not be understood. They become dead letters.
	Bad []BadAlert
}

// An Alert is one of an episode.
type Alert struct {
	Fingerprint string    `json:"fingerprint"`
	StartsAt    time.Time `json:"starts_at"`
	EndsAt      time.Time `json:"ends_at,omitzero"` // zero while it fires
	// Changed is when the store last learned something of it. It sets it itself.
	Changed time.Time `json:"changed,omitzero"`
}

// A BadAlert is an alert that could not be understood.
type BadAlert struct {
	Fault string
	Raw   []byte
}

// A Receipt says what became of a message.
type Receipt struct {
	// Fresh is false if nothing in the message was new. Nothing was written then.
	Fresh bool
	// Episode is the one that it belongs to.
	Episode string
}

func (m Message) check() error {
	if len(m.Alerts) == 0 {
		return fmt.Errorf("message of group %.40q has no alerts", m.Group)
	}
	return checkEpisode(m.Episode)
}

func checkEpisode(id string) error {
	if len(id) != episodeBytes {
		return fmt.Errorf("episode %.40q has not %d digits", id, episodeBytes)
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("episode %q is not hexadecimal", id)
		}
	}
	return nil
}

// episodeBytes is the length of the name of an episode.
const episodeBytes = 12
