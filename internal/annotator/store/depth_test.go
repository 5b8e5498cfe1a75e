//go:build unix

package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestDepthReadsNoPayloads damages one, which whoever reads it finds out. With 10,000 that wait
// for a sink that is down they are hundreds of megabytes, at each scrape.
func TestDepthReadsNoPayloads(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	h.pass(time.Hour)
	publishAgain(t, s, 0, "grafana", "pager")
	first := must[Delivery](t)(s.NextDelivery(t.Context(), "pager")).Created
	h.pass(time.Hour)
	publishAgain(t, s, 1, "grafana", "pager")
	err := s.update("test", func(tx *bolt.Tx) error {
		key, value := tx.Bucket(inOutbox).Cursor().Seek(sinkPrefix("pager"))
		value = bytes.Clone(value)
		value[len(value)-3] ^= 1
		return tx.Bucket(inOutbox).Put(bytes.Clone(key), value)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Line{Waiting: 2, Oldest: first}
	d, err := s.Depth()
	if got := d.Outbox["pager"]; err != nil || got.Waiting != want.Waiting || !got.Oldest.Equal(want.Oldest) {
		t.Errorf("for the pager wait %+v, want %+v, %v", got, want, err)
	}
}

// BenchmarkDepth counts with 1,000 messages of 20 KiB for a sink that is down.
func BenchmarkDepth(b *testing.B) {
	s := openQuick(b, Config{Path: filepath.Join(b.TempDir(), "store.db")})
	payload := make([]byte, 20<<10)
	for n := range 1000 {
		add(b, s, firing(fmt.Sprint("g", n), n, "a"))
		j := take(b, s)
		if err := s.Done(j, Result{Publish: []Publication{{"pager", payload}}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if d := must[Depth](b)(s.Depth()); d.Outbox["pager"].Waiting != 1000 {
			b.Fatalf("depth %+v", d)
		}
	}
}
