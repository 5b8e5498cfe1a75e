//go:build unix

package annotator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// A State says what became of a proposal.
type State string

// The states. Only what is pending can be approved or rejected; what is approved expires when
// the time that it was approved for is over, what is pending when its alert has ended or
// nobody has decided in time. What expired is pending again if it is proposed again.
const (
	Pending  State = "pending"
	Approved State = "approved"
	Rejected State = "rejected"
	Expired  State = "expired"
)

// States are all of them, for metrics.
var States = []State{Pending, Approved, Rejected, Expired}

// A Proposal is a rule that is proposed to the operator of a host. Nothing here installs it.
type Proposal struct {
	// ID is 12 hexadecimal digits, the same whenever the same rule is proposed in an episode,
	// also after it expired.
	ID      string `json:"id"`
	Episode string `json:"episode"`
	State   State  `json:"state"`
	By      string `json:"by"` // "builtin" or "model"
	YAML    string `json:"yaml"`
	// Warnings are what the decoder of policies says of it.
	Warnings []string `json:"warnings,omitempty"`
	Action   string   `json:"action"`
	// MatchedShare is, of the live packets that the rule matched when it was proposed, the
	// share of those of established two-way traffic, 0 to 1; nil if it was not known. Who
	// approves may have looked again.
	MatchedShare *float64      `json:"matched_share,omitempty"`
	TTL          time.Duration `json:"ttl"`
	Created      time.Time     `json:"created"`
	// Ends is until when it can be decided, or is in force if it is approved.
	Ends time.Time `json:"ends"`
	// Decided, Actor and Reason are of the last change of the state.
	Decided time.Time `json:"decided,omitzero"`
	Actor   string    `json:"actor,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// Errors that a caller may match.
var (
	// ErrUnknown is of an episode or a proposal that there is none of.
	ErrUnknown = store.ErrUnknown
	// ErrDecided is of a proposal that is not pending any more.
	ErrDecided = errors.New("it is decided already")
	// ErrRequest is of a request that cannot be followed as it is.
	ErrRequest = errors.New("wrong request")
)

// self is the actor of what no person did.
const self = "annotator"

// keepProposals is how long proposals are kept, in whatever state.
const keepProposals = 30 * 24 * time.Hour

// mostReason is the most bytes of a reason or a note, mostActor of a name.
const (
	mostReason = 500
	mostActor  = 100
)

// propose keeps the rule that an answer proposes, if there is one that is fit, and returns
// what sinks say of it. One that expired can be decided again if it is proposed again while
// something fires.
func (e *Engine) propose(ctx context.Context, episode store.Episode, instance string, g answer.Ground, a answer.Answer, v voice) (*sink.Suggestion, error) {
	d, fit := e.draft(ctx, episode.ID, instance, g, a)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx) // what was not found out in time is no finding
	case !fit:
		return nil, nil
	}
	if err := e.expire(); err != nil {
		return nil, err
	}
	e.decides.Lock()
	defer e.decides.Unlock()
	all, err := e.proposals()
	if err != nil {
		return nil, err
	}
	id := shortHash(episode.ID, string(d.YAML))
	p, known := all[id]
	if !known || p.State == Expired && episode.Open() {
		pending := 0
		for _, other := range all {
			if other.State == Pending {
				pending++
			}
		}
		if pending >= e.config.MaxOpen {
			e.Tally.refuse("too_many_open")
			return nil, nil
		}
		now := e.Now().UTC()
		p = Proposal{
			ID: id, Episode: episode.ID, State: Pending, By: v.by, YAML: string(d.YAML), Warnings: d.Warnings, Action: string(d.Action),
			MatchedShare: d.share, TTL: min(d.TTL, e.config.MaxTTL), Created: now, Ends: now.Add(e.config.Pending),
		}
		if err := e.keep(p, self, "propose", d.detail()); err != nil {
			return nil, err
		}
	}
	return &sink.Suggestion{ID: p.ID, YAML: p.YAML, Action: p.Action, TTL: p.TTL, State: string(p.State), MatchedShare: p.MatchedShare}, nil
}

// refresh says what has become of a proposal that sinks were told of.
func (e *Engine) refresh(s *sink.Suggestion) (*sink.Suggestion, error) {
	if s == nil {
		return nil, nil
	}
	all, err := e.proposals()
	if p, ok := all[s.ID]; ok {
		now := *s
		now.State, now.TTL, now.MatchedShare = string(p.State), p.TTL, p.MatchedShare
		s = &now
	}
	return s, err
}

// keep writes who changes a proposal into the audit log, and then the proposal: a crash in
// between leaves an entry too many, never one too few.
func (e *Engine) keep(p Proposal, actor, action, detail string) error {
	if _, err := e.Store.Audit(store.AuditEntry{Actor: actor, Action: action, Object: "proposal " + p.ID, Detail: detail}); err != nil {
		return err
	}
	e.between("audited " + action)
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := e.Store.Proposals().Put(p.ID, text, keepProposals); err != nil {
		return err
	}
	e.Tally.proposal(p.State)
	return nil
}

func (e *Engine) proposals() (map[string]Proposal, error) {
	raw, err := e.Store.Proposals().All()
	if err != nil {
		return nil, err
	}
	all := make(map[string]Proposal, len(raw))
	for id, text := range raw {
		var p Proposal
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, fmt.Errorf("read proposal %q: %w", id, err)
		}
		all[id] = p
	}
	return all, nil
}

// Proposals returns all that are kept, the newest first.
func (e *Engine) Proposals() ([]Proposal, error) {
	if err := e.expire(); err != nil {
		return nil, err
	}
	all, err := e.proposals()
	list := make([]Proposal, 0, len(all))
	for _, p := range all {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Proposal) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	return list, err
}

// A Decision is what becomes of a proposal.
type Decision struct {
	// Approve is false to reject it.
	Approve bool
	// TTL is how long it is approved for; 0 stands for its own.
	TTL    time.Duration
	Reason string
	// MatchedShare is as that of a [Proposal], of who approved it; nil leaves that as it is.
	MatchedShare *float64
}

// Decide approves a proposal or rejects it. The actor is who did so, as the audit log is to
// name him.
//
// Errors are [ErrUnknown], [ErrDecided], [ErrRequest], and of the store.
func (e *Engine) Decide(id, actor string, d Decision) error {
	actor, d.Reason = clean.Line(actor, mostActor), clean.Line(d.Reason, mostReason)
	switch share := d.MatchedShare; {
	case actor == "":
		return fmt.Errorf("decide proposal %q: %w: nobody is named as the one who does", id, ErrRequest)
	case share != nil && !(*share >= 0 && *share <= 1):
		return fmt.Errorf("decide proposal %q: %w: the matched share %v is not from 0 to 1", id, ErrRequest, *share)
	}
	e.decides.Lock()
	defer e.decides.Unlock()
	all, err := e.proposals()
	if err != nil {
		return err
	}
	p, ok := all[id]
	if !ok {
		return fmt.Errorf("decide proposal %q: %w", id, ErrUnknown)
	}
	now := e.Now().UTC()
	if p.State != Pending || !now.Before(p.Ends) {
		return fmt.Errorf("decide proposal %q: %w: %s", id, ErrDecided, p.State)
	}
	action, detail := "reject", d.Reason
	p.State, p.Decided, p.Actor, p.Reason = Rejected, now, actor, d.Reason
	if d.Approve {
		ttl := cmp.Or(d.TTL, p.TTL)
		if ttl < time.Minute || ttl > e.config.MaxTTL {
			return fmt.Errorf("decide proposal %q: %w: %s is not from 1m to %s", id, ErrRequest, ttl, e.config.MaxTTL)
		}
		p.State, p.TTL, p.Ends = Approved, ttl, now.Add(ttl)
		action, detail = "approve", "for "+ttl.String()
		if d.MatchedShare != nil {
			p.MatchedShare = d.MatchedShare
			detail += fmt.Sprintf(", matched share %.4g", *d.MatchedShare)
		}
		if d.Reason != "" {
			detail += ": " + d.Reason
		}
	}
	return e.keep(p, actor, action, detail)
}

// expire ends what is over.
func (e *Engine) expire() error {
	now := e.Now()
	return e.endWhere("its time is over", func(p Proposal) bool { return !now.Before(p.Ends) && (p.State == Pending || p.State == Approved) })
}

// endProposals ends what nobody has decided before the episode was over.
func (e *Engine) endProposals(episode string) error {
	return e.endWhere("its episode is over", func(p Proposal) bool { return p.State == Pending && p.Episode == episode })
}

func (e *Engine) endWhere(why string, over func(Proposal) bool) error {
	e.decides.Lock()
	defer e.decides.Unlock()
	all, err := e.proposals()
	if err != nil {
		return err
	}
	for _, p := range all {
		if !over(p) {
			continue
		}
		p.State, p.Decided, p.Actor, p.Reason = Expired, e.Now().UTC(), self, why
		if err := e.keep(p, self, "expire", why); err != nil {
			return err
		}
	}
	return nil
}
