package path

import (
	"runtime"
	"testing"
	"time"
)

// 64 paths of 15 hops with three branches in the middle, all windows full, are within
// what Locator may need as a whole, 32 MB, by far.
func TestSizeOfManyPaths(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	paths := make([]*Path, 64)
	for i := range paths {
		paths[i] = New()
		for n := range 300 {
			for ttl := uint8(1); ttl <= 15; ttl++ {
				hop := int(ttl)
				if ttl == 8 {
					hop += 100 * (n % 3)
				}
				s := Sample{Sent: start.Add(time.Duration(n) * time.Second), TTL: ttl, Flow: n % 3, Hop: addr(hop), RTT: ms, Final: ttl == 15}
				paths[i].Add(s)
			}
			paths[i].AddEnd(Sample{Sent: start.Add(time.Duration(n) * time.Second), TTL: 64, Flow: n % 3, Hop: addr(15), RTT: ms, Final: true})
		}
	}
	size := heap() - before
	t.Logf("%.1f MB", float64(size)/1e6)
	if size > 10e6 {
		t.Errorf("64 paths take %d bytes", size)
	}
	runtime.KeepAlive(paths)
}

// One snapshot of the loss of a path is made for each scrape.
func BenchmarkLoss(b *testing.B) {
	w := chain(1, 14)
	w.rounds(300, 3, 15)
	for b.Loop() {
		w.path.Loss(w.now.Add(-10 * time.Minute))
	}
}
