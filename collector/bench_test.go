package collector

import (
	"io"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/packetscope/packetscope/internal/stack"
)

// BenchmarkScrape gathers and encodes what a host exposes, as one scrape does
// without the network and the engine.
func BenchmarkScrape(b *testing.B) {
	watched := TypicalHost
	watched.Watches = stack.MaxWatches // most label sets are folded
	for name, h := range map[string]Host{"typical": TypicalHost, "watched": watched} {
		b.Run(name, func(b *testing.B) {
			r := reader{snapshot: hostSnapshot(h), self: hostSelf(h), tcp: hostTCP(h), drops: hostDrops(h)}
			registry := prometheus.NewRegistry()
			registry.MustRegister(newFullSet(r, r, StackOptions{Since: since}))
			b.ReportAllocs()
			for b.Loop() {
				families, err := registry.Gather()
				if err != nil {
					b.Fatal(err)
				}
				encoder := expfmt.NewEncoder(io.Discard, expfmt.NewFormat(expfmt.TypeProtoDelim))
				for _, f := range families {
					if err := encoder.Encode(f); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkPaths gathers what the collector of paths exposes.
func BenchmarkPaths(b *testing.B) {
	for name, h := range map[string]Host{"typical": LocatedHost, "largest": LargestHost} {
		b.Run(name, func(b *testing.B) {
			registry := prometheus.NewRegistry()
			registry.MustRegister(NewSet(quiet, stopped, newHostPath(h, NewStack(reader{}, StackOptions{Since: since}))))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := registry.Gather(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLedger enters a full table in which every flow is active.
func BenchmarkLedger(b *testing.B) {
	h, l := newHistory(65_535), newFlowLedger(DefaultTopFlows, since)
	for i := range h.room {
		h.carry(flowKey(uint16(i+1), 6), uint64(i%1000+1))
	}
	table := h.table()
	b.ReportAllocs()
	for b.Loop() {
		for i := range table.Flows {
			table.Flows[i].SentBytes += uint64(i % 77)
		}
		table.Time = table.Time.Add(15 * time.Second)
		enter(l, table)
	}
}
