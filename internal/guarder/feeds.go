//go:build linux

package guarder

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A feeder is what an engine knows of its feeds. The engine's lock is held for all of it
// but the constants.
type feeder struct {
	fetcher *feed.Fetcher
	folder  feed.Folder
	around  func() (feed.Host, error)
	results chan fetched

	states map[string]*feedState // by keyOf
	// wants changes with what is to be listed, and has is what it was when the table in
	// force was made; 0 was made by an agent before.
	wants, has uint64
	table      feedTable
	// inherited tells that an agent before has left a table, which is in force until the
	// first of this one.
	inherited bool
	// retry is when a table is made again after that has failed.
	retry time.Time
}

// feedTable is what is known of the table in force.
type feedTable struct {
	bytes uint64
	host  feed.Host
	// ends is when the first entry is over; zero if none is ever.
	ends, made time.Time
	// rest is until when no other is made for lists that have changed.
	rest time.Time
}

// A feedState is a feed of a policy in force, or of the one before it on a trial.
type feedState struct {
	feed policy.Feed
	// kept is the last good list, or nil; loaded tells that the disk was asked for it.
	kept     *feed.Kept
	loaded   bool
	listed   *feed.List // in the table in force
	cut      feed.Cut
	next     time.Time // when it is asked for again
	busy     bool      // it is being asked for
	asked    bool      // and was answered, one way or the other
	failures int       // in a row
	refusal  *feed.Refusal
	refusals map[feed.Reason]uint64
}

// fetched is what came of asking for a list.
type fetched struct {
	key  string
	feed policy.Feed
	list *feed.List
	tag  feed.Tag
	err  error
}

const (
	// feedsEvery is how often an engine looks after its feeds.
	feedsEvery = time.Second
	// aroundEvery is how often it asks what must not be listed.
	aroundEvery = 10 * time.Second
	// endsEvery is how often a table is made only because entries are over: it takes a
	// moment of the processor for large lists.
	endsEvery = 10 * time.Second
	// tableRest is how many times as long as it took to make a table the next one waits, so
	// that feeds that change all the time take a twentieth of the processor at most; and
	// longestRest how long it waits at most.
	tableRest   = 20
	longestRest = 10 * time.Second
	// tableRetry is the pause after a table could not be made.
	tableRetry = 30 * time.Second
	// feedFolder is in the folder of an agent's state.
	feedFolder = "feeds"
)

func newFeeder(cfg Config) *feeder {
	f := &feeder{
		fetcher: feed.NewFetcher(cfg.Agent), around: cfg.around, wants: 1,
		results: make(chan fetched, 2*policy.MaxFeeds), states: make(map[string]*feedState),
	}
	if cfg.State != "" {
		f.folder = feed.Folder(filepath.Join(cfg.State, feedFolder))
	}
	if f.around == nil {
		f.around = readAround
	}
	return f
}

// readAround returns what must not be listed, in an order of its own.
func readAround() (h feed.Host, err error) {
	h.Own, h.Gateways, h.Resolvers, err = host.ReadAround()
	for _, all := range []*[]netip.Addr{&h.Own, &h.Gateways, &h.Resolvers} {
		slices.SortFunc(*all, netip.Addr.Compare)
		*all = slices.Compact(*all)
	}
	return h, err
}

// keyOf tells feeds apart by what their list is.
func keyOf(f *policy.Feed) string { return f.Name + "\x00" + f.Format.String() + "\x00" + f.Source() }

// feedsInUse are the feeds of the policy in force, and of the one before it on a trial.
func (e *Engine) feedsInUse() []policy.Feed {
	var all []policy.Feed
	if e.current != nil {
		all = append(all, e.current.policy.Feeds...)
	}
	if e.before != nil && e.before.known != nil {
		all = append(all, e.before.known.policy.Feeds...)
	}
	return all
}

