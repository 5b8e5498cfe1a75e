package collector

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
)

// A Set is a prometheus.Collector made of Collectors.
type Set struct {
	logger     *slog.Logger
	now        func() time.Time
	collectors []Collector
}

// NewSet returns the set of the given collectors, whose names must differ. Now
// times them; pass time.Now.
func NewSet(logger *slog.Logger, now func() time.Time, collectors ...Collector) *Set {
	return &Set{logger: logger, now: now, collectors: collectors}
}

// Names returns the names of the collectors in the order given to [NewSet].
func (s *Set) Names() []string {
	names := make([]string, len(s.collectors))
	for i, c := range s.collectors {
		names[i] = c.Name()
	}
	return names
}

// Filter returns the set of the named collectors only. It fails if one of the
// names is not in s.
func (s *Set) Filter(names []string) (*Set, error) {
	return s.choose(names, func(named bool) bool { return named })
}

// Exclude returns the set without the named collectors. It fails if one of the
// names is not in s.
func (s *Set) Exclude(names []string) (*Set, error) {
	return s.choose(names, func(named bool) bool { return !named })
}

// choose keeps the collectors for which keep is true, given whether they are
// named. A name that is not in the set is an error: a misspelt one would
// otherwise go unnoticed, as a scrape that merely has less in it.
func (s *Set) choose(names []string, keep func(named bool) bool) (*Set, error) {
	known := s.Names()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown collector %q (one of %q)", name, known)
		}
	}
	chosen := &Set{logger: s.logger, now: s.now}
	for _, c := range s.collectors {
		if keep(slices.Contains(names, c.Name())) {
			chosen.collectors = append(chosen.collectors, c)
		}
	}
	return chosen, nil
}

// Describe implements prometheus.Collector. It sends every family that a
// collector of the set can emit, so that a registry checks them and refuses a
// second set with the same collectors.
func (s *Set) Describe(ch chan<- *prometheus.Desc) {
	for _, name := range append(s.Names(), metric.CollectorSet) {
		for _, f := range metric.Of(name) {
			ch <- f.Desc()
		}
	}
}

// Collect implements prometheus.Collector. The collectors run at the same time
// and share what they read through one [scrape].
func (s *Set) Collect(ch chan<- prometheus.Metric) {
	shared := newScrape()
	var running sync.WaitGroup
	for _, c := range s.collectors {
		running.Go(func() { s.collect(shared, c, ch) })
	}
	running.Wait()
}

// collect runs one collector and passes on its metrics if it succeeds.
func (s *Set) collect(shared *scrape, c Collector, ch chan<- prometheus.Metric) {
	begin := s.now()
	metrics, err := gather(shared, c)
	took := s.now().Sub(begin)

	success := 1.0
	if err != nil {
		success, metrics = 0, nil
		s.logFailure(c.Name(), took, err)
	}
	ch <- metric.ScrapeCollectorDuration.Gauge(took.Seconds(), c.Name())
	ch <- metric.ScrapeCollectorSuccess.Gauge(success, c.Name())
	for _, m := range metrics {
		ch <- m
	}
}

func (s *Set) logFailure(name string, took time.Duration, err error) {
	attrs := []any{"collector", name, "took_seconds", took.Seconds(), "err", err}
	if p := (*panicError)(nil); errors.As(err, &p) {
		attrs = append(attrs, "stack", string(p.stack))
	}
	if errors.Is(err, ErrNoData) {
		s.logger.Debug("collector has no data", attrs...)
		return
	}
	s.logger.Error("collector failed", attrs...)
}

// gather returns what one collector sends. It holds everything back until the
// collector is done, because a registry cannot take a metric back.
func gather(shared *scrape, c Collector) ([]prometheus.Metric, error) {
	ch := make(chan prometheus.Metric, 64)
	var err error
	go func() {
		defer close(ch)
		defer func() {
			if r := recover(); r != nil {
				err = &panicError{value: r, stack: debug.Stack()}
			}
		}()
		err = shared.update(c, ch)
	}()
	var metrics []prometheus.Metric
	for m := range ch {
		metrics = append(metrics, m)
	}
	return metrics, err
}

// panicError is the panic of a collector.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }
