package rules

import (
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/promtest"
)

// A load is what happens on a healthy host, in events per second of each series of a
// family. What is not listed does not happen.
type load map[*metric.Family]float64

// idle is a host that nobody uses: some chatter of the network, and the scrapes.
var idle = load{
	metric.Packets: 2, metric.Bytes: 300, metric.WirePackets: 2, metric.LayerCrossings: 2, metric.UnmatchedStages: 0.05,
	metric.StageDuration: 0.1, metric.SocketReadWait: 0.1, metric.QdiscWait: 0.02, metric.DriverXmit: 0.1,
	metric.NAPIPollPackets: 2, metric.SoftirqWait: 0.2, metric.SoftirqRun: 0.2, metric.NetfilterHookDuration: 0.1,
	metric.FlowBytes: 100, metric.FlowPackets: 1,
	metric.TCPRetransmits: 0.002, metric.TCPResets: 0.01, metric.TCPRoundTrip: 0.1, metric.TCPConnectDuration: 0.1,
	metric.TCPChallengeAcks: 0.001, metric.TCPOutOfOrder: 0.01, metric.TCPDuplicateAcks: 0.01,
	metric.Drops: 0.05, metric.DropLocations: 0.05, metric.DeviceDrops: 0.2, metric.RouteLookupFailures: 0.1, metric.NeighborFailures: 0.01,
	metric.ICMPErrorsSent: 0.05,
	metric.GuarderPackets: 2, metric.GuarderUnmatched: 2, metric.GuarderRulePackets: 0.01, metric.GuarderRuleBytes: 1, metric.GuarderWouldDrop: 0.01,
	metric.GuarderUnparsable: 0.001, metric.GuarderSocketLookups: 1, metric.GuarderServicePackets: 0.01, metric.GuarderCountryPackets: 0.01, metric.GuarderASPackets: 0.01, metric.GuarderICMPPackets: 0.1, metric.GuarderICMPQuoted: 0.001,
	metric.GuarderSamples: 0.01, metric.GuarderProgramRuns: 0.02, metric.GuarderProgramSeconds: 1e-8,
	metric.LocatorRTT: 0.1, metric.LocatorProbesSent: 0.1, metric.LocatorTTLProbesSent: 0.1, metric.LocatorTTLReplies: 0.1, metric.LocatorHopRTT: 0.1,
	metric.LocatorPackets: 1, metric.LocatorShared: 0.1, metric.LocatorSkipped: 0.01, metric.LocatorTimestamps: 1, metric.LocatorUnmatched: 0.01,
	metric.AnnotatorRequests: 0.01, metric.AnnotatorRequestDuration: 0.01, metric.AnnotatorAlerts: 0.01, metric.AnnotatorDuplicates: 0.001,
	metric.AnnotatorReconciled: 0.016, metric.AnnotatorJobs: 0.01, metric.AnnotatorJobDuration: 0.01, metric.AnnotatorFirst: 0.01,
	metric.AnnotatorQueries: 0.1, metric.AnnotatorMissing: 0.001, metric.AnnotatorFactsDuration: 0.01, metric.AnnotatorExplanations: 0.01,
	metric.AnnotatorLLMRequests: 0.01, metric.AnnotatorLLMDuration: 0.01, metric.AnnotatorLLMTokens: 10, metric.AnnotatorSinkRequests: 0.01,
	metric.StackPathSamples: 0.1, metric.StackPathTimed: 0.02, metric.StackPathStep: 1e-7, metric.StackPathPackets: 0.02, metric.StackPathTurns: 0.1, metric.StackPathAttached: 0.9,
	metric.ProbeRuns: 1, metric.ProbeRunSeconds: 2e-8, metric.ProbeStatsWindow: 0.01,
}

