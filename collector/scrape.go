package collector

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/internal/stack"
)

// scrape holds what the collectors of one scrape read in common, so that an
// engine is read once however many collectors show parts of it, and all of them
// show the same moment. Every scrape has its own; nothing is kept between them.
type scrape struct {
	mu        sync.Mutex
	snapshots map[*Stack]func() (stack.Snapshot, error)
}

func newScrape() *scrape {
	return &scrape{snapshots: make(map[*Stack]func() (stack.Snapshot, error))}
}

// sharer is a [Collector] that can use what others of the same scrape read.
type sharer interface {
	updateIn(s *scrape, ch chan<- prometheus.Metric) error
}

// update runs one collector within the scrape.
func (s *scrape) update(c Collector, ch chan<- prometheus.Metric) error {
	if c, ok := c.(sharer); ok {
		return c.updateIn(s, ch)
	}
	return c.Update(ch)
}

// snapshot reads the engine behind st, or returns what was read before in this
// scrape. The result is shared and must not be changed.
func (s *scrape) snapshot(st *Stack) (stack.Snapshot, error) {
	s.mu.Lock()
	read, ok := s.snapshots[st]
	if !ok {
		read = sync.OnceValues(st.reader.Snapshot)
		s.snapshots[st] = read
	}
	s.mu.Unlock()
	return read()
}
