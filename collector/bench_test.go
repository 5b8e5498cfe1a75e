package collector

import (
	"io"
	"testing"

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