// busy is a server at work: a thousand times as much, with the small troubles that go
// with it.
var busy = func() load {
	l := make(load)
	for f, rate := range idle {
		l[f] = 1000 * rate
	}
	for f, rate := range map[*metric.Family]float64{
		metric.TCPRetransmits: 4, metric.TCPResets: 10, metric.TCPChallengeAcks: 0.1, metric.TCPOutOfOrder: 10, metric.Drops: 0.3,
		metric.DeviceDrops: 1, metric.RouteLookupFailures: 1, metric.NeighborFailures: 0.1, metric.ICMPErrorsSent: 2,
		metric.NAPIBudgetExhausted: 20, metric.TCPZeroWindowEvents: 0.2, metric.SocketOverflows: 0.01,
		metric.StackPathTurns: 0.1, metric.StackPathAttached: 0.001, metric.StackPathSpent: 0.1,
		metric.ProbeStatsWindow: 0.01, metric.FlowEvictions: 0.1, metric.LostEvents: 0.1, metric.GuarderSamplesLost: 0.1,
	} {
		l[f] = rate
	}
	return l
}()

// healthyGauge returns the value of a gauge on a healthy host, or false if the sample's
// will do.
func healthyGauge(f *metric.Family, l labels.Labels) (float64, bool) {
	switch f {
	case metric.ProbeAttached, metric.ScrapeCollectorSuccess, metric.ConfigReloadSuccessful, metric.GuarderApplySuccessful, metric.GuarderAttached:
		return 1, true
	case metric.LocatorDBSuccessful, metric.LocatorHistorySuccessful:
		return 1, true
	case metric.LocatorPathFailing, metric.LocatorPathBlocked, metric.LocatorMTUBlackHole, metric.LocatorRisk, metric.LocatorRiskScore,
		metric.LocatorHopBlocklisted, metric.LocatorRefused, metric.GuarderFeedRefused:
		return 0, true
	case metric.GuarderBindings:
		if l.Get("state") == "locked" {
			return 1, true
		}
		return 0, true
	case metric.AnnotatorStorm, metric.AnnotatorSinkPaused, metric.AnnotatorSinkUnfit, metric.AnnotatorDead, metric.AnnotatorLLMBreaker:
		return 0, true
	case metric.PosturePMTUExceptions:
		return 0, true
	case metric.ScrapeCollectorDuration:
		return 0.02, true
	case metric.NetworkNamespaces, metric.SocketNamespaces, metric.TCPNetworkNamespaces:
		return 0, l.Get("state") == "uncovered"
	}
	return 0, false
}

// typical is how long what a histogram observes takes on a healthy host, in seconds.
func typical(f *metric.Family) float64 {
	switch f {
	case metric.TCPRoundTrip, metric.TCPConnectDuration, metric.LocatorRTT:
		return 0.012
	case metric.SocketReadWait:
		return 0.002
	case metric.AnnotatorFirst, metric.AnnotatorFactsDuration, metric.AnnotatorJobDuration, metric.AnnotatorLLMDuration:
		return 1
	}
	return 0.00003
}

// A sampled is a series of the sample exposition, with the value that it has there.
type sampled struct {
	labels labels.Labels
	family *metric.Family
	value  float64
}

