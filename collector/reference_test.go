package collector

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/posture"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// TestMetricsReference holds METRICS.md against the catalogue; with -update it writes
// the file.
func TestMetricsReference(t *testing.T) {
	const file = "METRICS.md"
	want := reference()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale; run: go test ./collector -run TestMetricsReference -update", file)
	}
}

// TestPagesSayTheBoundsOfToday holds what other pages say of series against the bounds, which
// grow with every metric.
func TestPagesSayTheBoundsOfToday(t *testing.T) {
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := read("../README.md")
	for name, host := range map[string]Host{"typical": TypicalHost, "with Guarder": GuardedHost, "with paths": LocatedHost, "largest": LargestHost} {
		bound := SeriesBound(host, DefaultSeriesLimit)
		if text := fmt.Sprintf(" %d,%03d", bound/1000, bound%1000); !strings.Contains(page, text) {
			t.Errorf("README.md does not say that a host that is %s has at most%s series", name, text)
		}
	}
	// A scrape has each histogram twice, once as a native one.
	samples := 0
	for _, f := range metric.Families {
		sets := LargestHost.bound(f, DefaultSeriesLimit)
		if samples += sets * f.SeriesPerSet(); f.SeriesPerSet() > 1 {
			samples += sets
		}
	}
	_, text, _ := strings.Cut(read("../rules/prometheus/prometheus.yml"), "sample_limit: ")
	var limit int
	if _, err := fmt.Sscan(text, &limit); err != nil || limit < samples {
		t.Errorf("prometheus.yml takes %d samples of an exporter (%v), and there may be %d", limit, err, samples)
	}
}

// reference is the text of METRICS.md.
func reference() []byte {
	var b bytes.Buffer
	b.WriteString(`<!-- Written by: go test ./collector -run TestMetricsReference -update -->

# Metrics

Every metric of PacketScope, from its catalogue (` + "`go doc ./collector/metric`" + `). [rules/](../rules) has the series that Prometheus records of them, and the alerts.

* Counters end in ` + "`_total`" + ` and are useful as rates: some began when the exporter attached its probes, some when a device or a network namespace was made.
* Histograms are exposed as native and as classic ones; the latter have the suffixes ` + "`_bucket`, `_sum` and `_count`" + `.
* Summaries have the label ` + "`quantile`" + ` and beside it the series ` + "`_sum` and `_count`" + `.
* *Series* is the greatest number of classic series of a typical host and of the largest one, see [Cardinality](#cardinality).
* A label without a value is empty: a packet that belongs to no watch has ` + "`watch=\"\"`" + `. Label sets beyond a limit are added up under ` + "`other`" + `.

`)
	for _, s := range Switches {
		state := "on"
		if !s.Default {
			state = "off"
		}
		fmt.Fprintf(&b, "## %s\n\n%s. `--[no-]collector.%s`, %s by default.\n\n", s.Name, sentence(s.Help), s.Name, state)
		familyTable(&b, s.Name)
	}
	b.WriteString("## guarder\n\nWhat the packet filter does, as its agent (`packetscope guard run`) tells. `--guarder.socket`, off by default.\n\n")
	familyTable(&b, metric.CollectorGuarder)
	b.WriteString("## path\n\nThe paths to destinations, which `locator` in the configuration names. Off by default: there are none.\n\n")
	familyTable(&b, metric.CollectorPath)
	b.WriteString("## annotator\n\nWhat `packetscope-annotator` does, which is a program of its own: alerts that come, explanations that leave, and models that are asked.\n\n")
	familyTable(&b, metric.CollectorAnnotator)
	b.WriteString("## Scrapes and the command\n\nWhat is there whatever collectors are on.\n\n")
	familyTable(&b, metric.CollectorSet, "")
	labelTable(&b)
	cardinality(&b)
	return b.Bytes()
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func familyTable(b *bytes.Buffer, collectors ...string) {
	b.WriteString("| metric | type | unit | labels | series | what it is |\n|---|---|---|---|---|---|\n")
	for _, collector := range collectors {
		for _, f := range metric.Of(collector) {
			series := "1"
			if f.Collector != "" {
				series = seriesRange(f)
			}
			fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s |\n", f.Name, f.Type, or(f.Unit, "–"), code(f.Labels), series, strings.ReplaceAll(f.Help, "|", `\|`))
		}
	}
	b.WriteString("\n")
}

// seriesRange tells the bounds of a family on a typical host and on the largest.
func seriesRange(f *metric.Family) string {
	if f.Collector == metric.CollectorAnnotator {
		return span(TypicalAnnotator.bound(f)*f.SeriesPerSet(), LargestAnnotator.bound(f)*f.SeriesPerSet())
	}
	host := TypicalHost
	if f.Collector == metric.CollectorPath {
		host = LocatedHost
	}
	return span(host.bound(f, DefaultSeriesLimit)*f.SeriesPerSet(), LargestHost.bound(f, DefaultSeriesLimit)*f.SeriesPerSet())
}

func span(typical, largest int) string {
	if typical == largest {
		return fmt.Sprint(typical)
	}
	return fmt.Sprintf("%d to %d", typical, largest)
}

func or(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}

func code(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	return "`" + strings.Join(names, "` `") + "`"
}

// names returns the label values of a list.
func names[T fmt.Stringer](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, v.String())
	}
	return all
}

func states(p sockets.Protocol) []string {
	var all []string
	for _, s := range p.States() {
		all = append(all, p.StateName(s))
	}
	return all
}

// layerNames returns the layers of functions.
func layerNames() []string {
	var all []string
	for _, l := range pathmap.Layers {
		all = append(all, string(l))
	}
	return all
}

