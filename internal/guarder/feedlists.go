//go:build linux

package guarder

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/feed"
)

// takeList takes what came of asking for a list.
func (e *Engine) takeList(r fetched, now time.Time) {
	around, aroundErr := e.feeds.around()
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.feeds.states[r.key]
	if s == nil || e.running() != nil {
		return // the policy has not got it any more
	}
	s.busy = false
	if !sameList(s.feed, r.feed) || s.kept == nil && r.list == nil && r.err == nil {
		s.next = now
		return
	}
	err := r.err
	if err == nil && r.list != nil {
		if aroundErr != nil {
			err = &feed.Refusal{Reason: feed.Unprotected, Err: aroundErr}
		} else {
			_, _, err = feed.Guard(r.list, feed.Protect(around, &s.feed), &s.feed)
		}
	}
	if err != nil {
		s.asked = true
		s.failures++
		e.refuse(s, err)
		s.next = now.Add(feed.Pause(s.feed.Refresh, s.failures, rand.Float64()))
		return
	}
	s.asked = true
	s.next, s.failures = now.Add(feed.Pause(s.feed.Refresh, 0, rand.Float64())), 0
	if s.refusal != nil {
		e.logger.Info("a feed is well again", "feed", s.feed.Name)
		s.refusal = nil
	}
	if r.list == nil {
		s.kept.Checked = now
		return
	}
	e.renew(s, r, now)
}

// renew puts a list in the place of the one before.
func (e *Engine) renew(s *feedState, r fetched, now time.Time) {
	var was *feed.List
	if s.kept != nil {
		was = s.kept.List
	}
	added, removed := feed.Diff(was, r.list)
	s.kept = &feed.Kept{List: r.list, Tag: r.tag, Fetched: now, Checked: now}
	switch {
	case was == nil || added+removed > 0 || was.Over(now):
		e.feeds.wants++
	case s.listed == was:
		// Times of decisions change with each answer, which takes no other table.
		s.listed = r.list
		e.feeds.table.ends = earlier(e.feeds.table.ends, r.list.Ends())
	}
	if added+removed > 0 {
		e.logger.Info("a list has changed", "feed", s.feed.Name, "entries", len(r.list.Entries), "added", added, "removed", removed)
	}
	if err := e.feeds.folder.Save(&s.feed, s.kept); err != nil {
		e.refuse(s, &feed.Refusal{Reason: feed.Unkept, Err: err})
	}
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// refuse takes note of why something failed. It is logged when it is new.
func (e *Engine) refuse(s *feedState, err error) {
	refusal := &feed.Refusal{Reason: feed.Unreachable, Err: err}
	errors.As(err, &refusal)
	if s.refusal == nil || s.refusal.Reason != refusal.Reason {
		e.logger.Error("a list is refused; the one before stays", "feed", s.feed.Name, "reason", string(refusal.Reason), "err", refusal.Err)
	}
	s.refusal = refusal
	s.refusals[refusal.Reason]++
}
