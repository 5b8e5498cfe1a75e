package guarder

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/bpf"
)

// BenchmarkHits asks for a full table over the admin socket: both sides together, without
// reading the table in the kernel.
func BenchmarkHits(b *testing.B) {
	a := &agent{hits: make([]Hit, bpf.GuardMaxHits)}
	for i := range a.hits {
		var source [4]byte
		binary.BigEndian.PutUint32(source[:], 0xcb000000+uint32(i)*1021)
		a.hits[i] = Hit{netip.AddrFrom4(source), uint32(i % 40), "would_drop", uint64(i) * 64, 1e15 + uint64(i), 2e15 + uint64(i)}
	}
	c := serve(b, a)
	b.ReportAllocs()
	for b.Loop() {
		if list, err := c.Hits(); err != nil || len(list.Hits) != len(a.hits) {
			b.Fatal(len(list.Hits), err)
		}
		a.told = nil
	}
}
