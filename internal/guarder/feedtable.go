//go:build linux

package guarder

import (
	"reflect"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A draft is what a table is to be made of.
type draft struct {
	wants uint64
	lists []draftList
}

type draftList struct {
	key  string
	feed policy.Feed
	slot uint32
	list *feed.List
}

// makeTable makes a table if what is to be listed has changed, and puts it in force. The
// lock is not held while it is made, which takes a quarter of a second of the processor for a
// million entries.
func (e *Engine) makeTable(now time.Time) {
	e.mu.Lock()
	due, d := e.tableDue(now), e.draft()
	last := e.feeds.table.host
	e.mu.Unlock()
	if !due {
		return
	}
	if len(d.lists) == 0 {
		e.noTable(d, now)
		return
	}
	around, err := e.feeds.around()
	if err != nil {
		e.noNewTable(d, &feed.Refusal{Reason: feed.Unprotected, Err: err}, now)
		return
	}
	if !e.changed(d, now) && reflect.DeepEqual(around, last) {
		return
	}
	var guarded []feed.Listed
	cuts := make(map[string]feed.Cut)
	begin, ends := time.Now(), time.Time{}
	for _, l := range d.lists {
		// What was fine when it came may not be now. It is never listed; that it is there
		// is told.
		exclude := l.feed
		exclude.Exclude = true
		list, cut, _ := feed.Guard(l.list.After(now), feed.Protect(around, &l.feed), &exclude)
		guarded, cuts[l.key] = append(guarded, feed.Listed{List: list, Slot: l.slot}), cut
		ends = earlier(ends, list.Ends())
	}
	table, err := compile.NewFeedTable(feed.Join(guarded, now))
	if err != nil {
		e.noNewTable(d, &feed.Refusal{Reason: feed.Unloaded, Err: err}, now)
		return
	}
	defer table.Close()
	rest := min(tableRest*time.Since(begin), longestRest)
	e.putTable(d, table, feedTable{bytes: table.Bytes(), host: around, ends: ends, made: now, rest: now.Add(rest)}, cuts, now)
}

// tableDue tells whether it is time to look whether a table is needed; the lock is held.
func (e *Engine) tableDue(now time.Time) bool {
	f := e.feeds
	if e.running() != nil || now.Before(f.retry) || e.waiting() || now.Before(f.table.rest) && !e.unlisted() {
		return false
	}
	return f.wants != f.has || len(f.states) > 0 && (e.over(now) || now.Sub(f.table.made) >= aroundEvery)
}

// unlisted tells whether a feed has a list, and none in the table in force.
func (e *Engine) unlisted() bool {
	for _, s := range e.feeds.states {
		if s.kept != nil && s.listed == nil {
			return true
		}
	}
	return false
}

// waiting tells whether the table that an agent before has left may know of a list that
// this one does not know yet, so that it stays.
func (e *Engine) waiting() bool {
	if !e.feeds.inherited || e.feeds.has != 0 {
		return false
	}
	for _, s := range e.feeds.states {
		if s.kept == nil && !s.asked {
			return true
		}
	}
	return false
}

// over tells whether entries of the table in force are over, and may be taken out.
func (e *Engine) over(now time.Time) bool {
	t := e.feeds.table
	return !t.ends.IsZero() && !now.Before(t.ends) && now.Sub(t.made) >= endsEvery
}

// changed tells whether a draft is not what the table in force was made of.
func (e *Engine) changed(d draft, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	over := e.over(now)
	if d.wants == e.feeds.has && !over {
		e.feeds.table.made = now // it was looked at
	}
	return d.wants != e.feeds.has || over
}

// draft returns what is to be listed; the lock is held. Of two feeds with one bit, that of
// the policy in force counts.
func (e *Engine) draft() draft {
	d := draft{wants: e.feeds.wants}
	taken := make(map[uint32]bool)
	add := func(f *inForce) {
		for i := range f.policy.Feeds {
			p := &f.policy.Feeds[i]
			s, slot := e.feeds.states[keyOf(p)], f.feedSlots[i]
			if s == nil || s.kept == nil || taken[slot] {
				continue
			}
			taken[slot] = true
			d.lists = append(d.lists, draftList{keyOf(p), s.feed, slot, s.kept.List})
		}
	}
	if e.current.generation != nil {
		add(e.current)
	}
	if e.before != nil && e.before.known != nil && e.before.known.generation != nil {
		add(e.before.known)
	}
	return d
}

// putTable puts a table in force, unless something else is to be listed by now.
func (e *Engine) putTable(d draft, table *compile.FeedTable, about feedTable, cuts map[string]feed.Cut, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil || d.wants != e.feeds.wants {
		return
	}
	if err := table.Install(e.store.state); err != nil {
		e.refuseAll(d, &feed.Refusal{Reason: feed.Unloaded, Err: err}, now)
		return
	}
	e.feeds.has, e.feeds.table = d.wants, about
	for _, s := range e.feeds.states {
		s.listed = nil
	}
	for _, l := range d.lists {
		s, cut := e.feeds.states[l.key], cuts[l.key]
		if s == nil {
			continue
		}
		if cut.Entries > 0 && cut != s.cut {
			e.logger.Warn("a list has what must not be listed, which is left out", "feed", s.feed.Name, "what", cut.String())
		}
		s.cut, s.listed = cut, l.list
	}
	e.logger.Info("lists in force", "feeds", len(d.lists), "addresses", table.Addresses, "prefixes", table.Prefixes, "bytes", about.bytes)
}

// noTable gives the table in force up, as there is nothing to be listed.
func (e *Engine) noTable(d draft, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil || d.wants != e.feeds.wants || e.othersLists() {
		return
	}
	if err := compile.ForgetFeeds(e.store.state); err != nil {
		e.logger.Error("lists that nobody asks for any more are still there", "err", err)
		e.feeds.retry = now.Add(tableRetry)
		return
	}
	e.feeds.has, e.feeds.table = d.wants, feedTable{made: now}
	for _, s := range e.feeds.states {
		s.cut, s.listed = feed.Cut{}, nil
	}
}

// othersLists tells whether lists may be those of a policy that this agent does not know,
// which is in force or will be again if a trial is not confirmed. Without its table that
// policy would go on and drop nobody who is listed. The lock is held.
func (e *Engine) othersLists() bool {
	if e.before != nil && e.before.known == nil && e.before.program != nil {
		return true
	}
	whose, err := e.whose()
	return err != nil || whose == InForceEarlier
}

// noNewTable takes note that none could be made; the one in force stays.
func (e *Engine) noNewTable(d draft, refusal *feed.Refusal, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuseAll(d, refusal, now)
}

func (e *Engine) refuseAll(d draft, refusal *feed.Refusal, now time.Time) {
	e.feeds.retry = now.Add(tableRetry)
	for _, l := range d.lists {
		if s := e.feeds.states[l.key]; s != nil {
			e.refuse(s, refusal)
		}
	}
}

// tidyFeeds forgets the lists on disk that no policy asks for any more.
func (e *Engine) tidyFeeds() error { return e.feeds.folder.Forget(e.feedsInUse()) }
