package stack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/packetscope/packetscope/internal/netns"
)

// A tcpReader reads what the kernel itself knows about TCP, in each network
// namespace: its counters and its listening sockets.
type tcpReader struct {
	logger *slog.Logger
	find   func() []netns.Namespace
	// reasons are the kernel's names of the reasons for a reset, by number.
	reasons map[int]string

	mu     sync.Mutex
	sums   namespaceSums
	warned map[string]bool
}

// newTCPReader begins to count: what the namespaces counted before is left out.
func newTCPReader(own netns.Namespace, ownOnly bool, reasons map[int]string, logger *slog.Logger) *tcpReader {
	r := &tcpReader{
		logger:  logger,
		reasons: reasons,
		find:    func() []netns.Namespace { return []netns.Namespace{own} },
		sums:    namespaceSums{last: make(map[uint64]TCPCounters)},
		warned:  make(map[string]bool),
	}
	if !ownOnly {
		r.find = func() []netns.Namespace { return netns.Find(own) }
	}
	for _, ns := range r.find() {
		if err := ns.Do(func() error { return r.readCounters(ns, r.sums.begin) }); err != nil {
			r.warn("network namespace not read", err)
		}
	}
	return r
}

// readNamespaces fills in what comes from the namespaces. One that cannot be read is
// counted and left out.
func (r *tcpReader) readNamespaces(t *TCP) {
	r.mu.Lock()
	defer r.mu.Unlock()
	queues := make(map[uint16]AcceptQueue)
	diagnosed := false
	for _, ns := range r.find() {
		err := ns.Do(func() error {
			if err := r.readCounters(ns, r.sums.add); err != nil {
				return err
			}
			err := addAcceptQueues(queues)
			diagnosed = diagnosed || err == nil
			if errors.Is(err, errNoSockDiag) {
				r.warn("accept queues not read", err)
				return nil
			}
			return err
		})
		if err != nil {
			t.NamespacesUnread++
			r.warn("network namespace not read", err)
			continue
		}
		t.NamespacesRead++
	}
	t.Counters = r.sums.total
	if diagnosed {
		t.AcceptQueues = boundAcceptQueues(queues)
	}
}

// warn logs each error once. Namespaces go while they are read, which is no error.
func (r *tcpReader) warn(message string, err error) {
	if errors.Is(err, os.ErrNotExist) && !errors.Is(err, errNoSockDiag) || r.warned[err.Error()] {
		return
	}
	r.warned[err.Error()] = true
	r.logger.Warn(message, "err", err)
}

// readCounters reads the counters of the calling thread's namespace.
func (r *tcpReader) readCounters(ns netns.Namespace, use func(uint64, TCPCounters)) error {
	f, err := os.Open("/proc/thread-self/net/netstat")
	if err != nil {
		return err
	}
	defer f.Close()
	counters, err := parseNetstat(f)
	if err == nil {
		use(ns.Inode, counters)
	}
	return err
}

// parseNetstat reads a file like /proc/net/netstat: lines in pairs, of names and of
// values. A counter that the kernel does not have is 0.
func parseNetstat(file io.Reader) (TCPCounters, error) {
	var c TCPCounters
	into := map[string]*uint64{
		"TCPOFOQueue":      &c.OutOfOrder,
		"ListenOverflows":  &c.ListenOverflows,
		"ListenDrops":      &c.ListenDrops,
		"SyncookiesSent":   &c.CookiesSent,
		"SyncookiesRecv":   &c.CookiesReceived,
		"SyncookiesFailed": &c.CookiesFailed,
		"TCPChallengeACK":  &c.ChallengeAcks,
	}
	var names []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0] != "TcpExt:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		if len(fields) != len(names) {
			return c, fmt.Errorf("parse netstat: %d names and %d values", len(names), len(fields))
		}
		for i, name := range names {
			if into[name] == nil {
				continue
			}
			n, err := strconv.ParseUint(fields[i], 10, 64)
			if err != nil {
				return c, fmt.Errorf("parse netstat: %s: %w", name, err)
			}
			*into[name] = n
		}
		return c, nil
	}
	if err := lines.Err(); err != nil {
		return c, fmt.Errorf("read netstat: %w", err)
	}
	return c, errors.New("parse netstat: no line TcpExt")
}

// namespaceSums adds up the counters of namespaces that come and go. The total never
// falls: it has all that was ever read, also of the namespaces that went.
type namespaceSums struct {
	total TCPCounters
	// last is what was read last, by inode. What went stays here, for one that could
	// merely not be found for a moment; the kernel gives its number to another one
	// soon, so that there are no more than there were namespaces at a time.
	last map[uint64]TCPCounters
}

// begin leaves out what a namespace has counted so far.
func (s *namespaceSums) begin(inode uint64, now TCPCounters) { s.last[inode] = now }

// add adds what a namespace counted since it was read last.
func (s *namespaceSums) add(inode uint64, now TCPCounters) {
	last := s.last[inode]
	for i, n := range now.all() {
		if *n < *last.all()[i] {
			last = TCPCounters{} // another namespace with the number of one that went
		}
	}
	for i, n := range now.all() {
		*s.total.all()[i] += *n - *last.all()[i]
	}
	s.last[inode] = now
}

// all returns the counters in a fixed order.
func (c *TCPCounters) all() []*uint64 {
	return []*uint64{
		&c.OutOfOrder, &c.ListenOverflows, &c.ListenDrops,
		&c.CookiesSent, &c.CookiesReceived, &c.CookiesFailed, &c.ChallengeAcks,
	}
}
