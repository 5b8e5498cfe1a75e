package api

import (
	"net/http"
	"time"

	"github.com/packetscope/packetscope/internal/annotator"
)

// A Suggestion is a rule for the packet filter that is proposed. It is never installed from
// here: the operator of the host fetches it, has it checked there, and puts it in force.
type Suggestion struct {
	ID      string `json:"id"`
	Episode string `json:"episode"`
	State   string `json:"state"`  // pending, approved, rejected or expired
	By      string `json:"by"`     // builtin or model
	Action  string `json:"action"` // monitor, ratelimit or drop
	// TTL is for how long the rule would be in force.
	TTL Duration `json:"ttl"`
	// MatchedShare is, of the live packets that the rule matches, the share of those of
	// established two-way traffic, 0 to 1; missing if nobody has looked.
	MatchedShare *float64 `json:"matched_share,omitempty"`
	YAML         string   `json:"yaml"`
	// Warnings are what the decoder of policies says of it.
	Warnings []string  `json:"warnings"`
	Created  time.Time `json:"created"`
	// Ends is until when it can be decided, or is in force if it is approved.
	Ends time.Time `json:"ends"`
	// Decided is when, Actor by whom, and Reason why; missing while it is pending.
	Decided time.Time `json:"decided,omitzero"`
	Actor   string    `json:"actor,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

func suggestionOf(p annotator.Proposal) Suggestion {
	return Suggestion{
		ID: p.ID, Episode: p.Episode, State: string(p.State), By: p.By, Action: p.Action, TTL: Duration(p.TTL), MatchedShare: p.MatchedShare, YAML: p.YAML,
		Warnings: some(p.Warnings), Created: p.Created, Ends: p.Ends, Decided: p.Decided, Actor: p.Actor, Reason: p.Reason,
	}
}

// An Approval is the body of a request to approve.
type Approval struct {
	// TTL is for how long the rule shall be in force; missing is as proposed.
	TTL    Duration `json:"ttl"`
	Reason string   `json:"reason"`
	// MatchedShare is as that of a suggestion, of who approves and has looked; missing
	// leaves that of the suggestion.
	MatchedShare *float64 `json:"matched_share"`
}

// A Rejection is the body of a request to reject.
type Rejection struct {
	Reason string `json:"reason"`
}

const mostReason = 500 // bytes

func (h *Handler) suggestions(q *request) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	proposals, err := h.Engine.Proposals()
	if err != nil {
		return nil, err
	}
	return struct {
		Suggestions []Suggestion `json:"suggestions"`
	}{all(proposals, suggestionOf)}, nil
}

func (h *Handler) suggestion(q *request) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	return h.findSuggestion(q.id)
}

func (h *Handler) findSuggestion(id string) (Suggestion, error) {
	proposals, err := h.Engine.Proposals()
	if err != nil {
		return Suggestion{}, err
	}
	for _, p := range proposals {
		if p.ID == id {
			return suggestionOf(p), nil
		}
	}
	return Suggestion{}, fault{http.StatusNotFound, "there is no suggestion of this name"}
}

func (h *Handler) approve(q *request) (any, error) {
	var a Approval
	if err := q.body(&a); err != nil {
		return nil, err
	}
	if a.TTL < 0 {
		return nil, invalid("ttl %s is negative", time.Duration(a.TTL))
	}
	if s := a.MatchedShare; s != nil && (*s < 0 || *s > 1) {
		return nil, invalid("matched_share %v is not from 0 to 1", *s)
	}
	return h.decide(q, annotator.Decision{Approve: true, TTL: time.Duration(a.TTL), Reason: a.Reason, MatchedShare: a.MatchedShare})
}

func (h *Handler) reject(q *request) (any, error) {
	var r Rejection
	if err := q.body(&r); err != nil {
		return nil, err
	}
	return h.decide(q, annotator.Decision{Reason: r.Reason})
}

func (h *Handler) decide(q *request, d annotator.Decision) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	if err := text("reason", d.Reason, mostReason); err != nil {
		return nil, err
	}
	if err := h.Engine.Decide(q.id, q.actor, d); err != nil {
		return nil, err
	}
	return h.findSuggestion(q.id)
}
