//go:build unix

package annotator

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// Parts are what an engine joins. It closes none of them.
type Parts struct {
	Store *store.Store
	// Querier is Prometheus. If nil nothing is known but the alerts themselves.
	Querier evidence.Querier
	// Model is asked behind the built-in explainer. If nil that is all there is. Its Keeper
	// should be a [Keeper]. It needs no cache: that is here, since answers are kept without
	// names, for all questions that differ in names only.
	Model *model.Client
	Sinks []sink.Sink
	// Exporters are asked about the host of an alert. If nil nobody is: no sources that
	// Guarder hits are known, and no rule that takes packets away can be proposed.
	Exporters Exporters
	// Place tells where an address belongs. If nil its kind alone is known.
	Place func(netip.Addr) evidence.Place
	// Background, if not nil, runs beside the engine until its context ends.
	Background func(context.Context)
	// Alerts lists what Alertmanager holds for active. If nil nothing is reconciled.
	Alerts AlertLister
	// Tally goes on with the counts of an engine before. If nil they begin anew.
	Tally *Tally
	// Logger may be nil.
	Logger *slog.Logger
	// Now is the wall clock, that of the machine if nil.
	Now func() time.Time
	// Random is where markers of prompts come from, that of the machine if nil.
	Random io.Reader
}

// Config says how much an engine may do. Zero is the default.
type Config struct {
	// Limits of facts: [evidence.Defaults].
	Limits evidence.Limits
	// Links are put into messages. EpisodeURL is a prefix behind which the episode's name
	// goes; either may be empty.
	DashboardURL, EpisodeURL string
	// Storm is the number of open episodes from which on they are a storm: 50.
	Storm int
	// Asked is how many of the most severe episodes a model is asked about in a storm: 5.
	Asked int
	// Quiet names sinks that get no other first message in a storm than those of the storm
	// itself and of the most severe episodes.
	Quiet []string
	// Values shows models addresses and names in place of their handles.
	Values bool
	// Suggest are the limits of proposed rules. If no source may be in one, as in the zero
	// value, nothing is proposed.
	Suggest propose.Limits
	// Cache is how long answers of models are kept: an hour.
	Cache time.Duration
	// Workers do all steps but asking: 4. Askers are questions to the model at a time: 2, and
	// one more that is about a critical episode.
	Workers, Askers int
	// Stage is the time for the model, from the news on: 10 minutes.
	Stage time.Duration
	// Reconcile is how often the list of alerts is looked at: each minute.
	Reconcile time.Duration
	// Check is how often sinks are checked, and the store is pruned: each hour.
	Check time.Duration
	// Send is the time for one delivery: 30 s.
	Send time.Duration
	// Grace is for how long what is at hand may go on when the engine is to end: 5 s.
	Grace time.Duration
	// Pending is for how long a proposal may be decided: a day. MaxTTL is the most time that
	// one may be approved for: 4 hours. MaxOpen is how many may be pending: 20.
	Pending, MaxTTL time.Duration
	MaxOpen         int
}

func (c Config) withDefaults() Config {
	if c.Limits == (evidence.Limits{}) {
		c.Limits = evidence.Defaults
	}
	c.Storm = cmp.Or(c.Storm, 50)
	c.Asked = cmp.Or(c.Asked, 5)
	c.Workers = cmp.Or(c.Workers, 4)
	c.Askers = cmp.Or(c.Askers, 2)
	c.Cache = cmp.Or(c.Cache, time.Hour)
	c.Stage = cmp.Or(c.Stage, 10*time.Minute)
	c.Reconcile = cmp.Or(c.Reconcile, time.Minute)
	c.Check = cmp.Or(c.Check, time.Hour)
	c.Send = cmp.Or(c.Send, 30*time.Second)
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	c.Pending = cmp.Or(c.Pending, 24*time.Hour)
	c.MaxTTL = cmp.Or(c.MaxTTL, 4*time.Hour)
	c.MaxOpen = cmp.Or(c.MaxOpen, 20)
	return c
}

// An Engine is the pipeline.
type Engine struct {
	config Config
	Parts

	askers   chan struct{}
	reserved chan struct{} // for questions about critical episodes
	asking   asking
	storm    stormWatch
	missed   missed
	decides  sync.Mutex // over proposals, which are read and then written

	// between, if not nil, is called between any two things of which the process may die.
	between func(where string)
}

