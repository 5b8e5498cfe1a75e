package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/tracer"
)

// How long what was found is taken for true. A process that is not found may be about to
// end, and nobody waits for the next packet meanwhile.
const (
	ownersLast     = 10 * time.Second
	namespacesLast = time.Second
)

// traceNames finds the names of what packets belong to, and keeps them for a while.
type traceNames struct {
	find func([]owner.Socket) []owner.Owner
	now  func() time.Time
	// namespaces, if not nil, finds the names of all.
	namespaces func() map[uint64]string

	owners map[owner.Socket]foundOwner
	// notBefore is when owners are looked for again.
	notBefore time.Time
	names     map[uint64]string
	namedAt   time.Time
}

type foundOwner struct {
	owner.Owner
	at time.Time
}

func newTraceNames(e env, namespaces bool) *traceNames {
	n := &traceNames{find: e.owners, now: e.now, owners: make(map[owner.Socket]foundOwner)}
	if namespaces {
		n.namespaces = netns.Names
	}
	return n
}

func socketOf(e *tracer.Event) owner.Socket { return owner.Socket{Inode: e.Socket, Cgroup: e.Cgroup} }

// restAfterSearch is how often the time that a search took passes until the next: while the
// files of all processes are looked through nobody reads events, which may be lost.
const restAfterSearch = 4

// learn looks for the owners of some packets, all at once, or leaves them unknown if it was
// looked too often of late.
func (n *traceNames) learn(packets []*tracer.Packet) {
	now := n.now()
	if now.Before(n.notBefore) {
		return
	}
	var wanted []owner.Socket
	for _, p := range packets {
		for i := range p.Events {
			s := socketOf(&p.Events[i])
			if known, ok := n.owners[s]; s == (owner.Socket{}) || ok && now.Sub(known.at) < ownersLast {
				continue
			}
			n.owners[s] = foundOwner{at: now}
			wanted = append(wanted, s)
		}
	}
	if len(wanted) == 0 {
		return
	}
	for i, o := range n.find(wanted) {
		n.owners[wanted[i]] = foundOwner{o, now}
	}
	end := n.now()
	n.notBefore = end.Add(restAfterSearch * end.Sub(now))
	if len(n.owners) > 10_000 { // of many short connections
		for s, o := range n.owners {
			if now.Sub(o.at) >= ownersLast {
				delete(n.owners, s)
			}
		}
	}
}

// owner returns what was learnt.
func (n *traceNames) owner(e *tracer.Event) owner.Owner { return n.owners[socketOf(e)].Owner }

// ownerText is owner in a few words, "" if nothing is known.
func (n *traceNames) ownerText(e *tracer.Event) string {
	o := n.owner(e)
	where := cmp.Or(o.Container, strings.TrimPrefix(o.Cgroup, "/"))
	switch {
	case o.PID == 0:
		return where
	case where == "":
		return fmt.Sprintf("%s[%d]", o.Process, o.PID)
	}
	return fmt.Sprintf("%s[%d] in %s", o.Process, o.PID, where)
}

// namespace returns a name, "" if there is none or nobody asked.
func (n *traceNames) namespace(inode uint32) string {
	if n.namespaces == nil || inode == 0 {
		return ""
	}
	name, ok := n.names[uint64(inode)]
	if now := n.now(); !ok && (n.names == nil || now.Sub(n.namedAt) >= namespacesLast) {
		n.names, n.namedAt = n.namespaces(), now
		name = n.names[uint64(inode)]
	}
	return name
}
