//go:build linux

package guarder

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// clockStep is by how much the wall clock has to be set for the ends of rules to be put
// right in the kernel: more than two clocks that are read one after the other differ by.
const clockStep = 200 * time.Millisecond

// bootZero returns the time at which CLOCK_BOOTTIME was 0. By that clock, which goes on
// while the host is suspended, the kernel knows when a rule is over; adjustments of speed
// are the same for both, so the time changes only if the wall clock is set.
func bootZero() (zero time.Time) {
	shortest := time.Duration(-1)
	for range 3 { // this thread may have to wait between the two
		begin := time.Now()
		var since unix.Timespec
		// It fails for no clock that exists.
		unix.ClockGettime(unix.CLOCK_BOOTTIME, &since)
		if took := time.Since(begin); shortest < 0 || took < shortest {
			shortest, zero = took, begin.Round(0).Add(-time.Duration(since.Nano()))
		}
	}
	return zero
}

// expire takes rules that are over out of the policy in force. The kernel passes them by
// already, so it is no matter if that fails, or comes late. If the wall clock was set, the
// policy is loaded anew with what its ends mean to the kernel now.
//
// Like fallBack it attaches and looks up nothing, and a trial goes on with what is left.
func (e *Engine) expire(now time.Time) error {
	was := e.current
	left := was.policy.At(now)
	if left == was.policy && !was.clockWasSet() {
		return nil
	}
	next, err := e.prepare(left, was.indices, was.own, unrehearsed)
	if err != nil {
		return fmt.Errorf("take out rules that are over: %w", err)
	}
	before := e.store.Meta
	if before.Deadline != 0 {
		e.store.Meta.Policy = next.fingerprint
	}
	e.store.Meta.Expired += uint64(len(was.policy.Rules) - len(left.Rules))
	if err := e.store.Flip(next.generation.Program); err != nil {
		e.store.Meta = before
		next.close()
		return fmt.Errorf("take out rules that are over: %w", err)
	}
	next.devices, next.tripped, next.applied = was.devices, was.tripped, was.applied
	e.current = next
	was.close()
	e.sampler.know(next.policy, next.slots)
	for i := range was.policy.Rules {
		if r := &was.policy.Rules[i]; r.Over(now) {
			e.logger.Info("a temporary rule is over and not in force any more", "rule", r.Group+"/"+r.Name, "until", r.Until, "place", r.At.String())
		}
	}
	return nil
}

// clockWasSet tells whether the kernel goes by ends that are not right any more.
func (f *inForce) clockWasSet() bool {
	return len(f.policy.Ends()) > 0 && bootZero().Sub(f.epoch).Abs() > clockStep
}

// rest are the fingerprints of what is left of a policy as its temporary rules end, which
// is judged with it.
func (e *Engine) rest(p *policy.Policy) (all []Fingerprint) {
	for _, end := range p.Ends() {
		all = append(all, e.fingerprintOf(p.At(end)))
	}
	return all
}
