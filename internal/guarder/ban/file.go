package ban

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/durable"
)

// fileName is in the folder that a store is given.
const fileName = "bans.json"

// renewalsEvery is how often renewals alone are worth writing the file.
const renewalsEvery = 10 * time.Second

// file is what is on disk. Fields may be added.
type file struct {
	Version int `json:"version"`
	// BootID, Boot and Wall are when it was written.
	BootID string        `json:"boot_id"`
	Boot   time.Duration `json:"boot_ns"`
	Wall   time.Time     `json:"wall"`
	Bans   []kept        `json:"bans"`
	// Operators are where some were, by when that was last.
	Operators map[netip.Addr]time.Time `json:"operators,omitempty"`
}

// kept is a ban on disk; its times are of the boot in which the file was written.
type kept struct {
	Prefix   netip.Prefix  `json:"prefix"`
	Since    time.Duration `json:"since_ns"`
	Until    time.Duration `json:"until_ns"`
	TTL      time.Duration `json:"ttl_ns"`
	Renew    bool          `json:"renew,omitempty"`
	Count    int           `json:"count"`
	Remember time.Duration `json:"remember_ns,omitempty"`
	Origin   Origin        `json:"origin"`
	Reason   string        `json:"reason,omitempty"`
	Audit    bool          `json:"audit,omitempty"`
}

const fileVersion = 1

// Open reads the bans in a folder, which is made if need be; "" keeps nothing on disk. A
// file that cannot be read is an error: whom to let in again is not for us to decide.
func Open(folder string, clock Clock) (*Store, error) {
	s := &Store{clock: clock, bans: make(map[netip.Prefix]*Ban), operators: make(map[netip.Addr]time.Time), counts: make(map[Event]uint64), saved: true, savedAt: clock.Boot(), expired: clock.Boot()}
	if folder == "" {
		return s, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	s.path = filepath.Join(folder, fileName)
	text, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the bans: %w", err)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it, and nobody is banned", s.path, err)
	}
	if f.Version != fileVersion {
		return nil, fmt.Errorf("%s: version %d is not known; remove it, and nobody is banned", s.path, f.Version)
	}
	s.take(&f)
	return s, nil
}

// take has the store be what a file says.
func (s *Store) take(f *file) {
	now := s.clock.Boot()
	var shift time.Duration
	if f.BootID != s.clock.BootID {
		// What was at f.Boot then is now, less the time since.
		shift = now - f.Boot - s.clock.Wall().Sub(f.Wall)
	}
	for _, k := range f.Bans {
		b := &Ban{k.Prefix, k.Since + shift, k.Until + shift, k.TTL, k.Renew, k.Count, k.Remember, k.Origin, k.Reason, k.Audit}
		// A clock that was set back lengthens no ban.
		b.Until = min(b.Until, now+b.TTL)
		b.Since = min(b.Since, now)
		if check(Request{Prefix: b.Prefix, Terms: Terms{TTL: b.TTL}}) != nil {
			continue
		}
		s.bans[b.Prefix] = b
	}
	for a, last := range f.Operators {
		if wall := s.clock.Wall(); last.After(wall) { // the clock was set back
			last, s.saved = wall, false
		}
		s.operators[a] = last
	}
	// What ended since is counted, and forgotten if need be, by Expire.
	s.expired = min(f.Boot+shift, now)
}

// Has tells whether bans outlive the store, on disk.
func (s *Store) Has() bool { return s.path != "" }

// Adopt takes in a ban that only the kernel knows.
func (s *Store) Adopt(r Row) {
	now := s.clock.Boot()
	if r.Until <= now || s.bans[r.Prefix] != nil {
		return
	}
	origin := Origin(Classes[r.Class])
	if r.Class == 0 {
		origin = Rule("", "")
	}
	b := &Ban{Prefix: r.Prefix, Since: now, Until: r.Until, TTL: min(max(r.Renew, r.Until-now, Shortest), Longest), Renew: r.Renew > 0, Count: 1, Origin: origin, Reason: "set by an agent before"}
	s.bans[r.Prefix] = b
	s.saved = false
}

// writingShare is how many times as long as writing the file takes there is a pause
// before it is written again, so that a flood of bans leaves time for other things.
const writingShare = 20

// Save writes the file if something has changed, at the latest some seconds after a
// renewal. Unless it is now that it has to be, it may be left to a later call; otherwise
// it is on disk when Save returns, as a whole.
func (s *Store) Save(mustBe bool) error {
	now := s.clock.Boot()
	switch {
	case s.path == "", !mustBe && now-s.savedAt < writingShare*s.took:
		return nil
	case s.saved && (now-s.savedAt < renewalsEvery || s.renewedBefore()):
		return nil
	}
	f := file{Version: fileVersion, BootID: s.clock.BootID, Boot: now, Wall: s.clock.Wall(), Bans: []kept{}, Operators: s.operators}
	for _, b := range s.bans {
		f.Bans = append(f.Bans, kept{b.Prefix, b.Since, b.Until, b.TTL, b.Renew, b.Count, b.Remember, b.Origin, b.Reason, b.Audit})
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(s.path, append(text, '\n')); err != nil {
		return fmt.Errorf("keep the bans on disk: %w", err)
	}
	s.saved, s.savedAt, s.took = true, now, s.clock.Boot()-now
	return nil
}

// renewedBefore tells whether the file has all renewals.
func (s *Store) renewedBefore() bool {
	for _, b := range s.bans {
		if b.Until-b.TTL > s.savedAt {
			return false
		}
	}
	return true
}
