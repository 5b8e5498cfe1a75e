package sockets

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf/rlimit"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/netns"
)

// A Way is how sockets are read.
type Way uint8

// The ways.
const (
	// Auto is the first of the others that works.
	Auto Way = iota
	// Iterator reads BPF socket iterators.
	Iterator
	// Diag asks NETLINK_SOCK_DIAG.
	Diag
)

var wayNames = []string{"auto", "iterator", "sock_diag"}

// String returns "auto", "iterator" or "sock_diag".
func (w Way) String() string { return wayNames[w] }

// Config says what to read. The zero value reads all namespaces in the best way.
type Config struct {
	// OwnNamespaceOnly leaves out all network namespaces but the one that the
	// engine is opened in.
	OwnNamespaceOnly bool
	// Way forces one way.
	Way Way
}

// ErrNoWay is returned by the methods of an engine that found no way to read
// sockets; [Report.Reason] tells why.
var ErrNoWay = errors.New("sockets cannot be read")

// sourced are the protocols that come from a [source].
var sourced = []Protocol{TCP, UDP}

// A source reads the TCP and UDP sockets of the calling thread's namespace.
type source interface {
	// each calls fn for each socket of a protocol, [TCP] or [UDP]. The record is valid
	// during the call only.
	each(p Protocol, fn func(*bpf.SocketRecord)) error
	// hook names the places in the kernel, such as "iter:tcp,udp".
	hook() string
	// cost returns what its BPF programs took so far.
	cost() (runs uint64, took time.Duration, err error)
	io.Closer
}

// An Engine reads sockets when it is asked to.
type Engine struct {
	cfg    Config
	logger *slog.Logger
	own    netns.Namespace
	way    Way    // Auto if there is none
	source source // nil if there is none
	reason string

	mu sync.Mutex
	// uncovered are the namespaces that were warned about, by inode.
	uncovered map[uint64]bool
}

// Open finds a way to read sockets, from the network namespace of the calling
// thread. If there is none it is no error: see [Engine.Report]. The caller must
// call [Engine.Close].
func Open(cfg Config, logger *slog.Logger) (*Engine, error) {
	own, err := netns.Own()
	if err != nil {
		return nil, fmt.Errorf("find own network namespace: %w", err)
	}
	e := &Engine{cfg: cfg, logger: logger, own: own, uncovered: make(map[uint64]bool)}
	var reasons []string
	for _, way := range []Way{Iterator, Diag} {
		if cfg.Way != Auto && cfg.Way != way {
			continue
		}
		s, err := openSource(way)
		if err == nil {
			e.way, e.source = way, s
			break
		}
		reasons = append(reasons, way.String()+": "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	e.reason = strings.Join(reasons, "; ")
	return e, nil
}

// openSource opens a source and tries it out.
func openSource(way Way) (source, error) {
	var s source = diag{}
	if way == Iterator {
		// Linux 5.11 and later charge programs to the cgroup; before, this may fail
		// where loading does not need it.
		limit := rlimit.RemoveMemlock()
		it, err := newIterators()
		if err != nil {
			return nil, errors.Join(err, limit)
		}
		s = it
	}
	for _, p := range sourced {
		if err := s.each(p, func(*bpf.SocketRecord) {}); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// A Report tells how an engine reads sockets.
type Report struct {
	// Way is the one in use, or Auto if there is none.
	Way      Way
	Attached bool
	// Hook names the places in the kernel, such as "iter:tcp,udp"; if there is no
	// way, those that were tried first.
	Hook string
	// Reason tells why the better ways do not work; "" if the best one is in use.
	Reason string
	// Runs and RunTime are of the BPF programs, counted while the kernel's
	// accounting was on.
	Runs    uint64
	RunTime time.Duration
}

// Report tells how sockets are read.
func (e *Engine) Report() (Report, error) {
	if e.source == nil {
		hook := (*iterators)(nil).hook()
		if e.cfg.Way == Diag {
			hook = diag{}.hook()
		}
		return Report{Hook: hook, Reason: e.reason}, nil
	}
	r := Report{Way: e.way, Attached: true, Hook: e.source.hook(), Reason: e.reason}
	var err error
	r.Runs, r.RunTime, err = e.source.cost()
	return r, err
}

// NeedsAfterAttach returns the names of the capabilities that the engine goes on
// using, such as "CAP_SYS_ADMIN". All others may be dropped.
func (e *Engine) NeedsAfterAttach() []string {
	var names []string
	if !e.cfg.OwnNamespaceOnly {
		names = append(names, kernel.CapSysAdmin, kernel.CapSysPtrace)
	}
	// Opening an iterator is free since Linux 5.19 (commit c8644cd0efe7).
	release, _, err := kernel.ThisHost().Release()
	if e.way == Iterator && (err != nil || !release.AtLeast(5, 19)) {
		names = append(names, kernel.CapBPF)
	}
	return names
}

// Close frees the programs.
func (e *Engine) Close() error {
	var err error
	if e.source != nil {
		err = e.source.Close()
	}
	return errors.Join(err, e.own.Close())
}
