package sink

import (
	"encoding/json"
	"errors"
	"net/url"
	"path"
)

// Limits of ntfy in bytes. A longer message becomes an attachment, a longer title
// than 1 kB is refused (since 2.28).
const (
	mostNtfyMessage = 4096
	mostNtfyTitle   = 250
)

type ntfyMessage struct {
	Topic    string       `json:"topic"`
	Title    string       `json:"title"`
	Message  string       `json:"message"`
	Priority int          `json:"priority"`
	Click    string       `json:"click,omitempty"`
	Actions  []ntfyAction `json:"actions,omitempty"`
}

type ntfyAction struct {
	Action string `json:"action"`
	Label  string `json:"label"`
	URL    string `json:"url"`
}

// ntfyDialect escapes nothing: unless asked for, ntfy reads no Markdown. Its
// clients make links of addresses, which are none after plain.
var ntfyDialect = dialect{literal, inBytes}

// ntfyBody is what is posted to the server, with the topic in it. Posted to the
// topic, title and links would have to be headers.
func ntfyBody(m Message, to *url.URL, bases []*url.URL) ([]byte, error) {
	b := briefOf(m, bases)
	message := ntfyMessage{
		Topic:    path.Base(to.Path),
		Title:    ntfyDialect.fit(b.title, mostNtfyTitle),
		Priority: ntfyPriority(m),
	}
	footer := "\n" + b.footer
	message.Message = ntfyDialect.lines(b.lines, mostNtfyMessage-len(footer)) + footer
	for _, l := range b.links {
		if message.Click == "" {
			message.Click = l.url
		}
		message.Actions = append(message.Actions, ntfyAction{"view", l.text, l.url})
	}
	return encode(message)
}

// ntfyServer returns the server of a topic's address, or nil if that names none.
func ntfyServer(to *url.URL) *url.URL {
	dir, topic := path.Split(to.Path)
	if topic == "" {
		return nil
	}
	server := *to
	server.Path, server.RawPath = dir, ""
	return &server
}

// ntfyPriority is 1 to 5: 5 makes phones ring until somebody looks, 2 makes no
// sound.
func ntfyPriority(m Message) int {
	switch {
	case m.Status == Resolved, m.Alert.Severity == "info":
		return 2
	case m.Alert.Severity == "critical":
		return 5
	}
	return 3
}

// ntfyTook wants the message back.
func ntfyTook(a answer) (Class, error) {
	var made struct{ ID, Event string }
	if json.Unmarshal(a.body, &made) == nil && made.ID != "" && made.Event == "message" {
		return "", nil
	}
	return Retry, errors.New("the answer names no message")
}
