package api

import (
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// Status is how the annotator does.
type Status struct {
	// Storm tells that so many episodes are open that only the worst are shown to a model.
	Storm     bool       `json:"storm"`
	Providers []Provider `json:"providers"`
	// TokensLeft is what the budget has for today; missing if there is none.
	TokensLeft *int64         `json:"tokens_left,omitempty"`
	Inbox      Inbox          `json:"inbox"`
	Jobs       int            `json:"jobs"`
	Episodes   Episodes       `json:"episodes"`
	Outbox     []Outbox       `json:"outbox"`
	Dead       map[string]int `json:"dead"` // by kind
	Explaining int            `json:"explaining"`
	// FileBytes is the size of the database, FreeBytes what of it can be used again.
	FileBytes int64 `json:"file_bytes"`
	FreeBytes int64 `json:"free_bytes"`
}

// A Provider is one that models are asked of, with what was learned of it.
type Provider struct {
	Name  string `json:"name"`
	Model string `json:"model"`
	// Mode is how an answer's form is asked for: json_schema, json_object or plain.
	Mode   string       `json:"mode"`
	Quirks model.Quirks `json:"quirks"`
	// Skip is why it is not asked until the time Until; both are missing if it is.
	Skip  string    `json:"skip,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// An Inbox is what waits to be worked on. Oldest is missing if nothing does.
type Inbox struct {
	Messages int       `json:"messages"`
	Bytes    int64     `json:"bytes"`
	Oldest   time.Time `json:"oldest,omitzero"`
}

// Episodes counts episodes.
type Episodes struct {
	Open   int `json:"open"`
	Closed int `json:"closed"`
}

// An Outbox is what waits for a sink. Oldest is missing if nothing does.
type Outbox struct {
	Sink    string    `json:"sink"`
	Waiting int       `json:"waiting"`
	Oldest  time.Time `json:"oldest,omitzero"`
}

func (h *Handler) status(q *request) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	d, err := h.Store.Depth()
	if err != nil {
		return nil, err
	}
	storm, err := h.Engine.Storm()
	if err != nil {
		return nil, err
	}
	s := Status{
		Storm: storm, Providers: []Provider{}, Outbox: []Outbox{}, Dead: map[string]int{},
		Inbox: Inbox{d.Messages, d.Bytes, d.Oldest.UTC()}, Jobs: d.Jobs, Episodes: Episodes{d.Open, d.Closed},
		Explaining: h.works.busy(), FileBytes: d.FileBytes, FreeBytes: d.FreeBytes,
	}
	for name, line := range d.Outbox {
		s.Outbox = append(s.Outbox, Outbox{name, line.Waiting, line.Oldest.UTC()})
	}
	slices.SortFunc(s.Outbox, func(a, b Outbox) int { return strings.Compare(a.Sink, b.Sink) })
	for _, kind := range store.Kinds {
		s.Dead[string(kind)] = d.Dead[kind]
	}
	if h.Models == nil {
		return s, nil
	}
	for _, p := range h.Models.Status() {
		s.Providers = append(s.Providers, Provider{p.Provider, p.Model, string(p.Mode), p.Quirks, string(p.Skip), p.Until.UTC()})
	}
	if left, limited := h.Models.TokensLeft(); limited {
		s.TokensLeft = &left
	}
	return s, nil
}

// busy returns how many works are running.
func (s *works) busy() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// config returns what the configuration is.
func (h *Handler) config(q *request) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	return h.Config()
}
