package network

import "time"

// How far the wall clock may go another way than the monotonic one without having been
// set: the kernel adjusts it by 500 ppm at most (adjtimex(2)), and time passes between
// the readings of the two.
const (
	slewPart  = 1000
	slewLeast = 200 * time.Microsecond
)

// A trip is what is known of the times of a probe.
type trip struct {
	// sent and read are the wall clock of this process, before the packet was given to
	// the kernel and after the answer was read, and elapsed what the monotonic clock
	// counted between.
	sent, read time.Time
	elapsed    time.Duration
	// tx and rx are the kernel's stamps, of the wall clock; zero if there is none.
	tx, rx time.Time
}

// tripOf splits readings into their two clocks.
func tripOf(sent, read, tx, rx time.Time) trip {
	return trip{sent: sent.Round(0), read: read.Round(0), elapsed: max(read.Sub(sent), 0), tx: tx, rx: rx}
}

// rtt returns the round trip, and which of the kernel's stamps were used. They are not if
// the clock was set meanwhile, or if they cannot be. What is returned lies between 0 and
// what elapsed.
func (t trip) rtt() (d time.Duration, txKernel, rxKernel bool) {
	if step := (t.read.Sub(t.sent) - t.elapsed).Abs(); step > slewLeast+t.elapsed/slewPart {
		return t.elapsed, false, false
	}
	begin, end := t.sent, t.read
	if t.tx.After(t.sent.Add(-slewLeast)) && t.tx.Before(t.read) { // else that of another packet
		begin, txKernel = t.tx, true
	}
	if !t.rx.IsZero() {
		end, rxKernel = t.rx, true
	}
	if d = end.Sub(begin); d < 0 || d > t.elapsed+slewLeast {
		return t.elapsed, false, false
	}
	return min(d, t.elapsed), txKernel, rxKernel
}
