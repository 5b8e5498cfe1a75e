//go:build unix

package store

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	gocmp "github.com/google/go-cmp/cmp"
)

// A plan is what the store should think of an episode. It is kept in the plainest way: the
// most urgent step is found by sorting all of them.
type plan struct {
	id, group, severity string
	fires               map[string]bool
	open                bool
	revision            int

	waits   bool // a step does
	step    Step
	due     time.Duration
	tries   int
	newest  int // the number of the last message
	covered int
}

func (p *plan) do() Step {
	if p.open || p.step < Explained {
		return p.step + 1
	}
	return Resolved
}

// told is what news do to the plan.
func (p *plan) told(number int, now time.Duration) {
	p.newest = number
	if !p.waits {
		p.waits, p.step, p.tries, p.due = true, Stored, 0, now
		if p.covered = 0; !p.open && p.revision > 0 {
			p.step = Explained
		}
		return
	}
	if !p.open && p.revision > 0 {
		p.step, p.tries, p.due = Explained, 0, now
	} else if p.step >= Explained {
		p.step, p.tries, p.due = Stored, 0, now
	}
}

// first returns the plan whose step is the most urgent of those that are due.
func first(plans []*plan, now time.Duration) *plan {
	urgent := slices.DeleteFunc(slices.Clone(plans), func(p *plan) bool { return !p.waits || p.due > now })
	slices.SortFunc(urgent, func(a, b *plan) int {
		class := func(p *plan) int {
			switch {
			case !p.open:
				return 0
			case p.severity == "critical":
				return 1
			}
			return 2
		}
		return cmp.Or(cmp.Compare(class(a), class(b)), cmp.Compare(b.newest, a.newest))
	})
	if len(urgent) == 0 {
		return nil
	}
	return urgent[0]
}

// A world is a store beside what it should hold.
type world struct {
	t       *testing.T
	chance  *rand.Rand
	hands   *hands
	store   *Store
	plans   []*plan
	numbers int
	minute  int
}

// TestStoreDoesWhatItsPlanSays does things by chance to a store and to its plan: a few
// groups of alerts start, grow and end, steps are done, fail and wait, and the store is
// opened anew. No two messages are alike here; those that are have tests of their own.
func TestStoreDoesWhatItsPlanSays(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := newHands()
			w := &world{t: t, chance: rand.New(rand.NewPCG(seed, 1)), hands: h}
			w.store = openQuick(t, Config{Clock: h.clock()})
			for range 150 {
				w.act()
				w.check()
				if t.Failed() {
					return
				}
			}
		})
	}
}