// sampleExposition reads the sample exposition of the collectors, with what a server adds to it
// and some more kinds of packets.
func sampleExposition(t *testing.T) []sampled {
	t.Helper()
	text, err := os.ReadFile("../collector/testdata/exposition.txt")
	if err != nil {
		t.Fatal(err)
	}
	const more = `
packetscope_wire_packets_total{device_class="physical",direction="transmit",family="ipv4",protocol="tcp",watch=""} 1
packetscope_packets_total{device_class="physical",direction="transmit",family="ipv4",layer="transport",protocol="tcp",watch=""} 1
packetscope_tcp_connect_duration_seconds_count{family="ipv4",result="established",role="active"} 1
packetscope_config_last_reload_successful 1
`
	db := promtest.New()
	at := time.Unix(0, 0)
	target := labels.FromStrings("job", "packetscope", "instance", "a")
	for i, part := range []string{string(text), more} {
		if err := db.Scrape(at.Add(time.Duration(i)*time.Second), []byte(part), "text/plain; version=0.0.4", target); err != nil {
			t.Fatal(err)
		}
	}
	var all []sampled
	for _, l := range db.Series() {
		name := l.Get(model.MetricNameLabel)
		f, ok := metric.Lookup(name)
		if !ok && name != "up" {
			continue
		}
		v, _, err := db.Instant(l.String(), at.Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range v { // a selector without a label selects series that have it, too
			if labels.Equal(x.Metric, l) {
				all = append(all, sampled{l, f, x.F})
			}
		}
	}
	return all
}

// at is the value of a series after some minutes under a load. Rates swing by a tenth.
func (s sampled) at(minute int, l load) float64 {
	if s.family == nil {
		return s.value
	}
	if s.family.Type == metric.Gauge {
		if v, ok := healthyGauge(s.family, s.labels); ok {
			return v
		}
		return s.value
	}
	rate := l[s.family]
	if s.labels.Get("clock") == "user" {
		rate /= 100 // one in so many has no time of the kernel
	}
	if s.labels.Get("group") == "forged-icmp" {
		rate = 0 // nobody honest sends what these rules are for
	}
	if s.family == metric.AnnotatorRequests && s.labels.Get("code") > "202" {
		rate = 0 // Alertmanager sends what it should, and has a token
	}
	if s.labels.Get("severity") == "loss" || slices.Contains([]string{"timeout", "refused", "timed_out", "failed"}, s.labels.Get("result")) {
		rate /= 100 // one in so many goes wrong, even here
	}
	if le := s.labels.Get("le"); le != "" {
		if bound, err := strconv.ParseFloat(le, 64); err == nil && bound < typical(s.family) && s.family.Unit == "seconds" {
			return 0
		}
	}
	seconds := 60 * float64(minute)
	grown := rate * (seconds + 60*0.1*math.Sin(float64(minute)))
	if strings.HasSuffix(s.labels.Get(model.MetricNameLabel), "_sum") {
		grown *= typical(s.family)
	}
	return s.value + grown
}

// TestHealthyHostFiresNothing runs all rules for two hours of a host on which all is
// well, idle and busy.
func TestHealthyHostFiresNothing(t *testing.T) {
	series := sampleExposition(t)
	for name, l := range map[string]load{"idle": idle, "busy": busy} {
		t.Run(name, func(t *testing.T) {
			db := promtest.New()
			rules := promtest.NewRules(db)
			for _, file := range fileNames(t) {
				text, err := fs.ReadFile(Files(), file)
				if err != nil {
					t.Fatal(err)
				}
				if err := rules.Parse(file, text); err != nil {
					t.Fatal(err)
				}
			}
			start := time.Unix(0, 0)
			for minute := range 121 {
				now := start.Add(time.Duration(minute) * time.Minute)
				for _, s := range series {
					if err := db.Add(s.labels, now.UnixMilli(), s.at(minute, l)); err != nil {
						t.Fatal(err)
					}
				}
				if err := rules.Eval(now); err != nil {
					t.Fatal(err)
				}
				for _, a := range rules.Firing("") {
					t.Errorf("after %d min %s fires: %s", minute, a.Labels, a.Annotations["summary"])
				}
				if t.Failed() {
					return
				}
			}
			wantRecorded(t, db, start.Add(2*time.Hour))
		})
	}
}

// wantRecorded claims that nearly every recording rule has a result, so that the alerts
// had something to look at.
func wantRecorded(t *testing.T, db *promtest.DB, at time.Time) {
	t.Helper()
	// The sample has no crossings and drops of one stage.
	without := []string{"instance_direction_from_to:packetscope_unmatched_stages_dropped:ratio_rate5m"}
	for _, r := range Recordings() {
		v, _, err := db.Instant(r.Name, at)
		if err != nil {
			t.Fatal(err)
		}
		if len(v) == 0 && !slices.Contains(without, r.Name) {
			t.Errorf("%s has no result", r.Name)
		}
	}
	if v, _, err := db.Instant(`ALERTS`, at); err != nil || len(v) > 0 {
		t.Errorf("pending: %v %v", v, err)
	}
}
