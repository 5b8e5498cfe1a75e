package locator

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/history"
	"github.com/packetscope/packetscope/internal/locator/names"
	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/locator/passive"
	"github.com/packetscope/packetscope/internal/locator/plan"
	"github.com/packetscope/packetscope/internal/locator/talkers"
)

// Parts are what an [Engine] works with. The caller closes them after Run has returned.
type Parts struct {
	Network Network
	// Atlas and Blocklists are nil without databases and lists.
	Atlas      *geo.Atlas
	Blocklists *geo.Blocklists
	// Resolver is [net.DefaultResolver] if it is nil.
	Resolver Resolver
	// Names are those of hops; nil: they have none.
	Names *names.Names
	// Connections are those of this host, for [Config.Discover]; nil: a [passive.Reader].
	Connections Connections
	// Flows tells what was moved since it was called the last time; nil: nobody knows.
	// It is called from one goroutine at a time.
	Flows func() []talkers.Flow
	// Logger tells of changes; nil: nobody.
	Logger *slog.Logger

	haste haste
}

// haste is for tests that have no time to lose. Its zero value is right for all others.
type haste struct {
	limits  plan.Config
	changes change.Config
	// again is after which time branches are looked for again: 30 min, and up to as much
	// more.
	again time.Duration
}

// A Resolver finds the addresses of a host, as [net.Resolver] does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// An Engine measures paths.
type Engine struct {
	parts    Parts
	logger   *slog.Logger
	wake     chan struct{}
	resolved chan resolution
	scanned  chan scan

	// mu guards all below. Run holds it but while it waits.
	mu    sync.Mutex
	cfg   Config
	since time.Time
	plan  *plan.Scheduler
	// order are the destinations as they are shown, byKey by their name in the plan.
	order   []*destination
	byKey   map[string]*destination
	added   int // numbers the keys
	refused uint64
	facts   facts
	found   finder
	history *history.Store
	// earlier are counts of schedulers that were replaced.
	earlier plan.Counts
	newest  *Snapshot
}

// New returns an engine that measures nothing until [Engine.Run]. It fails if the
// history cannot be opened.
func New(cfg Config, parts Parts) (*Engine, error) {
	if parts.Resolver == nil {
		parts.Resolver = net.DefaultResolver
	}
	e := &Engine{
		parts: parts, logger: parts.Logger, wake: make(chan struct{}, 1), resolved: make(chan resolution), scanned: make(chan scan),
		cfg: cfg.withDefaults(), since: time.Now(), byKey: make(map[string]*destination), facts: newFacts(),
	}
	if parts.haste.again == 0 {
		e.parts.haste.again = 30 * time.Minute
	}
	if parts.Connections == nil {
		e.parts.Connections = passive.NewReader()
	}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if e.history, err = openHistory(e.cfg, e.logger); err != nil {
		return nil, err
	}
	e.plan = e.newPlan()
	e.setDestinations(e.cfg.Destinations)
	return e, nil
}

func (e *Engine) newPlan() *plan.Scheduler {
	limits, cfg := e.parts.haste.limits, e.cfg
	limits.Interval, limits.Global, limits.MaxTTL, limits.Seed = cfg.Interval, cfg.Rate, cfg.MaxTTL, uint64(time.Now().UnixNano())
	if limits.Destination.PerSecond == 0 {
		limits.Destination = plan.Rate{PerSecond: float64(cfg.DestinationRate), Burst: discoveryBurst}
	}
	return plan.New(limits)
}

// discoveryBurst is how many packets a destination gets at once, see [plan.Config].
const discoveryBurst = 48

// often is how often the models are looked at.
const often = time.Second

// Run measures until the context ends.
func (e *Engine) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer e.close()
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	answers := e.parts.Network.Answers()
	for {
		select {
		case <-ctx.Done():
			return nil
		case a, ok := <-answers:
			if !ok {
				return ErrNetworkClosed
			}
			e.take(a, answers)
		case r := <-e.resolved:
			e.use(r)
		case s := <-e.scanned:
			e.useScan(s)
		case <-e.wake:
		case <-timer.C:
		}
		timer.Reset(time.Until(e.step(ctx, &background)))
	}
}

// take takes an answer, and those that wait behind it.
func (e *Engine) take(a network.Answer, answers <-chan network.Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		e.answer(a)
		select {
		case next, ok := <-answers:
			if !ok {
				return
			}
			a = next
		default:
			return
		}
	}
}

// step does what is due, and returns when it is to be called again.
func (e *Engine) step(ctx context.Context, background *sync.WaitGroup) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	next := now.Add(often)
	for _, d := range e.order {
		if !now.Before(d.resolveAt) && !d.resolving {
			e.resolve(ctx, d, background)
		}
		if d.watched() && !now.Before(d.tickAt) {
			e.tick(d, now)
		}
	}
	e.look(ctx, now, background)
	if wake := e.send(now); !wake.IsZero() && wake.Before(next) {
		next = wake
	}
	if least := now.Add(min(e.plan.Interval()/gather, often)); next.Before(least) && !e.plan.Searching() {
		next = least
	}
	return next
}

// gather is in how many parts of an interval probes of the rounds are sent together: 50 ms
// by default. To wake up costs more than to send.
const gather = 200

// Apply puts another configuration in force. Destinations that are in both go on as they
// were. Where the history is kept cannot be changed; that it differs is ignored.
func (e *Engine) Apply(cfg Config) error {
	cfg = cfg.withDefaults()
	e.mu.Lock()
	defer e.mu.Unlock()
	replan := cfg.Interval != e.cfg.Interval || cfg.Rate != e.cfg.Rate || cfg.DestinationRate != e.cfg.DestinationRate || cfg.MaxTTL != e.cfg.MaxTTL
	cfg.History, cfg.HistoryBytes, cfg.HistoryAge = e.cfg.History, e.cfg.HistoryBytes, e.cfg.HistoryAge
	e.cfg = cfg
	if replan {
		e.replan()
	}
	e.setDestinations(append(slices.Clone(cfg.Destinations), e.found.destinations(cfg.Discover)...))
	e.newest = nil
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return nil
}

// replan begins with another scheduler, which looks for all paths again.
func (e *Engine) replan() {
	e.earlier = sum(e.earlier, e.plan.Counts())
	e.plan = e.newPlan()
	for _, d := range e.order {
		if d.watched() {
			e.plan.Add(d.target(), time.Now())
		}
	}
}

// Snapshot returns what is known. It is made anew at most once a second.
func (e *Engine) Snapshot() *Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := time.Now(); e.newest == nil || now.Sub(e.newest.At) >= often {
		e.newest = e.snapshot(now)
	}
	return e.newest
}

func (e *Engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for _, d := range e.order {
		e.checkpoint(d, now)
	}
	if e.history != nil {
		e.history.Close()
	}
}
