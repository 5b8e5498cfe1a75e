package network

import "time"

// How often the sockets are read. To wake up costs more than to read: where probes are sent
// all the time that is done on the same occasion.
const (
	// least is the time between two readings. The kernel holds 128 stamps of sent packets
	// even where its buffers cannot be made larger.
	least = 10 * time.Millisecond
	// steady is when they are read anyway while probes are sent: three, within busy.
	steady = 5 * least
	busy   = 10 * steady
	// most is when they are read while there is only little hope of an answer.
	most = 10 * least
	// nudge is after how many probes they are read however little time has passed.
	nudge = 64
)

// A pacer says when to read the sockets.
type pacer struct {
	unread int // probes sent since the last reading
	read   time.Time
	last   [3]time.Time // when the last probes were sent, the last one first
	// due is when the reader will wake; zero if it waits for a call.
	due time.Time
}

// sent says that a probe was sent. It reports whether the sockets are to be read on this
// occasion, and whether the reader is to be woken, for it sleeps too long.
func (p *pacer) sent(now time.Time) (read, wake bool) {
	p.unread++
	p.last = [...]time.Time{now, p.last[0], p.last[1]}
	read = p.unread >= nudge || now.Sub(p.read) >= least
	wake = p.due.IsZero() || p.due.Sub(now) > steady
	if wake {
		p.due = now // is told but once
	}
	return read, wake
}

// done says that the sockets were read.
func (p *pacer) done(now time.Time) { p.read, p.unread = now, 0 }

// sleep returns how long the reader is to sleep, 0 if until it is called. A quarter of
// the time since the last probe makes answers that much later than they are.
func (p *pacer) sleep(now time.Time, idle bool) time.Duration {
	if idle {
		p.due = time.Time{}
		return 0
	}
	pause := min(max(now.Sub(p.last[0])/4, least), most)
	if now.Sub(p.last[2]) < busy {
		pause = steady
	}
	p.due = now.Add(pause)
	return pause
}
