package stack

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// The kernel's accounting reads the clock twice per run of a program, about as
// much as a probe costs itself, so by default it is on for 1 % of the time.
const (
	statsPeriod = 10 * time.Second
	statsOn     = 100 * time.Millisecond
)

// runStats turns the kernel's accounting of run time on and off.
type runStats struct {
	mode   RunStats
	logger *slog.Logger

	mu      sync.Mutex
	enabled io.Closer
	since   time.Time
	total   time.Duration
	failed  bool

	stop chan struct{}
	done sync.WaitGroup
}

func startRunStats(mode RunStats, logger *slog.Logger) *runStats {
	s := &runStats{mode: mode, logger: logger, stop: make(chan struct{})}
	if mode == RunStatsOff {
		return s
	}
	s.on()
	if mode == RunStatsSampled && !s.failed {
		s.done.Add(1)
		go s.sample()
	}
	return s
}

func (s *runStats) sample() {
	defer s.done.Done()
	wait := statsOn
	for {
		select {
		case <-s.stop:
			return
		case <-time.After(wait):
		}
		if s.off() {
			wait = statsPeriod - statsOn
		} else {
			s.on()
			wait = statsOn
		}
	}
}

func (s *runStats) on() {
	s.mu.Lock()
	defer s.mu.Unlock()
	closer, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		if !s.failed {
			s.logger.Warn("run time of probes is not accounted", "err", err, "cure", "grant CAP_SYS_ADMIN, or set kernel.bpf_stats_enabled")
		}
		s.failed = true
		return
	}
	s.enabled, s.since = closer, time.Now()
}

// off ends a window; it returns false if none was open.
func (s *runStats) off() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enabled == nil {
		return false
	}
	s.total += time.Since(s.since)
	s.enabled.Close()
	s.enabled = nil
	return true
}

// window returns for how long the accounting was on.
func (s *runStats) window() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enabled == nil {
		return s.total
	}
	return s.total + time.Since(s.since)
}

// needsAdmin reports whether the accounting will be turned on again.
func (s *runStats) needsAdmin() bool { return s.mode == RunStatsSampled && !s.failed }

// Close turns the accounting off.
func (s *runStats) Close() {
	close(s.stop)
	s.done.Wait()
	s.off()
}
