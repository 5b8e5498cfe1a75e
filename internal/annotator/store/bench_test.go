//go:build unix

package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkPut stores messages of 4 KiB from 16 senders, each waited for (fsync).
func BenchmarkPut(b *testing.B) {
	s := open(b, Config{MaxInbox: 1 << 30, MaxBytes: 1 << 40})
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			m := firing(fmt.Sprint("g", next.Add(1)), 0, "a")
			m.Body = make([]byte, 4096)
			begin := time.Now()
			add(b, s, m)
			d := time.Since(begin)
			mu.Lock()
			took = append(took, d)
			mu.Unlock()
		}
	})
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkNext finds a step among 10,000 that wait, and does it.
func BenchmarkNext(b *testing.B) {
	s := openQuick(b, Config{Path: filepath.Join(b.TempDir(), "store.db")})
	for n := range 10_000 {
		add(b, s, firing(fmt.Sprint("g", n), n, "a"))
	}
	for b.Loop() {
		j := take(b, s)
		if err := s.Postpone(j, 0); err != nil {
			b.Fatal(err)
		}
	}
}
