package change

import (
	"math"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
)

// reach tells an outage from loss.
type reach struct {
	known, reached bool
	// silent and final count the newest probes to the destination that were all lost,
	// or all answered.
	silent, final int
	since         time.Time
	// loss is a running mean over some 100 probes, without those of the silence.
	loss float64
}

// How improbable by chance a silence is that counts as an outage, and the least loss
// that is reckoned with, as loss may just have begun. Together that is 12 probes.
const (
	outage    = 1e-6
	leastLoss = 0.3
)

func (r *reach) answered(s path.Sample) {
	for range r.silent {
		r.loss += (1 - r.loss) / 100
	}
	r.loss -= r.loss / 100
	if r.final == 0 {
		r.since = s.Sent
	}
	r.silent = 0
	r.final++
}

func (r *reach) lost(s path.Sample) {
	if r.silent == 0 {
		r.since = s.Sent
	}
	r.silent++
	r.final = 0
}

// tick returns an event when the destination is lost or back.
func (r *reach) tick(now time.Time) []Event {
	switch {
	case !r.known && r.final >= enough:
		r.known, r.reached = true, true
	case r.known && !r.reached && r.final >= enough:
		r.reached = true
		return []Event{{At: now, Since: r.since, Levels: Reach, Reached: true}}
	case r.reached && r.silent >= r.need():
		r.reached = false
		return []Event{{At: now, Since: r.since, Levels: Reach}}
	}
	return nil
}

func (r *reach) need() int {
	loss := min(max(r.loss, leastLoss), 0.9)
	return int(math.Ceil(math.Log(outage) / math.Log(loss)))
}

// Reached reports whether the destination answers, and false for known as long as it
// never did.
func (d *Detector) Reached() (reached, known bool) { return d.reach.reached, d.reach.known }
