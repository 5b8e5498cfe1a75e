//go:build linux

package guarder

import (
	"time"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// feedStatus returns the feeds of the policy in force; the lock is held.
func (e *Engine) feedStatus(now time.Time) ([]FeedStatus, error) {
	var all []FeedStatus
	c := e.current
	for i := range c.policy.Feeds {
		p := &c.policy.Feeds[i]
		s := FeedStatus{
			Feed: p.Name, Source: p.Shown(), Format: p.Format.String(), Action: p.Action.String(), Mode: p.Mode.String(), Asks: p.Asks.String(),
			Labels: p.Labels, Place: p.At.String(), StaleAfter: p.StaleAfter.Seconds(),
		}
		if state := e.feeds.states[keyOf(p)]; state != nil {
			state.tell(&s, p, now)
			s.InForce = state.listed != nil && state.listed == state.kept.List || e.feeds.inherited && e.feeds.has == 0
		}
		var err error
		if s.Counts, err = e.feedCounts(c.feedSlots[i]); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// feedCounts returns what a feed was credited with.
func (e *Engine) feedCounts(slot uint32) (map[string]Counts, error) {
	of, err := e.store.four(compile.MapFeedCounts, slot)
	if err != nil {
		return nil, err
	}
	var counts map[string]Counts
	for credit, n := range of {
		if n.Packets > 0 {
			if counts == nil {
				counts = make(map[string]Counts)
			}
			counts[creditNames[credit]] = n
		}
	}
	return counts, nil
}

// tell adds what is known of the list.
func (s *feedState) tell(to *FeedStatus, p *policy.Feed, now time.Time) {
	to.Excluded = s.cut.Entries
	if k := s.kept; k != nil {
		to.Entries, to.Origins = len(k.List.Entries), k.List.Origins
		fetched, checked := k.Fetched, k.Checked
		to.Fetched, to.Checked = &fetched, &checked
		to.Stale = now.Sub(checked) >= p.StaleAfter
	}
	if s.refusal != nil {
		to.Reason, to.Refusal = string(s.refusal.Reason), s.refusal.Err.Error()
	}
	if len(s.refusals) > 0 {
		to.Refusals = make(map[string]uint64, len(s.refusals))
		for reason, n := range s.refusals {
			to.Refusals[string(reason)] = n
		}
	}
}
