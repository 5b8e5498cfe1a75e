//go:build unix

package annotator

import (
	"maps"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// A Tally counts for a [Snapshot] what engines do that run one after the other.
type Tally struct {
	mu sync.Mutex
	s  Snapshot
}

// NewTally returns a tally that begins to count now.
func NewTally(now time.Time) *Tally {
	return &Tally{s: Snapshot{
		Since:    now,
		Requests: map[int]uint64{}, Alerts: map[string]uint64{}, Jobs: map[Job]uint64{}, JobSeconds: map[string]Histogram{},
		Reconciled: map[string]uint64{}, Queries: map[Query]uint64{}, Suspect: map[string]uint64{}, Models: map[Asked]uint64{},
		ModelSeconds: map[string]Histogram{}, Tokens: map[Tokens]uint64{}, Cost: map[string]float64{}, Skipped: map[string]uint64{},
		Rejections: map[string]uint64{}, Cache: map[string]uint64{}, Explanations: map[Said]uint64{}, Proposals: map[State]uint64{},
		Refused: map[string]uint64{}, Sent: map[Sent]uint64{}, Paused: map[string]bool{}, Unfit: map[string]bool{}, Feedback: map[bool]uint64{},
	}}
}

// snapshot returns a copy.
func (t *Tally) snapshot() Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.s
	s.Requests, s.Alerts, s.Jobs, s.JobSeconds = maps.Clone(s.Requests), maps.Clone(s.Alerts), maps.Clone(s.Jobs), maps.Clone(s.JobSeconds)
	s.Reconciled, s.Queries, s.Suspect, s.Models = maps.Clone(s.Reconciled), maps.Clone(s.Queries), maps.Clone(s.Suspect), maps.Clone(s.Models)
	s.ModelSeconds, s.Tokens, s.Cost, s.Skipped = maps.Clone(s.ModelSeconds), maps.Clone(s.Tokens), maps.Clone(s.Cost), maps.Clone(s.Skipped)
	s.Rejections, s.Cache, s.Explanations, s.Proposals = maps.Clone(s.Rejections), maps.Clone(s.Cache), maps.Clone(s.Explanations), maps.Clone(s.Proposals)
	s.Refused, s.Sent, s.Paused, s.Unfit, s.Feedback = maps.Clone(s.Refused), maps.Clone(s.Sent), maps.Clone(s.Paused), maps.Clone(s.Unfit), maps.Clone(s.Feedback)
	return s
}

// begin forgets how sinks were, which the engine that begins finds out anew.
func (t *Tally) begin() {
	t.with(func(s *Snapshot) {
		clear(s.Paused)
		clear(s.Unfit)
	})
}

// with changes the counts.
func (t *Tally) with(change func(s *Snapshot)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.s)
}

func observe(all map[string]Histogram, key string, took time.Duration) {
	h := all[key]
	h.add(took)
	all[key] = h
}

func (t *Tally) webhook(o webhook.Outcome) {
	t.with(func(s *Snapshot) {
		s.Requests[o.Code]++
		s.RequestSeconds.add(o.Took)
		s.Alerts["firing"] += uint64(o.Firing)
		s.Alerts["resolved"] += uint64(o.Resolved)
		s.Alerts["bad"] += uint64(o.Bad)
		s.Truncated += uint64(o.Truncated)
		if o.Code == 200 {
			s.Duplicates++
		}
	})
}

func (t *Tally) job(step store.Step, result string, took time.Duration) {
	t.with(func(s *Snapshot) {
		s.Jobs[Job{step.String(), result}]++
		if result != "stale" && result != "dead" {
			observe(s.JobSeconds, step.String(), took)
		}
	})
}

func (t *Tally) first(took time.Duration) { t.with(func(s *Snapshot) { s.FirstSeconds.add(took) }) }

func (t *Tally) reconcile(kind string) { t.with(func(s *Snapshot) { s.Reconciled[kind]++ }) }

// facts counts what was asked for: each fact of now and before is a result.
func (t *Tally) facts(set *fact.Set, took time.Duration) {
	t.with(func(s *Snapshot) {
		s.FactsSeconds.add(took)
		for _, f := range set.Facts {
			s.Queries[Query{f.Name, "ok"}]++
		}
		for _, g := range set.Gaps {
			s.Queries[Query{g.Name, string(g.Why)}]++
		}
		s.Withheld += uint64(set.Withheld)
		for _, name := range set.Suspect {
			s.Suspect[suspectLabel(name)]++
		}
	})
}

// suspectLabel keeps names that strangers choose out of metrics.
func suspectLabel(name string) string {
	if fact.Allowed(name) {
		return name
	}
	return "other"
}

func (t *Tally) asked(attempts []model.Attempt) {
	t.with(func(s *Snapshot) {
		for _, a := range attempts {
			if a.Skip != "" {
				s.Skipped[string(a.Skip)]++
				continue
			}
			s.Models[Asked{a.Provider, string(a.Class)}]++
			observe(s.ModelSeconds, a.Provider, a.Took)
			s.Tokens[Tokens{a.Provider, "prompt"}] += uint64(a.Usage.PromptTokens)
			s.Tokens[Tokens{a.Provider, "completion"}] += uint64(a.Usage.CompletionTokens)
			s.Cost[a.Provider] += a.Usage.Cost
			if a.Code != "" {
				s.Rejections[a.Code]++
			}
		}
	})
}

func (t *Tally) skip(why string) { t.with(func(s *Snapshot) { s.Skipped[why]++ }) }

func (t *Tally) cache(hit bool) {
	t.with(func(s *Snapshot) {
		if hit {
			s.Cache["hit"]++
			s.Skipped["cached"]++
		} else {
			s.Cache["miss"]++
		}
	})
}

func (t *Tally) reject(code answer.Code) {
	t.with(func(s *Snapshot) { s.Rejections[string(code)]++ })
}

func (t *Tally) explained(r record) {
	if x := r.Said.Explanation; r.Answer != nil {
		t.with(func(s *Snapshot) { s.Explanations[Said{x.By, x.Verdict, x.Confidence}]++ })
	}
}

func (t *Tally) proposal(state State) { t.with(func(s *Snapshot) { s.Proposals[state]++ }) }

func (t *Tally) refuse(code string) { t.with(func(s *Snapshot) { s.Refused[code]++ }) }

func (t *Tally) sent(sink, class string) {
	t.with(func(s *Snapshot) { s.Sent[Sent{sink, class}]++ })
}

func (t *Tally) pause(sink string, paused bool) {
	t.with(func(s *Snapshot) { s.Paused[sink] = paused })
}

func (t *Tally) check(sink string, err error) {
	t.with(func(s *Snapshot) { s.Unfit[sink] = err != nil })
}

func (t *Tally) feedback(useful bool) { t.with(func(s *Snapshot) { s.Feedback[useful]++ }) }
