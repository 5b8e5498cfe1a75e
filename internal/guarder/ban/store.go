package ban

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// A Clock tells the time; tests have one of their own.
type Clock struct {
	Wall func() time.Time
	// Boot is CLOCK_BOOTTIME, which begins anew with each boot; BootID tells boots apart.
	Boot   func() time.Duration
	BootID string
}

// Room is how many bans there are at a time, and how many that are over are remembered.
const Room = 1 << 16

// Shortest and Longest are the bounds of a ban.
const (
	Shortest = time.Second
	Longest  = 366 * 24 * time.Hour
)

// An Action is what became of a ban.
type Action string

// The actions. Those of which nothing came are the last two.
const (
	Added   Action = "added"
	Renewed Action = "renewed"
	Expired Action = "expired"
	Removed Action = "removed"
	// Refused is a ban of somebody who must not be banned, or for whom there is no room.
	Refused Action = "refused"
	// WouldBan is a ban that an audited rule would have set.
	WouldBan Action = "would_ban"
)

// Actions are all of them.
var Actions = []Action{Added, Renewed, Expired, Removed, Refused, WouldBan}

// An Event is what is counted. Class is an index of Classes.
type Event struct {
	Class  int
	Action Action
}

// A Store holds bans, and those that are over for as long as they are remembered. It is not
// safe for use by several goroutines.
type Store struct {
	clock Clock
	path  string // "" keeps nothing on disk
	bans  map[netip.Prefix]*Ban
	// operators are where some were, by when that was last.
	operators map[netip.Addr]time.Time
	// saved tells that the disk has all but renewals since savedAt. That took as long.
	saved         bool
	savedAt, took time.Duration
	// expired is when Expire was asked last.
	expired time.Duration
	counts  map[Event]uint64
	// over are bans that were over when oust looked last, those first that were first;
	// before fullUntil it finds no others.
	over      []*Ban
	fullUntil time.Duration
}

// ErrFull is returned when there is no room for a ban.
var ErrFull = fmt.Errorf("%d are banned, which is all that there is room for", Room)

// Events returns how often something happened since the store was opened.
func (s *Store) Events() map[Event]uint64 { return s.counts }

func (s *Store) count(o Origin, a Action) { s.counts[Event{o.Class(), a}]++ }

// Active returns how many bans there are, by class; without those of audited rules.
func (s *Store) Active() (by [len(Classes)]int) {
	now := s.clock.Boot()
	for _, b := range s.bans {
		if !b.Over(now) && !b.Audit {
			by[b.Origin.Class()]++
		}
	}
	return by
}

// Len returns how many bans there are, those of audited rules included, of at most Room.
func (s *Store) Len() int {
	now, n := s.clock.Boot(), 0
	for _, b := range s.bans {
		if !b.Over(now) {
			n++
		}
	}
	return n
}

// A Request is for a ban.
type Request struct {
	Prefix netip.Prefix
	Terms
	Origin Origin
	Reason string
	// Audit has it noted that the ban would be set.
	Audit bool
}

// Add bans somebody, unless never has reasons against it, or there is no room. The error
// is then a [*Refusal], or ErrFull. If somebody is banned already, the operator's word
// counts from now on; that of another does not shorten the ban. A rule that hits all the
// same only has the ban renewed, if it is one that is.
//
// The ban is on disk when Save returns.
func (s *Store) Add(r Request, never *Never) (Ban, Action, error) {
	now := s.clock.Boot()
	if err := check(r); err != nil {
		return Ban{}, Refused, err
	}
	if err := never.Check(r.Prefix); err != nil {
		s.count(r.Origin, Refused)
		return Ban{}, Refused, err
	}
	old := s.bans[r.Prefix]
	active := old != nil && !old.Over(now)
	_, _, byRule := r.Origin.OfRule()
	if active && byRule && (!old.Audit || r.Audit) {
		return *old, s.hitAgain(old, r, now), nil
	}
	if old == nil && len(s.bans) >= Room && !s.oust(now) {
		s.count(r.Origin, Refused)
		return Ban{}, Refused, ErrFull
	}
	b := &Ban{Prefix: r.Prefix, Since: now, Renew: r.Renew, Count: 1, Remember: r.remember(), Origin: r.Origin, Reason: r.Reason, Audit: r.Audit}
	if old != nil && old.Audit == r.Audit {
		b.Count = old.Count + 1
		if active {
			b.Count, b.Since = old.Count, old.Since
		}
		b.Remember = max(b.Remember, old.Remember)
	}
	b.TTL = r.For(b.Count)
	b.Until = now + b.TTL
	if active && old.Audit == r.Audit && r.Origin != Operator && old.Until > b.Until {
		b.TTL, b.Until, b.Renew = old.TTL, old.Until, old.Renew
	}
	action := Added
	if r.Audit {
		action = WouldBan
	}
	s.bans[b.Prefix], s.saved, s.fullUntil = b, false, min(s.fullUntil, b.Until)
	s.count(b.Origin, action)
	return *b, action, nil
}

// hitAgain takes note that a rule has hit who is banned.
func (s *Store) hitAgain(b *Ban, r Request, now time.Duration) Action {
	if !b.Renew || now+b.TTL <= b.Until {
		return ""
	}
	b.Until = now + b.TTL
	if !b.Audit {
		s.count(b.Origin, Renewed)
	}
	return Renewed
}

