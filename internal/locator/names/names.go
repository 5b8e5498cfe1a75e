package names

import (
	"cmp"
	"container/list"
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A Resolver asks for the names of an address, as [net.Resolver] does. It must return when
// the context ends.
type Resolver interface {
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Config are the limits of look-ups. A field that is zero means its default.
type Config struct {
	// Resolver is normally net.DefaultResolver.
	Resolver Resolver
	// Size is how many addresses are kept, those of the latest use: 4096.
	Size int
	// Found is for how long a name is told without asking again, Missing for how long none,
	// or after a failure: 1 h and 10 min.
	Found, Missing time.Duration
	// Parallel is how many questions are open at most, PerSecond how many are asked in a
	// second: 4 and 10.
	Parallel, PerSecond int
	// Timeout is how long a question is open: 3 s.
	Timeout time.Duration
	// Queue is how many addresses wait to be asked for; others have to be wanted again
	// later: 256.
	Queue int
}

func (c Config) withDefaults() Config {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	c.Size = cmp.Or(max(c.Size, 0), 4096)
	c.Found = cmp.Or(max(c.Found, 0), time.Hour)
	c.Missing = cmp.Or(max(c.Missing, 0), 10*time.Minute)
	c.Parallel = cmp.Or(max(c.Parallel, 0), 4)
	c.PerSecond = cmp.Or(max(c.PerSecond, 0), 10)
	c.Timeout = cmp.Or(max(c.Timeout, 0), 3*time.Second)
	c.Queue = cmp.Or(max(c.Queue, 0), 256)
	return c
}

// Names knows the names of addresses. Nil knows none.
type Names struct {
	config Config
	ctx    context.Context
	cancel context.CancelFunc
	asking sync.WaitGroup

	mu sync.Mutex
	// entries are elements of order, whose values are of type *entry, the last used first.
	entries map[netip.Addr]*list.Element
	order   *list.List
	queue   []*entry
	askers  int
	// next is when the next question may be asked.
	next   time.Time
	counts Counts
}

// An entry is what is known of an address.
type entry struct {
	addr  netip.Addr
	name  string
	until time.Time
	// wanted is set from the time it is queued until it is answered.
	wanted bool
}

// Counts are sums since the start, except for Known.
type Counts struct {
	// Known are the addresses that are kept, with or without a name.
	Known int
	// Asked are questions, of which Found gave a host name, Missing none, and Failed no
	// answer.
	Asked, Found, Missing, Failed uint64
	// Refused are the times when a name was wanted and the queue was full.
	Refused uint64
}

// New returns names of which none is known yet. The caller must call Close.
func New(c Config) *Names {
	n := &Names{config: c.withDefaults(), entries: make(map[netip.Addr]*list.Element), order: list.New()}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// Name returns the host name of an address, or "" if it has none or none is known yet. It
// is at most 64 characters; of a longer one the end is told, after "…". A name that is
// due to be asked for again is told until there is an answer, also if there is none for a
// long time, so that a failing resolver changes no label.
//
// It never waits.
func (n *Names) Name(addr netip.Addr) string {
	if n == nil || !addr.IsValid() {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entry(addr)
	if !e.wanted && !time.Now().Before(e.until) {
		n.want(e)
	}
	return e.name
}

// entry returns what is known of an address, and forgets the one that was used longest ago
// if there are too many.
func (n *Names) entry(addr netip.Addr) *entry {
	if at, ok := n.entries[addr]; ok {
		n.order.MoveToFront(at)
		return at.Value.(*entry)
	}
	e := &entry{addr: addr}
	n.entries[addr] = n.order.PushFront(e)
	if len(n.entries) > n.config.Size {
		oldest := n.order.Remove(n.order.Back()).(*entry)
		delete(n.entries, oldest.addr)
	}
	return e
}

// Counts returns what was asked for.
func (n *Names) Counts() Counts {
	if n == nil {
		return Counts{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.counts
	c.Known = len(n.entries)
	return c
}

// Close ends all questions, and waits for that. Names that are known are told further on.
func (n *Names) Close() {
	if n == nil {
		return
	}
	n.mu.Lock()
	n.cancel()
	n.mu.Unlock()
	n.asking.Wait()
}
