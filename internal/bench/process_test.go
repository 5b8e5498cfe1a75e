//go:build bench

package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/testnet"
)

// What the exporter as a process may take.
const (
	aimedReady  = 2 * time.Second
	aimedScrape = 50 * time.Millisecond
	aimedMemory = 64 // MB
	aimedSeries = 3000
)

const (
	starts  = 5
	scrapes = 10 // of each form, after each start
)

// What servers ask for: the text that curl gets, and the form that carries
// native histograms.
const (
	asText     = "text/plain; version=0.0.4"
	asProtobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

// A life is what one run of the exporter was measured to take.
type life struct {
	ready          time.Duration
	text, protobuf []time.Duration
	memory, peak   float64 // MB
	series         int
}

// process starts the real binary, gives it traffic to count and asks it for metrics.
func process(t *testing.T) section {
	binary, n := build(t), testnet.NewRouted(t)
	for _, ns := range []*testnet.Namespace{n.Left, n.Router, n.Right} {
		ns.Pin(t)
	}
	var lives []life
	for range starts {
		lives = append(lives, lifeOf(t, binary, n))
	}
	return section{
		title: "The exporter as a process",
		text: fmt.Sprintf(`The binary without any configuration, %d times: started, polled until /-/ready says yes, given TCP, UDP and
ICMP of both families over loopback and through a router, and scraped %d times in each form. Memory
is read after that. The bounds on series are of package collector, for its default limit per family.`, starts, scrapes),
		table: processTable(lives),
	}
}

func lifeOf(t *testing.T, binary string, n *testnet.Net) (l life) {
	p := start(t, binary)
	defer p.stop(t)
	l.ready = p.untilReady(t)
	mixture(t, n)
	for range scrapes {
		body, took := p.scrape(t, asText)
		l.text, l.series = append(l.text, took), countSeries(body)
		_, took = p.scrape(t, asProtobuf)
		l.protobuf = append(l.protobuf, took)
	}
	l.memory, l.peak = p.memory(t, "VmRSS"), p.memory(t, "VmHWM")
	return l
}

// mixture sends some of everything.
func mixture(t *testing.T, n *testnet.Net) {
	for _, f := range testnet.Families {
		for _, dst := range []*testnet.Namespace{n.Left, n.Right} {
			if err := testnet.SendUDP(n.Left, dst, f, 500, 64); err != nil {
				t.Fatal(err)
			}
			if err := testnet.SendTCP(n.Left, dst, f, 1<<20); err != nil {
				t.Fatal(err)
			}
			if err := testnet.Ping(n.Left, dst, f, 50); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func processTable(lives []life) table {
	ready := over(lives, func(l life) float64 { return l.ready.Seconds() })
	memory := over(lives, func(l life) float64 { return l.memory })
	peak := over(lives, func(l life) float64 { return l.peak })
	series := over(lives, func(l life) float64 { return float64(l.series) })
	text := milliseconds(lives, func(l life) []time.Duration { return l.text })
	protobuf := milliseconds(lives, func(l life) []time.Duration { return l.protobuf })
	typical := collector.SeriesBound(collector.TypicalHost, collector.DefaultSeriesLimit)
	largest := collector.SeriesBound(collector.LargestHost, collector.DefaultSeriesLimit)
	const scrapeAim = float64(aimedScrape / time.Millisecond)
	return table{
		{"what", "measured", "aim", ""},
		{"start to ready, s", ready.text(2), fmt.Sprintf("< %.0f", aimedReady.Seconds()), met(ready.median < aimedReady.Seconds())},
		{"scrape as text, ms", text.text(1), fmt.Sprintf("< %.0f", scrapeAim), met(text.median < scrapeAim)},
		{"scrape as protobuf, ms", protobuf.text(1), fmt.Sprintf("< %.0f", scrapeAim), met(protobuf.median < scrapeAim)},
		{"resident memory, MB", memory.text(1), fmt.Sprintf("< %d", aimedMemory), met(memory.median < aimedMemory)},
		{"its peak, while the probes were loaded, MB", peak.text(1), "", ""},
		{"series", series.text(0), fmt.Sprintf("< %d", aimedSeries), met(series.median < aimedSeries)},
		{"most series of a typical host", fmt.Sprint(typical), fmt.Sprintf("< %d", aimedSeries), met(typical < aimedSeries)},
		{"most series of any host, with 64 watches and every collector", fmt.Sprint(largest), "", ""},
	}
}

// milliseconds returns the spread over all scrapes of all lives.
func milliseconds(lives []life, of func(life) []time.Duration) spread {
	var all []float64
	for _, l := range lives {
		for _, d := range of(l) {
			all = append(all, float64(d)/float64(time.Millisecond))
		}
	}
	return spreadOf(all)
}
