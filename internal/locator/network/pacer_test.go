package network

import (
	"testing"
	"time"
)

// A pacerRun sends and sleeps as its pacer says.
type pacerRun struct {
	pacer
	now          time.Time
	wakes, reads int
	alarm        time.Time // when the reader wakes; zero if it is idle
	unreadMost   int
	oldest       time.Duration // between two readings while there were probes
}

// until lets time pass, in steps of a millisecond.
func (r *pacerRun) until(d time.Duration, idle bool) {
	for end := r.now.Add(d); r.now.Before(end); r.now = r.now.Add(time.Millisecond) {
		if !r.alarm.IsZero() && !r.now.Before(r.alarm) {
			r.wakes++
			r.turn()
			r.rest(idle)
		}
	}
}

func (r *pacerRun) rest(idle bool) {
	r.alarm = time.Time{}
	if pause := r.sleep(r.now, idle); pause > 0 {
		r.alarm = r.now.Add(pause)
	}
}

func (r *pacerRun) turn() {
	r.oldest = max(r.oldest, r.now.Sub(r.read))
	r.reads++
	r.done(r.now)
}

func (r *pacerRun) send() {
	read, wake := r.sent(r.now)
	r.unreadMost = max(r.unreadMost, r.unread)
	if read {
		r.turn()
	}
	if wake {
		r.wakes++
		r.rest(false)
	}
}

func newPacerRun() *pacerRun {
	r := &pacerRun{now: start}
	r.done(start)
	r.rest(true)
	return r
}

func TestSteadySendersReadTheSockets(t *testing.T) {
	r := newPacerRun()
	for range 1000 {
		r.send()
		r.until(10*time.Millisecond, false)
	}
	if r.wakes > 220 || r.oldest > 12*time.Millisecond {
		t.Errorf("in 10 s %d wakes, want 200, and %v between readings", r.wakes, r.oldest)
	}
}

func TestASingleProbeIsAnsweredSoon(t *testing.T) {
	r := newPacerRun()
	for range 9 {
		r.send()
		before := r.reads
		r.until(11*time.Millisecond, false)
		if r.reads == before {
			t.Fatal("not read after 11 ms")
		}
		r.until(6*time.Second, false)
	}
	// 10, 10, ... and from 400 ms on every 100 ms.
	if perProbe := r.wakes / 9; perProbe < 60 || perProbe > 75 {
		t.Errorf("%d wakes in 6 s of waiting for an answer", perProbe)
	}
}

func TestNobodyWakesWithoutProbes(t *testing.T) {
	r := newPacerRun()
	r.until(time.Hour/100, true)
	if r.wakes != 0 {
		t.Errorf("%d wakes", r.wakes)
	}
}

func TestABurstIsReadBeforeTheKernelHasNoRoom(t *testing.T) {
	r := newPacerRun()
	for range 1000 {
		r.send()
	}
	if r.unreadMost > nudge {
		t.Errorf("%d probes unread", r.unreadMost)
	}
}

// 24 probes per second are the rounds of many paths: a wake for each would do, and the
// third probe is seldom within the time of one reading.
func TestSlowSendersWakeTheReaderSeldom(t *testing.T) {
	r := newPacerRun()
	for range 238 {
		r.send()
		r.until(42*time.Millisecond, false)
	}
	if r.wakes > 220 || r.oldest > 52*time.Millisecond {
		t.Errorf("in 10 s %d wakes, want 200, and %v between readings", r.wakes, r.oldest)
	}
}