// watchFeeds looks after feeds until the engine is closed. It tells once whether it can.
func (e *Engine) watchFeeds(ready chan<- error) {
	defer e.done.Done()
	if err := e.home.enter(); err != nil {
		ready <- err
		return
	}
	ready <- nil
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tick := time.NewTicker(feedsEvery)
	defer tick.Stop()
	for now := time.Now(); ; {
		e.lookAtFeeds(ctx, now)
		select {
		case <-e.stop:
			return
		case r := <-e.feeds.results:
			e.takeList(r, time.Now())
			now = time.Now()
		case now = <-tick.C:
		}
	}
}

// lookAtFeeds asks for what is due, and makes a table if one is needed.
func (e *Engine) lookAtFeeds(ctx context.Context, now time.Time) {
	e.mu.Lock()
	stopped := e.running() != nil
	if !stopped {
		e.knowFeeds(now)
	}
	e.mu.Unlock()
	if stopped {
		return
	}
	e.loadFeeds(now)
	for _, ask := range e.dueFeeds(now) {
		go func() {
			list, tag, err := e.feeds.fetcher.Fetch(ctx, &ask.feed, ask.tag, time.Now())
			select {
			case e.feeds.results <- fetched{keyOf(&ask.feed), ask.feed, list, tag, err}:
			case <-ctx.Done():
			}
		}()
	}
	e.makeTable(now)
}

// knowFeeds takes note of the feeds of the policies in use.
func (e *Engine) knowFeeds(now time.Time) {
	f, wanted := e.feeds, make(map[string]bool)
	for _, p := range e.feedsInUse() {
		key := keyOf(&p)
		if wanted[key] {
			continue // the one of the policy in force counts
		}
		wanted[key] = true
		s := f.states[key]
		switch {
		case s == nil:
			f.states[key] = &feedState{feed: p, next: now, refusals: make(map[feed.Reason]uint64)}
			f.wants++
		case !sameList(s.feed, p):
			s.feed, s.next = p, now // the list may be refused now, or not any more
			if s.kept != nil {
				s.kept.Tag = feed.Tag{}
			}
			f.wants++
		default:
			s.feed = p
		}
	}
	for key := range f.states {
		if !wanted[key] {
			delete(f.states, key)
			f.wants++
		}
	}
}

// sameList tells whether two feeds take the same lists.
func sameList(a, b policy.Feed) bool {
	for _, f := range []*policy.Feed{&a, &b} {
		f.At, f.Mode, f.Asks, f.Action, f.Labels = policy.Position{}, 0, 0, 0, nil
	}
	return reflect.DeepEqual(a, b)
}

// loadFeeds reads the lists that were kept on disk, of feeds that are new.
func (e *Engine) loadFeeds(now time.Time) {
	e.mu.Lock()
	var unread []policy.Feed
	for _, s := range e.feeds.states {
		if !s.loaded {
			unread = append(unread, s.feed)
		}
	}
	e.mu.Unlock()
	for i := range unread {
		kept, err := e.feeds.folder.Load(&unread[i])
		if err != nil {
			e.logger.Warn("a list is fetched anew", "feed", unread[i].Name, "err", err)
		}
		e.mu.Lock()
		if s := e.feeds.states[keyOf(&unread[i])]; s != nil {
			s.loaded = true
			if kept != nil && s.kept == nil {
				s.kept = kept
				s.next = laterOf(now, kept.Checked.Add(feed.Pause(s.feed.Refresh, 0, rand.Float64())))
				e.feeds.wants++
			}
		}
		e.mu.Unlock()
	}
}

// laterOf returns when a list is due that was fetched before the agent started: never
// later than one that was fetched now, whatever the clock was.
func laterOf(now, due time.Time) time.Time {
	if due.Before(now) {
		return now
	}
	return due
}

type question struct {
	feed policy.Feed
	tag  feed.Tag
}

// dueFeeds returns what is to be asked for, and takes note that it is.
func (e *Engine) dueFeeds(now time.Time) (due []question) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.feeds.states {
		if latest := now.Add(s.feed.Refresh); s.next.After(latest) {
			s.next = latest // the clock was set back
		}
		if s.busy || !s.loaded || s.next.After(now) {
			continue
		}
		s.busy = true
		q := question{feed: s.feed}
		if s.kept != nil {
			q.tag = s.kept.Tag
		}
		due = append(due, q)
	}
	return due
}
