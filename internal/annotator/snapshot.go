//go:build unix

package annotator

import (
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// A Snapshot is what there is to count, since its tally was made, and how much there is now.
// The keys of all maps are closed sets, but for the configured names of sinks and providers
// and the names of queries and facts of package evidence.
type Snapshot struct {
	// Since is when counting began.
	Since time.Time

	// Requests are the webhook's answers by code, Alerts its alerts: firing, resolved, bad.
	Requests       map[int]uint64
	Alerts         map[string]uint64
	RequestSeconds Histogram
	// Truncated counts alerts that Alertmanager kept back, Duplicates messages without news.
	Truncated, Duplicates uint64

	Depth store.Depth
	// Storm tells whether there is one.
	Storm bool

	Jobs       map[Job]uint64
	JobSeconds map[string]Histogram // by step
	// FirstSeconds are from the news of an episode to its first explanation.
	FirstSeconds Histogram
	// Reconciled: done and failed count looks at the list of alerts; closed, ended and opened
	// what was healed by them.
	Reconciled map[string]uint64

	Queries      map[Query]uint64
	FactsSeconds Histogram
	// Withheld counts labels that were not shown to anybody outside, Suspect is by the label.
	Withheld uint64
	Suspect  map[string]uint64

	Models       map[Asked]uint64
	ModelSeconds map[string]Histogram // by provider
	Tokens       map[Tokens]uint64
	Cost         map[string]float64 // by provider, in the currency of its prices
	// Skipped is by the reason: those of package model, "cached" and "storm".
	Skipped map[string]uint64
	// Rejections are by the code of package answer.
	Rejections map[string]uint64
	// Cache is by the result: hit and miss.
	Cache map[string]uint64
	// Providers are in their order.
	Providers []model.Status
	// TokensLeft is of today's budget; false if there is no limit.
	TokensLeft    int64
	TokensLimited bool

	Explanations map[Said]uint64

	// Proposals counts changes to a state, Refused rules that were not fit, by the code.
	Proposals map[State]uint64
	Refused   map[string]uint64

	Sent map[Sent]uint64
	// Paused and Unfit are by the sink: whether it rests, and whether its check failed.
	Paused, Unfit map[string]bool

	// Feedback is by whether it was useful.
	Feedback map[bool]uint64
}

// The keys of a Snapshot.
type (
	// A Job is a step and how it ended: done, failed, postponed, released, stale or dead.
	Job struct{ Step, Result string }
	// A Query is the name of a fact, and "ok" or why it is not known.
	Query struct{ Name, Result string }
	// An Asked is a request to a provider, and its class.
	Asked struct{ Provider, Class string }
	// Tokens are of a kind: prompt or completion.
	Tokens struct{ Provider, Kind string }
	// Said is who explained, and what.
	Said struct{ By, Verdict, Confidence string }
	// Sent is a sink, and "ok", "unreadable" or a class of package sink.
	Sent struct{ Sink, Class string }
)

// Snapshot counts. What the store cannot tell is left out and logged.
func (e *Engine) Snapshot() Snapshot {
	s := e.Tally.snapshot()
	var err error
	if s.Depth, err = e.Store.Depth(); err != nil {
		e.Logger.Warn("store not counted", "err", err)
	}
	if s.Storm, err = e.Storm(); err != nil {
		e.Logger.Warn("open episodes not counted", "err", err)
	}
	if e.Model != nil {
		s.Providers = e.Model.Status()
		s.TokensLeft, s.TokensLimited = e.Model.TokensLeft()
	}
	return s
}
