//go:build unix

package annotator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// known is what the step gathered brings.
type known struct {
	// Serial counts the gatherings of the episode, so that later outputs can tell of which
	// they are.
	Serial int       `json:"serial"`
	At     time.Time `json:"at"`
	Lead   lead      `json:"lead"`
	// Hosts are the instances that its alerts are about, at most mostHosts.
	Hosts []string `json:"hosts,omitempty"`
	// Group are the labels by which Alertmanager groups.
	Group map[string]string `json:"group,omitempty"`
	Set   *fact.Set         `json:"set"`
	Table *handle.Table     `json:"table"`
	// Storm is set in the episode of a storm only.
	Storm *stormCount `json:"storm,omitempty"`
}

// A lead is the alert that speaks for its episode.
type lead struct {
	Fingerprint string            `json:"fingerprint"`
	Labels      map[string]string `json:"labels"`
	StartsAt    time.Time         `json:"starts_at"`
}

// A record is what the steps explained, validated and resolved bring.
type record struct {
	// Serial is of what it rests on.
	Serial int `json:"serial"`
	// Answer is nil if it was refused, with Code saying why.
	Answer *answer.Answer `json:"answer,omitempty"`
	Code   answer.Code    `json:"code,omitempty"`
	// Table has the handles that the explanation added.
	Table *handle.Table `json:"table,omitempty"`
	// Said is what sinks were told, or would be, without Alertmanager's message.
	Said sink.Message `json:"said"`
	// Published is the revision, or 0 if it was not published.
	Published int `json:"published,omitempty"`
	// To are all sinks that were told of the episode so far.
	To []string `json:"to,omitempty"`
}

// answered is what the step asked brings.
type answered struct {
	Serial int             `json:"serial"`
	Answer json.RawMessage `json:"answer,omitempty"`
	// Why there is no answer: a class or a skip of package model, "time" or "storm".
	Why      string `json:"why,omitempty"`
	Provider string `json:"provider,omitempty"`
	Model    string `json:"model,omitempty"`
	Cached   bool   `json:"cached,omitempty"`
	Tokens   int64  `json:"tokens,omitempty"`
}

// outputs are those of an episode's steps; what was not brought yet is nil.
type outputs struct {
	known     *known
	explained *record
	asked     *answered
	validated *record
	resolved  *record
}

func readOutputs(raw map[store.Step][]byte) (o outputs, err error) {
	err = errors.Join(
		read(raw, store.Gathered, &o.known), read(raw, store.Explained, &o.explained), read(raw, store.Asked, &o.asked),
		read(raw, store.Validated, &o.validated), read(raw, store.Resolved, &o.resolved),
	)
	return o, err
}

func read[T any](raw map[store.Step][]byte, step store.Step, into **T) error {
	text := raw[step]
	if text == nil {
		return nil
	}
	value := new(T)
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("read output of step %s: %w", step, err)
	}
	*into = value
	return nil
}

// ground returns what an answer about the facts must rest on.
func (o outputs) ground() (answer.Ground, error) {
	if o.known == nil {
		return answer.Ground{}, errors.New("no facts were gathered")
	}
	g := answer.Ground{Set: o.known.Set, Table: o.known.Table}
	if o.explained != nil && o.explained.Serial == o.known.Serial && o.explained.Table != nil {
		g.Table = o.explained.Table
	}
	return g, nil
}

// current returns the explanation that holds: the newest that was not refused, the model's
// before the built-in one of the same facts; nil if there is none.
func (o outputs) current() *record {
	if v := o.validated; v != nil && v.Answer != nil && (o.explained == nil || v.Serial >= o.explained.Serial) {
		return v
	}
	return o.explained
}

// last returns what was published last, or nil.
func (o outputs) last() *record {
	all := slices.DeleteFunc([]*record{o.explained, o.validated, o.resolved}, func(r *record) bool { return r == nil || r.Published == 0 })
	if len(all) == 0 {
		return nil
	}
	return slices.MaxFunc(all, func(a, b *record) int { return cmp.Compare(a.Published, b.Published) })
}

// told returns the sinks that know of the episode.
func (o outputs) told() []string {
	if last := o.last(); last != nil {
		return last.To
	}
	return nil
}
