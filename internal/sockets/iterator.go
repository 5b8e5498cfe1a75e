package sockets

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
)

// iterators are the loaded programs and their links. Each read opens a link anew,
// in the namespace of the reading thread, so there are no more files than these.
type iterators struct {
	programs []*ebpf.Program
	links    []*link.Iter
}

// iteratorNames are those of the programs, in the order of sourced.
var iteratorNames = []string{"sockets_tcp", "sockets_udp"}

func newIterators() (*iterators, error) {
	spec, err := bpf.LoadSockets()
	if err != nil {
		return nil, fmt.Errorf("parse socket iterators: %w", err)
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, fmt.Errorf("load socket iterators: %w", err)
	}
	defer coll.Close()
	it := new(iterators)
	for _, name := range iteratorNames {
		program := coll.DetachProgram(name)
		it.programs = append(it.programs, program)
		l, err := link.AttachIter(link.IterOptions{Program: program})
		if err != nil {
			it.Close()
			return nil, fmt.Errorf("attach %q: %w", name, err)
		}
		it.links = append(it.links, l)
	}
	return it, nil
}

// each implements source.
func (it *iterators) each(p Protocol, fn func(*bpf.SocketRecord)) error {
	i := slices.Index(sourced, p)
	if err := eachRecord(it.links[i], fn); err != nil {
		return fmt.Errorf("read %q: %w", iteratorNames[i], err)
	}
	return nil
}

// recordsPerRead makes a buffer that is larger than the kernel's own (8 pages).
const recordsPerRead = 512

// eachRecord reads one iterator to its end.
func eachRecord(l *link.Iter, fn func(*bpf.SocketRecord)) error {
	const size = int(unsafe.Sizeof(bpf.SocketRecord{}))
	file, err := l.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	records := make([]bpf.SocketRecord, recordsPerRead)
	buffer := unsafe.Slice((*byte)(unsafe.Pointer(&records[0])), recordsPerRead*size)
	for rest := 0; ; {
		n, err := file.Read(buffer[rest:])
		n += rest
		for i := range n / size {
			fn(&records[i])
		}
		rest = copy(buffer, buffer[n/size*size:n])
		switch {
		case errors.Is(err, io.EOF) && rest > 0:
			return fmt.Errorf("%d bytes of a record: %w", rest, io.ErrUnexpectedEOF)
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, unix.EAGAIN):
			// After a million sockets without a record, to be kind to others.
		case err != nil:
			return err
		}
	}
}

// hook implements source.
func (it *iterators) hook() string { return "iter:tcp,udp" }

// cost implements source.
func (it *iterators) cost() (runs uint64, took time.Duration, err error) {
	for i, p := range it.programs {
		stats, err := p.Stats()
		if err != nil {
			return 0, 0, fmt.Errorf("read run time of %q: %w", iteratorNames[i], err)
		}
		runs += stats.RunCount
		took += stats.Runtime
	}
	return runs, took, nil
}

// Close implements source.
func (it *iterators) Close() error {
	for _, l := range it.links {
		l.Close()
	}
	for _, p := range it.programs {
		p.Close()
	}
	return nil
}
