//go:build linux

package network

import "time"

// run reads the sockets until the Network is closed, when nobody does who sends.
func (n *Network) run() {
	defer close(n.answers)
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		due := timer.C
		if pause := n.sleep(); pause > 0 {
			timer.Reset(pause)
		} else {
			due = nil
		}
		select {
		case <-n.stop:
			return
		case <-n.wake: // a probe was just sent: it is too early to look for its answer
		case <-due:
			n.mu.Lock()
			if !n.closed {
				n.turn()
			}
			n.mu.Unlock()
		}
	}
}

// sleep asks the pacer how long to sleep.
func (n *Network) sleep() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pacer.sleep(time.Now(), n.table.idle())
}

// turn reads all sockets and hands on the answers that there are now. The lock must be
// held.
func (n *Network) turn() {
	n.carrier.receive(n.table)
	now := time.Now()
	n.table.advance(now)
	n.deliver()
	n.pacer.done(now)
}

// deliver hands on as many answers as the channel has room for. The others stay for
// the next turn: the sockets must be read however slow the reader of the channel is.
func (n *Network) deliver() {
	t := n.table
	for i, a := range t.answers {
		select {
		case n.answers <- a:
			t.answers[i] = Answer{}
		default:
			t.answers = t.answers[i:]
			return
		}
	}
	t.answers = t.answers[:0]
}