func (w *world) act() {
	switch n := w.chance.IntN(100); {
	case n < 35:
		w.putSome()
	case n < 85:
		w.work()
	case n < 95:
		w.hands.pass(time.Duration(w.chance.IntN(120)) * time.Second)
	case n < 98:
		w.store = reopen(w.t, w.store)
	default:
		if err := w.store.Prune(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// putSome puts a message: some alerts of a group start, or all or some that fire end.
func (w *world) putSome() {
	group := fmt.Sprint("group ", w.chance.IntN(5))
	at := slices.IndexFunc(w.plans, func(p *plan) bool { return p.group == group && p.open })
	w.minute++
	m := firing(group, w.minute)
	if at < 0 {
		at = len(w.plans)
		w.plans = append(w.plans, &plan{group: group, fires: map[string]bool{}})
	}
	p := w.plans[at]
	if p.open && w.chance.IntN(2) == 0 {
		w.end(p, &m)
	} else {
		for range 1 + w.chance.IntN(3) {
			name := fmt.Sprint(w.minute, "/", len(m.Alerts))
			m.Alerts = append(m.Alerts, Alert{Fingerprint: name, StartsAt: m.Started})
			p.fires[name] = true
		}
	}
	if w.chance.IntN(3) == 0 {
		m.Severity = []string{"critical", "warning"}[w.chance.IntN(2)]
		p.severity = m.Severity
	}
	m = named(m)
	r := add(w.t, w.store, m)
	if p.id == "" {
		p.id = m.Episode
	}
	if !r.Fresh || r.Episode != p.id {
		w.t.Fatalf("receipt %+v, want a fresh one of %s", r, p.id)
	}
	p.open = false
	for _, fires := range p.fires {
		p.open = p.open || fires
	}
	w.numbers++
	p.told(w.numbers, w.hands.elapsed)
}

// end makes a message say that some alerts have ended, of which one at least fired.
func (w *world) end(p *plan, m *Message) {
	var names []string
	for name, fires := range p.fires {
		if fires {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	w.chance.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	ended := 1 + w.chance.IntN(len(names))
	for i, name := range names {
		var minute int
		fmt.Sscanf(name, "%d/", &minute)
		a := Alert{Fingerprint: name, StartsAt: start.Add(time.Duration(minute) * time.Minute)}
		if i < ended {
			a.EndsAt = m.Started
			p.fires[name] = false
		}
		m.Alerts = append(m.Alerts, a)
	}
	m.Resolved = ended == len(names)
}

// work takes the next step and does something to it.
func (w *world) work() {
	j, wait, err := w.store.next()
	if err != nil {
		w.t.Fatal(err)
	}
	p := first(w.plans, w.hands.elapsed)
	if p == nil || wait != 0 {
		if p != nil || wait == 0 {
			w.t.Errorf("next is %s of %s, plan %+v", j.Do, j.Episode.Group, p)
		}
		return
	}
	if j.Episode.ID != p.id || j.Do != p.do() || j.Tries != p.tries || j.Revision != p.revision+1 {
		w.t.Fatalf("next is %s of %s (%d tries), want %s of %s (%d tries)", j.Do, j.Episode.Group, j.Tries, p.do(), p.group, p.tries)
	}
	newest, round := p.newest, *p
	if w.chance.IntN(4) == 0 {
		w.putSome() // while the step is worked on
	}
	stale := p.do() != round.do() || p.step != round.step || p.open != round.open && p.revision > 0
	switch n := w.chance.IntN(10); {
	case n < 7:
		w.finish(p, j, newest, stale)
	case n < 9:
		dead, err := w.store.Fail(j, "chance", time.Minute)
		if err != nil {
			w.t.Fatal(err)
		}
		if !stale {
			p.tries, p.due = p.tries+1, w.hands.elapsed+time.Minute
			p.waits = p.tries < tries
		}
		if dead == p.waits {
			w.t.Errorf("dead %v, plan %+v", dead, p)
		}
	default:
		if err := w.store.Postpone(j, 30*time.Second); err != nil {
			w.t.Fatal(err)
		}
		if !stale {
			p.due = w.hands.elapsed + 30*time.Second
		}
	}
}

func (w *world) finish(p *plan, j Job, newest int, stale bool) {
	var r Result
	if j.Do == Explained || j.Do >= Validated {
		r.Publish = to("sink", "x")
	}
	r.Final = w.chance.IntN(4) == 0
	err := w.store.Done(j, r)
	if stale {
		if !errors.Is(err, ErrStale) {
			w.t.Errorf("%s of %s: error %v, want %v", j.Do, p.group, err, ErrStale)
		}
		return
	}
	if err != nil {
		w.t.Fatal(err)
	}
	p.step, p.tries, p.due = j.Do, 0, w.hands.elapsed
	if r.Publish != nil {
		p.revision++
	}
	if j.Do == Gathered {
		p.covered = newest
	}
	switch {
	case j.Do == Resolved:
		p.waits = false
	case p.open && j.Do >= Explained && p.newest > p.covered:
		p.step = Stored
	case p.open && (j.Do == Validated || j.Do >= Explained && r.Final):
		p.waits = false
	}
}

// check compares all that the plans say with what is on disk.
func (w *world) check() {
	type state struct {
		Fires    map[string]bool
		Open     bool
		Revision int
		Waits    bool
		Do       Step
	}
	want, got := map[string]state{}, map[string]state{}
	for _, p := range w.plans {
		s := state{Fires: p.fires, Open: p.open, Revision: p.revision, Waits: p.waits}
		if p.waits {
			s.Do = p.do()
		}
		want[p.id] = s
	}
	for _, e := range must[[]Episode](w.t)(w.store.Episodes(0, 1000)) {
		step, waits, err := w.store.Pending(e.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		got[e.ID] = state{states(e), e.Open(), e.Revision, waits, step}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		w.t.Errorf("episodes (-want +got):\n%s", diff)
	}
	w.checkInbox()
	w.checkWorst()
}

// checkWorst proves that who is listed by severity is who is open.
func (w *world) checkWorst() {
	open := must[[]Episode](w.t)(w.store.OpenEpisodes())
	slices.SortFunc(open, func(a, b Episode) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(a.Number, b.Number))
	})
	var want []string
	for _, e := range open[:min(3, len(open))] {
		want = append(want, e.ID)
		if one, err := w.store.OpenEpisode(e.Group); err != nil || one == nil || one.ID != e.ID {
			w.t.Errorf("the open one of %q is %+v, %v", e.Group, one, err)
		}
	}
	got, count, err := w.store.Worst(3)
	if err != nil || count != len(open) || !slices.Equal(got, want) {
		w.t.Errorf("the worst are %q of %d, %v; want %q of %d", got, count, err, want, len(open))
	}
}

// checkInbox proves that what is counted is there, and that each message in the inbox has a
// job that will work on it.
func (w *world) checkInbox() {
	d := must[Depth](w.t)(w.store.Depth())
	messages, bytes := 0, int64(0)
	w.store.view("check", func(tx *bolt.Tx) error {
		return each(tx, inInbox, nil, func(key, payload []byte) (bool, error) {
			messages++
			bytes += int64(len(payload) - timeBytes)
			if tx.Bucket(inJobs).Get(key[:episodeBytes]) == nil {
				w.t.Errorf("message %x has no job", key)
			}
			return true, nil
		})
	})
	jobs, queued := 0, 0
	w.store.view("check", func(tx *bolt.Tx) error {
		jobs, queued = tx.Bucket(inJobs).Stats().KeyN, tx.Bucket(inQueue).Stats().KeyN
		return nil
	})
	if messages != d.Messages || bytes != d.Bytes || jobs != queued || jobs != d.Jobs {
		w.t.Errorf("%d messages of %d bytes, %d jobs, %d in the queue: depth %+v", messages, bytes, jobs, queued, d)
	}
}
