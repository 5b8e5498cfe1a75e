//go:build linux

package guarder

import (
	"cmp"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/compile"
)

// addBans adds what bans do, and what became of them; the lock is held.
func (e *Engine) addBans(s *Status) error {
	active := e.bans.store.Active()
	for class, origin := range ban.Classes {
		of, err := e.store.four(compile.MapBanCounts, uint32(class))
		if err != nil {
			return err
		}
		count := BanCount{Origin: origin, Bans: active[class]}
		for credit, n := range of {
			if n.Packets > 0 {
				if count.Counts == nil {
					count.Counts = make(map[string]Counts)
				}
				count.Counts[creditNames[credit]] = n
			}
		}
		if count.Bans > 0 || count.Counts != nil || e.bansAre(origin) {
			s.Bans = append(s.Bans, count)
		}
	}
	for event, n := range e.bans.store.Events() {
		s.BanEvents = append(s.BanEvents, BanEvents{ban.Classes[event.Class], string(event.Action), n})
	}
	slices.SortFunc(s.BanEvents, func(a, b BanEvents) int {
		return cmp.Or(cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Action, b.Action))
	})
	return nil
}

// bansAre tells whether there may be bans of an origin: by rules if the policy has such.
func (e *Engine) bansAre(origin string) bool {
	for i := range e.current.policy.Rules {
		if e.current.policy.Rules[i].Ban != nil {
			return origin == ban.Classes[0]
		}
	}
	for event := range e.bans.store.Events() {
		if ban.Classes[event.Class] == origin {
			return true
		}
	}
	return false
}
