package network

import (
	"errors"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// maxFlights bounds the probes that are kept and the answers that nobody has read.
// At 100 probes per second and a timeout of 3 s there are 600.
const maxFlights = 16384

// ErrBusy is returned by [Network.Send] if so many probes are on their way, or so many
// answers unread, that there is no room.
var ErrBusy = errors.New("too many probes are on their way, or their answers are not read")

// A state is how far a probe has come.
type state uint8

const (
	waiting state = iota
	expired       // was answered by nobody in time
	done          // was answered, or could not be sent
)

// A flight is a probe on its way.
type flight struct {
	probe wire.Probe
	tag   any
	state state
	sent  time.Time // with a monotonic reading
	tx    time.Time // the kernel's stamp, or zero
	// stamp is what the kernel calls the packet's stamp.
	stamp uint32
}

// A table joins answers and probes. It is kept by one lock, and knows no clock.
type table struct {
	timeout time.Duration
	id      uint16 // the last one
	flights map[wire.Key]*flight
	// queue has all flights by the time they were sent; the first expire of them have
	// left the state waiting.
	queue  []*flight
	expire int
	// answers are for the reader of the channel.
	answers []Answer
	stats   Stats
}

func newTable(timeout time.Duration) *table {
	return &table{timeout: timeout, flights: make(map[wire.Key]*flight)}
}

// idle reports whether there is nothing to wait for.
func (t *table) idle() bool { return len(t.queue) == 0 && len(t.answers) == 0 }

// add gives a probe an ID that no other has whose answer looks the same, and expects
// an answer to it.
func (t *table) add(p Probe, now time.Time) (*flight, error) {
	if len(t.flights)+len(t.answers) >= maxFlights {
		return nil, ErrBusy
	}
	f := &flight{tag: p.Tag, sent: now}
	for {
		t.id++
		if t.id == 0 {
			continue
		}
		f.probe = p.wire(t.id)
		if t.flights[f.probe.Key()] == nil {
			break
		}
	}
	t.flights[f.probe.Key()] = f
	t.queue = append(t.queue, f)
	return f, nil
}

// withdraw takes back what add did last.
func (t *table) withdraw(f *flight) {
	delete(t.flights, f.probe.Key())
	t.queue = t.queue[:len(t.queue)-1]
	t.expire = min(t.expire, len(t.queue))
}

// fail says that a probe was not sent after all.
func (t *table) fail(f *flight, err error) {
	f.state = done
	delete(t.flights, f.probe.Key())
	t.answers = append(t.answers, f.answer(nil, 0, err))
}

// find returns the probe that an answer is to, or nil if it is unknown.
func (t *table) find(k wire.Key) *flight {
	f := t.flights[k]
	if f == nil {
		t.stats.Unmatched++
	}
	return f
}

// answer takes the answer to a flight, which the kernel received at rx (zero if it did
// not say) and this read now.
func (t *table) answer(f *flight, r *wire.Reply, rx, now time.Time) {
	switch f.state {
	case expired:
		t.stats.Late++
	case done:
		t.stats.Duplicates++
		return
	case waiting:
		rtt, txKernel, rxKernel := tripOf(f.sent, now, f.tx, rx).rtt()
		if rtt > t.timeout {
			t.stats.Late++
			t.answers = append(t.answers, f.answer(nil, 0, nil))
			break
		}
		t.stats.Timestamps.TX.count(txKernel)
		t.stats.Timestamps.RX.count(rxKernel)
		t.answers = append(t.answers, f.answer(r, rtt, nil))
	}
	f.state = done
}

// advance gives up what waited for the timeout, and forgets what is twice as old.
func (t *table) advance(now time.Time) {
	for t.expire < len(t.queue) && now.Sub(t.queue[t.expire].sent) > t.timeout {
		if f := t.queue[t.expire]; f.state == waiting {
			f.state = expired
			t.answers = append(t.answers, f.answer(nil, 0, nil))
		}
		t.expire++
	}
	old := 0
	for old < t.expire && now.Sub(t.queue[old].sent) > 2*t.timeout {
		// A failed one is not there any more, and another may have its key.
		if f := t.queue[old]; t.flights[f.probe.Key()] == f {
			delete(t.flights, f.probe.Key())
		}
		t.queue[old] = nil
		old++
	}
	t.queue = t.queue[old:]
	t.expire -= old
}

func (f *flight) answer(r *wire.Reply, rtt time.Duration, err error) Answer {
	p := f.probe
	a := Answer{
		Probe: Probe{Flow: p.Flow, TTL: p.TTL, Size: p.Size, TOS: p.TOS, DontFragment: p.DontFragment, Tag: f.tag},
		Sent:  f.sent, Reply: r, RTT: rtt, Err: err,
	}
	if r != nil {
		a.Rewrites = p.Rewritten(&r.Quoted)
	}
	return a
}
