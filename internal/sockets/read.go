package sockets

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/netns"
)

// read calls fn for each socket of a namespace and then done, with whether it was
// read to its end, for each namespace in sight. The calls are made one after the
// other, from several goroutines. The error is that of the own namespace; others that cannot be read
// are counted.
func (e *Engine) read(fn func(ns uint64, r *bpf.SocketRecord), done func(complete bool)) (covered, uncovered int, err error) {
	if e.source == nil {
		return 0, 0, ErrNoWay
	}
	present := []netns.Namespace{e.own}
	if !e.cfg.OwnNamespaceOnly {
		present = netns.Find(e.own)
	}
	for _, ns := range present {
		each := func(r *bpf.SocketRecord) { fn(ns.Inode, r) }
		err := ns.Do(func() error { return e.readHere(each) })
		done(err == nil)
		switch {
		case err == nil:
			covered++
		case ns.Inode == e.own.Inode:
			return 0, 0, err
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
			// Gone since it was found.
		default:
			uncovered++
			e.warn(ns.Inode, err)
		}
	}
	return covered, uncovered, nil
}

// readHere reads the namespace of the calling thread.
func (e *Engine) readHere(fn func(*bpf.SocketRecord)) error {
	none := absent()
	for _, p := range sourced {
		if none[p] {
			continue
		}
		if err := e.source.each(p, fn); err != nil {
			return err
		}
	}
	return eachInProc(fn)
}

// warn logs once for each namespace.
func (e *Engine) warn(inode uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.uncovered[inode] {
		e.uncovered[inode] = true
		e.logger.Warn("sockets of a network namespace not covered", "inode", inode, "err", err)
	}
}

// A Listing is all sockets at one moment.
type Listing struct {
	// Sockets are in the order of the kernel's tables, namespace by namespace.
	Sockets []Socket
	// NamespacesCovered and NamespacesUncovered count the network namespaces by
	// whether their sockets are in the list.
	NamespacesCovered, NamespacesUncovered int
}

// List returns all sockets.
func (e *Engine) List() (Listing, error) {
	var l Listing
	var err error
	complete := 0
	l.NamespacesCovered, l.NamespacesUncovered, err = e.read(func(ns uint64, r *bpf.SocketRecord) {
		l.Sockets = append(l.Sockets, decode(ns, r))
	}, func(ok bool) {
		if !ok {
			l.Sockets = l.Sockets[:complete]
		}
		complete = len(l.Sockets)
	})
	if err != nil {
		return Listing{}, err
	}
	return l, nil
}