// check returns what is wrong with a request, whoever it is about.
func check(r Request) error {
	switch {
	case !r.Prefix.IsValid() || r.Prefix != r.Prefix.Masked() || r.Prefix.Addr().Is4In6() || r.Prefix.Addr().Zone() != "":
		return fmt.Errorf("%v is no prefix", r.Prefix)
	case r.Prefix.Bits() < Widest(r.Prefix.Addr()):
		return fmt.Errorf("%v is wider than /%d, the widest that is banned", r.Prefix, Widest(r.Prefix.Addr()))
	case r.TTL < Shortest || r.TTL > Longest || r.Max > Longest:
		return fmt.Errorf("a ban of %v: want one from %v to %v", max(r.TTL, r.Max), Shortest, Longest)
	}
	return nil
}

// Widest returns the shortest prefix that is banned, in bits.
func Widest(a netip.Addr) int {
	if a.Is4() {
		return 8
	}
	return 16
}

// oust forgets the ban that has been over for the longest time, to make room. It looks
// through all of them once for many calls: sources that are forged ask for bans by the
// thousands, and each is asked for with the engine's lock held.
func (s *Store) oust(now time.Duration) bool {
	for {
		for len(s.over) > 0 {
			b := s.over[0]
			s.over = s.over[1:]
			if s.bans[b.Prefix] == b && b.Over(now) {
				delete(s.bans, b.Prefix)
				return true
			}
		}
		if now < s.fullUntil {
			return false
		}
		s.over, s.fullUntil = nil, 0
		for _, b := range s.bans {
			switch {
			case b.Over(now):
				s.over = append(s.over, b)
			case s.fullUntil == 0 || b.Until < s.fullUntil:
				s.fullUntil = b.Until
			}
		}
		if len(s.over) == 0 {
			return false
		}
		slices.SortFunc(s.over, func(a, b *Ban) int { return cmp.Compare(a.Until, b.Until) })
	}
}

// ErrNotBanned is returned by Remove.
var ErrNotBanned = errors.New("is not banned")

// Remove ends a ban, and forgets that it was.
func (s *Store) Remove(p netip.Prefix) error {
	b := s.bans[p]
	if b == nil || b.Over(s.clock.Boot()) {
		return fmt.Errorf("%v %w", p, ErrNotBanned)
	}
	s.remove(b)
	return nil
}

func (s *Store) remove(b *Ban) {
	delete(s.bans, b.Prefix)
	s.saved = false
	s.count(b.Origin, Removed)
}

// RemoveAll ends the bans of those who must not be banned any more, and returns why.
func (s *Store) RemoveAll(never *Never) (why []error) {
	now := s.clock.Boot()
	for _, b := range s.bans {
		if err := never.Check(b.Prefix); err != nil && !b.Over(now) {
			s.remove(b)
			why = append(why, err)
		}
	}
	return why
}

// Saw takes note of when a packet of somebody was last dropped: if the ban is one that is
// renewed, it ends later. It returns whether it does.
func (s *Store) Saw(p netip.Prefix, last time.Duration) bool {
	b := s.bans[p]
	if b == nil || !b.Renew || last < b.Since || last+b.TTL <= b.Until {
		return false
	}
	b.Until = last + b.TTL
	s.count(b.Origin, Renewed)
	return true
}

// Expire counts the bans that are over since it was asked last, and forgets those that
// need not be remembered. It returns those that are over, and when the next one will be: 0
// is never.
func (s *Store) Expire() (over []Ban, next time.Duration) {
	now := s.clock.Boot()
	defer func() { s.expired = now }()
	for p, b := range s.bans {
		if !b.Over(now) {
			if next == 0 || b.Until < next {
				next = b.Until
			}
			continue
		}
		if b.Until > s.expired {
			s.saved = false // so that it is not counted again
			over = append(over, *b)
			if !b.Audit {
				s.count(b.Origin, Expired)
			}
		}
		if now >= b.Until+b.Remember {
			delete(s.bans, p)
			s.saved = false
		}
	}
	return over, next
}

// List returns the bans that are not over, those that end last first.
func (s *Store) List() []Ban {
	now := s.clock.Boot()
	var all []Ban
	for _, b := range s.bans {
		if !b.Over(now) {
			all = append(all, *b)
		}
	}
	slices.SortFunc(all, func(a, b Ban) int {
		if a.Until != b.Until {
			return int(max(min(b.Until-a.Until, 1), -1))
		}
		return a.Prefix.Compare(b.Prefix)
	})
	return all
}

// Of returns the bans that an address is in: the narrowest that is in force, and the
// narrowest of those of audited rules; nil without one. They are valid until the next call.
func (s *Store) Of(a netip.Addr) (enforced, audited *Ban) {
	if len(s.bans) == 0 || !a.IsValid() {
		return nil, nil
	}
	now := s.clock.Boot()
	for bits := a.BitLen(); bits >= Widest(a); bits-- {
		b := s.bans[netip.PrefixFrom(a, bits).Masked()]
		switch {
		case b == nil || b.Over(now):
		case b.Audit && audited == nil:
			audited = b
		case !b.Audit && enforced == nil:
			enforced = b
		}
	}
	return enforced, audited
}

// Wall returns a time of CLOCK_BOOTTIME as one of the wall clock.
func (s *Store) Wall(at time.Duration) time.Time { return s.clock.Wall().Add(at - s.clock.Boot()) }