// New returns an engine. The error tells that there is no store, of a sink that is there twice, or
// of a quiet one that there is not.
func New(c Config, p Parts) (*Engine, error) {
	if p.Store == nil {
		return nil, errors.New("make engine: a store is needed")
	}
	if p.Querier == nil {
		p.Querier = nobody{}
	}
	names := map[string]bool{}
	for _, s := range p.Sinks {
		if names[s.Name()] {
			return nil, fmt.Errorf("make engine: two sinks are named %q: what they remember would be mixed", s.Name())
		}
		names[s.Name()] = true
	}
	for _, name := range c.Quiet {
		if !names[name] {
			return nil, fmt.Errorf("make engine: quiet sink %q is none of the sinks", name)
		}
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Random == nil {
		p.Random = rand.Reader
	}
	if p.Tally == nil {
		p.Tally = NewTally(p.Now())
	}
	c = c.withDefaults()
	e := &Engine{config: c, Parts: p, askers: make(chan struct{}, c.Askers), reserved: make(chan struct{}, 1), between: func(string) {}}
	e.asking.cancels = map[string]context.CancelCauseFunc{}
	return e, nil
}

// Run works until ctx ends, and then finishes what is at hand or gives it back. The error is
// of a store that cannot be read or written any more.
func (e *Engine) Run(ctx context.Context) error {
	e.Tally.begin()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// What is at hand outlives ctx by the grace.
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	stop := context.AfterFunc(ctx, func() {
		late := time.NewTimer(e.config.Grace)
		defer late.Stop()
		select {
		case <-late.C:
			end()
		case <-work.Done():
		}
	})
	defer stop()

	var all sync.WaitGroup
	var once sync.Once
	var fault error
	start := func(run func(ctx, work context.Context) error) {
		all.Go(func() {
			if err := run(ctx, work); err != nil {
				once.Do(func() { fault = err })
				cancel(err)
			}
		})
	}
	for range e.config.Workers {
		start(e.work)
	}
	for _, s := range e.Sinks {
		start(func(ctx, work context.Context) error { return e.deliver(ctx, work, s) })
		start(func(ctx, _ context.Context) error { return e.check(ctx, s) })
	}
	if e.Background != nil {
		start(func(ctx, _ context.Context) error { e.Background(ctx); return nil })
	}
	start(func(ctx, _ context.Context) error { return every(ctx, e.config.Check, e.prune) })
	start(func(ctx, _ context.Context) error { return every(ctx, e.config.Reconcile, e.tend) })
	all.Wait()
	e.asking.wait.Wait()
	if fault != nil {
		return fmt.Errorf("run annotator: %w", fault)
	}
	return nil
}

// every calls fn at once and then again and again, until ctx ends or it returns an error.
func every(ctx context.Context, pause time.Duration, fn func(context.Context) error) error {
	for {
		if err := fn(ctx); err != nil {
			return err
		}
		if !rest(ctx, pause) {
			return nil
		}
	}
}

// rest waits and reports whether ctx goes on.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// prune removes from the store what is too old.
func (e *Engine) prune(ctx context.Context) error {
	if err := e.Store.Prune(ctx); err != nil && ctx.Err() == nil {
		e.Logger.Warn("store not pruned", "err", err)
	}
	return nil
}

// tend does what is to be done each minute. The error is of a store that writes no more, which
// nothing else may notice while there is nothing to do.
func (e *Engine) tend(ctx context.Context) error {
	e.reconcile(ctx)
	if err := e.watchStorm(ctx); err != nil && ctx.Err() == nil {
		e.Logger.Warn("open episodes not counted", "err", err)
	}
	if err := e.expire(); err != nil {
		e.Logger.Warn("proposals not looked through", "err", err)
	}
	return e.Store.Err()
}

// sinkNames returns the names of the sinks in their order.
func (e *Engine) sinkNames() []string {
	var names []string
	for _, s := range e.Sinks {
		names = append(names, s.Name())
	}
	return names
}

// quiet tells whether a sink is spared in storms.
func (e *Engine) quiet(name string) bool { return slices.Contains(e.config.Quiet, name) }
