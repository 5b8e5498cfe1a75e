//go:build unix

package annotator

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// An Opinion is what somebody said of an explanation.
type Opinion struct {
	Episode string    `json:"episode"`
	Actor   string    `json:"actor"`
	Time    time.Time `json:"time"`
	Useful  bool      `json:"useful"`
	// Verdict is the right one, or "" if nobody has said.
	Verdict answer.Verdict `json:"verdict,omitempty"`
	Note    string         `json:"note,omitempty"`
}

const keepFeedback = 90 * 24 * time.Hour

// Feedback keeps what somebody says of an episode's explanation, in place of what he has said
// before. Errors are [ErrUnknown], [ErrRequest], and of the store.
func (e *Engine) Feedback(id, actor string, useful bool, verdict, note string) error {
	actor = clean.Line(actor, mostActor)
	v := answer.Verdict(verdict)
	switch {
	case actor == "":
		return fmt.Errorf("keep feedback: %w: nobody is named as the one who says it", ErrRequest)
	case verdict != "" && v.Words() == "":
		return fmt.Errorf("keep feedback: %w: there is no verdict %.40q", ErrRequest, verdict)
	case len(note) > mostReason:
		return fmt.Errorf("keep feedback: %w: the note has %d bytes, more than %d", ErrRequest, len(note), mostReason)
	}
	if _, err := e.Store.Episode(id); errors.Is(err, store.ErrUnknown) {
		return fmt.Errorf("keep feedback on %.20q: %w episode", id, ErrUnknown)
	} else if err != nil {
		return err
	}
	o := Opinion{Episode: id, Actor: actor, Time: e.Now().UTC(), Useful: useful, Verdict: v, Note: clean.Line(note, mostReason)}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	detail := "not useful"
	if useful {
		detail = "useful"
	}
	if _, err := e.Store.Audit(store.AuditEntry{Actor: actor, Action: "feedback", Object: "episode " + id, Detail: detail}); err != nil {
		return err
	}
	if err := e.Store.Feedback().Put(id+" "+shortHash(actor), text, keepFeedback); err != nil {
		return err
	}
	e.Tally.feedback(useful)
	return nil
}
