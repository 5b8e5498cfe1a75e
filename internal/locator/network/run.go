//go:build linux

package network

import "time"

// run reads the sockets until the Network is closed, as often as there may be something.
func (n *Network) run() {
	defer close(n.answers)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		due := timer.C
		if n.rest() {
			due = nil
		} else {
			timer.Reset(tick)
		}
		select {
		case <-n.stop:
			return
		case <-n.wake:
		case <-due:
		}
		n.turn()
	}
}

// rest reports whether there is nothing to wait for, and has Send call.
func (n *Network) rest() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = n.table.idle()
	return n.idle
}

// turn reads all sockets and hands on the answers that there are now.
func (n *Network) turn() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.sent = 0
	n.carrier.receive(n.table)
	n.table.advance(time.Now())
	n.deliver()
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
