//go:build bench

package bench

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

var (
	rounds = flag.Int("rounds", 15, "how often each comparison is made")
	slice  = flag.Duration("slice", 300*time.Millisecond, "how long one side of a comparison runs")
	output = flag.String("output", "", "file to write if all sections were measured")
)

// sections are what the file consists of. Each measures and returns its part.
var sections = []struct {
	name    string
	measure func(t *testing.T) section
}{
	{"live", live},
	{"test_run", testRun},
	{"flows", countFlows},
	{"guard", judgePackets},
	{"guard_watch", watchPackets},
	{"guard_ends", endRules},
	{"guard_sets", lookUpSets},
	{"guard_together", judgeTogether},
	{"guard_sockets", askSockets},
	{"guard_limits", countRates},
	{"guard_meters", limitLive},
	{"guard_bans", askBans},
	{"guard_connections", capConnections},
	{"guard_cookies", answerSYNs},
	{"guard_answers", answerLive},
	{"guard_flood", surviveFloods},
	{"guard_live", dropLive},
	{"throughput", throughput},
	{"round_trips", roundTrips},
	{"path_map", mapPaths},
	{"paths", measurePaths},
	{"trace", tracePackets},
	{"process", process},
	{"fleet", fleet},
	{"annotator", annotate},
}

// TestBenchmarks measures. It fails where something cannot be measured, not where
// an aim is missed.
func TestBenchmarks(t *testing.T) {
	var parts []string
	loadBefore := loadAverage(t)
	for _, s := range sections {
		t.Run(s.name, func(t *testing.T) {
			before := accounted(t)
			part := s.measure(t)
			if before || accounted(t) {
				part.text += "\n\n(Something else had the kernel account for the run time of BPF programs meanwhile, which adds to each run.)"
			}
			text := part.markdown(s.name)
			t.Log("\n" + text)
			parts = append(parts, text)
		})
	}
	if *output == "" || t.Failed() || len(parts) < len(sections) {
		return
	}
	document := append([]string{heading(t, loadBefore)}, parts...)
	if err := os.WriteFile(*output, []byte(strings.Join(document, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pinnedNet returns two joined namespaces that the engine finds.
func pinnedNet(t *testing.T) *testnet.Net {
	n := testnet.New(t)
	n.Left.Pin(t)
	n.Right.Pin(t)
	return n
}