func stateNames() []string {
	var all []string
	for _, s := range locator.States {
		all = append(all, string(s))
	}
	return all
}

// checkNames returns the names of the checks of posture.
func checkNames() []string {
	var all []string
	for _, c := range posture.Checks() {
		all = append(all, c.Name)
	}
	return all
}

// kindNames returns the kinds of addresses.
func kindNames() []string {
	var all []string
	for k := geo.Invalid; k <= geo.Reserved; k++ {
		all = append(all, k.String())
	}
	return all
}

func labelTable(b *bytes.Buffer) {
	var spans []string
	for _, s := range stack.Spans() {
		spans = append(spans, fmt.Sprintf("%s: %s to %s", s.Direction, s.From, s.To))
	}
	kinds := func(of func(stack.Kind) string) []string {
		var all []string
		seen := make(map[string]bool)
		for _, k := range stack.Kinds {
			if v := of(k); !seen[v] {
				seen[v] = true
				all = append(all, v)
			}
		}
		return all
	}
	devices := make(map[stack.Direction][]string)
	for _, c := range stack.DeviceCounters() {
		devices[c.Direction] = append(devices[c.Direction], c.Kind)
	}
	b.WriteString("## Label values\n\n| label | of | values |\n|---|---|---|\n")
	for _, row := range []struct {
		label, of string
		values    []string
	}{
		{"layer", "packets, drops", names(stack.Layers)},
		{"direction", "", names(stack.Directions)},
		{"direction, from, to", "stages", spans},
		{"family", "", kinds(stack.Kind.Family)},
		{"protocol", "packets", kinds(stack.Kind.Protocol)},
		{"device_class", "", names(stack.DeviceClasses)},
		{"cause", "unmatched stages", names(stack.Causes)},
		{"severity", "drops", names(stack.Severities)},
		{"role", "flows", names(stack.FlowRoles)},
		{"kind", "device drops, receive", devices[stack.Receive]},
		{"kind", "device drops, transmit", devices[stack.Transmit]},
		{"kind", "socket overflows", stack.OverflowKinds()},
		{"state", "sockets, TCP", states(sockets.TCP)},
		{"state", "sockets, others", states(sockets.UDP)},
		{"state", "Guarder's policy", inForce},
		{"check", "posture", checkNames()},
		{"state", "posture", names(posture.States)},
		{"mtu", "posture", []string{"floor", "above"}},
		{"fate", "the path map", []string{"delivered", "sent", "consumed", "merged", "dropped", "unseen"}},
		{"cause", "the path map", []string{"full", "unnamed"}},
		{"layer", "the path map", layerNames()},
		{"protocol", "the path map", []string{pathmap.ProtocolTCP, pathmap.ProtocolUDP, pathmap.ProtocolICMP, pathmap.ProtocolICMPv6, pathmap.ProtocolSCTP, pathmap.ProtocolARP, pathmap.OtherProtocol}},
		{"verdict", "Guarder's packets", []string{"pass", "drop"}},
		{"verdict", "Guarder's rules", []string{"pass", "drop", "would_drop", "count", "sample"}},
		{"verdict", "Guarder's services, countries and AS", []string{"drop", "would_drop"}},
		{"country", "Guarder's packets", []string{"the code of a country (ISO 3166-1)", localCountry, reservedCountry, unknownPlace, noCountry}},
		{"dest", "paths", []string{"the name of a destination in the configuration, or its address or name"}},
		{"state", "paths", stateNames()},
		{"kind", "changes of paths", changeKinds},
		{"kind", "loss by TTL", []string{"apparent", "path"}},
		{"kind", "hops", kindNames()},
		{"method", "NAT", []string{string(judge.Quoted), string(judge.Inferred), string(judge.Carrier)}},
		{"purpose", "probes", []string{"discovery", "last_ditch", "round", "beyond", "end", "extra"}},
		{"reason", "skipped probes", []string{"global", "destination", "router"}},
		{"reason", "label sets without series", overflowReasons},
		{"code", "webhook", annotatorValues[metric.AnnotatorRequests][0]},
		{"state", "alerts at the webhook", annotatorValues[metric.AnnotatorAlerts][0]},
		{"kind", "healed by the list of alerts", annotatorValues[metric.AnnotatorReconciled][0]},
		{"stage", "explaining", annotatorStages},
		{"result", "explaining", annotatorValues[metric.AnnotatorJobs][1]},
		{"result", "facts", annotatorValues[metric.AnnotatorQueries][0]},
		{"verdict", "explanations", annotatorValues[metric.AnnotatorExplanations][1]},
		{"confidence", "explanations", annotatorValues[metric.AnnotatorExplanations][2]},
		{"provider", "models", []string{"the name of a provider in the configuration"}},
		{"class", "requests to models", annotatorValues[metric.AnnotatorLLMRequests][1]},
		{"reason", "models that are not asked", annotatorValues[metric.AnnotatorLLMSkipped][0]},
		{"reason", "answers that are not fit", annotatorValues[metric.AnnotatorLLMRejections][0]},
		{"mode", "models", annotatorValues[metric.AnnotatorLLMMode][1]},
		{"state", "proposed rules", annotatorValues[metric.AnnotatorSuggestions][0]},
		{"sink", "", []string{"the name of a sink in the configuration"}},
		{"class", "deliveries to sinks", annotatorValues[metric.AnnotatorSinkRequests][1]},
		{"kind", "dead letters", annotatorValues[metric.AnnotatorDead][0]},
		{"watch", "", []string{"the name of a watch in the configuration, or empty"}},
	} {
		values := strings.Join(row.values, ", ")
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", strings.ReplaceAll(row.label, ", ", "`, `"), or(row.of, "all"), values)
	}
	b.WriteString("\n")
}
