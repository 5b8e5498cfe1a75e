package names

import (
	"context"
	"errors"
	"net"
	"time"
)

// want queues an address. The caller holds the lock.
func (n *Names) want(e *entry) {
	if n.ctx.Err() != nil {
		return
	}
	if len(n.queue) >= n.config.Queue {
		n.counts.Refused++
		return
	}
	e.wanted = true
	n.queue = append(n.queue, e)
	if n.askers < n.config.Parallel {
		n.askers++
		n.asking.Go(n.askAll)
	}
}

// askAll asks for what is queued, until there is nothing.
func (n *Names) askAll() {
	for {
		e, at := n.take()
		if e == nil {
			return
		}
		select {
		case <-time.After(time.Until(at)):
		case <-n.ctx.Done():
			continue // to end
		}
		n.answer(e)
	}
}

// take returns the next one to ask for, and when, or nil when the asker is to end.
func (n *Names) take() (*entry, time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.queue) == 0 || n.ctx.Err() != nil {
		n.askers--
		return nil, time.Time{}
	}
	e := n.queue[0]
	n.queue = n.queue[1:]
	at := time.Now()
	if at.Before(n.next) {
		at = n.next
	}
	n.next = at.Add(time.Second / time.Duration(n.config.PerSecond))
	return e, at
}

// answer asks for a name, and notes it.
func (n *Names) answer(e *entry) {
	ctx, cancel := context.WithTimeout(n.ctx, n.config.Timeout)
	defer cancel()
	all, err := n.config.Resolver.LookupAddr(ctx, e.addr.String())
	name := pick(all)
	var fault *net.DNSError
	missing := err == nil || errors.As(err, &fault) && fault.IsNotFound

	n.mu.Lock()
	defer n.mu.Unlock()
	e.wanted = false
	e.until = time.Now().Add(n.config.Missing)
	n.counts.Asked++
	switch {
	case name != "": // maybe with an error about others
		e.name, e.until = name, time.Now().Add(n.config.Found)
		n.counts.Found++
	case missing:
		e.name = ""
		n.counts.Missing++
	default:
		n.counts.Failed++
	}
}
