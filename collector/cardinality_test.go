package collector

import (
	"bytes"
	"fmt"
	"math"

	"github.com/packetscope/packetscope/collector/metric"
)

// cardinality writes how many series there can be, from SeriesBound.
func cardinality(b *bytes.Buffer) {
	withoutWatches, watched := LargestHost, TypicalHost
	withoutWatches.Watches = 0
	watched.Watches = 8
	fmt.Fprintf(b, `## Cardinality

What a host can cost Prometheus in the worst case. Traffic cannot exceed it: labels hold addresses for the top flows and for the hops of paths to destinations alone, ports for the flows, for what is listened on and
for the 20 that Guarder drops most for, and never a process, a user or a file. %[1]s is the limit of one metric, and of all its classic series. Of paths it is that of hops, of distances, of links and of rules;
destinations, 64 at the most, have their series in any case. There are 8 hops at one distance and 700 altogether that have series of their own, and in an hour not more than 100 new ones of one destination,
so that routers that call themselves something else each time cost no more.

| host | series in the worst case | of these a server stores, if it ingests only native histograms |
|---|---|---|
`, "`series_limit`")
	for _, row := range []struct {
		name string
		host Host
	}{
		{"typical, default configuration", TypicalHost},
		{fmt.Sprintf("typical, with Guarder: %d rules that match or are about an attack, %d sets, %d feeds, %d types of ICMP over each of IPv4 and IPv6, sources in %d countries", GuardedHost.GuarderRules, GuardedHost.GuarderSets, GuardedHost.GuarderFeeds, GuardedHost.GuarderMessages, GuardedHost.GuarderCountries), GuardedHost},
		{fmt.Sprintf("typical, with Locator: %d destinations, %d distances, %d hops and %d links on each path, %d rules, %d databases", LocatedHost.Destinations, LocatedHost.PathTTLs, LocatedHost.PathHops, LocatedHost.PathLinks, LocatedHost.PathRules, LocatedHost.LocatorFiles), LocatedHost},
		{"typical, with `--no-collector.pathmap`", withoutPathMap(TypicalHost)},
		{"typical, with 8 watches", watched},
		{"largest, without watches", withoutWatches},
		{"largest: every protocol, 64 devices, 64 watches, 100 flows, 257 listening ports, 64 destinations, all collectors", LargestHost},
	} {
		fmt.Fprintf(b, "| %s | %d | %d |\n", row.name, SeriesBound(row.host, DefaultSeriesLimit), nativeBound(row.host))
	}
	for _, row := range []struct {
		name string
		size AnnotatorSize
	}{{"an annotator", TypicalAnnotator}, {"the largest annotator", LargestAnnotator}} {
		native := 0
		for _, f := range metric.Of(metric.CollectorAnnotator) {
			native += row.size.bound(f)
		}
		fmt.Fprintf(b, "| %s: %d providers of models, %d sinks | %d | %d |\n", row.name, row.size.Providers, row.size.Sinks, row.size.Series(), native)
	}
	h := TypicalHost
	fmt.Fprintf(b, `
The *typical* host has %d pairs of family and protocol in its traffic (TCP, UDP and ICMP over IPv4 and IPv6), %d classes of devices, %d devices, %d listening ports, %d top flows, %d reasons for drops in %d functions, and a path map of %d steps, %d of them timed, between %d functions.

A metric has as many label sets as its labels have combinations that can occur, and a histogram has for each set one series per classic bound and three more (+Inf, sum, count). The bound takes
every combination to occur, on all hosts but the largest without packets that loopback forwards or that go past netfilter; [BENCHMARKS.md](../BENCHMARKS.md) has what a real host had. So

    series = sum over metrics of min(series_limit, label sets × (1, or classic bounds + 3))

From the typical host with Guarder and Locator on, this is what more of something adds at the most:

| one more | series |
|---|---|
`, h.Kinds, h.Classes-1, h.Devices, h.Ports, h.Flows, h.Reasons, h.Functions, h.PathEdges, h.PathTimes, h.PathFunctions)
	for _, row := range []struct {
		name string
		grow func(*Host)
	}{
		{"watch (`watches`) that matches some of all traffic", func(h *Host) { h.Watches++ }},
		{"network device, up to 64", func(h *Host) { h.Devices++ }},
		{"class of devices (loopback, virtual, physical)", func(h *Host) { h.Classes++ }},
		{"protocol in the traffic, over one family", func(h *Host) { h.Kinds++; h.Protocols++ }},
		{"listening TCP port, up to 256", func(h *Host) { h.Ports++ }},
		{"top flow (`flows.top`, up to 100)", func(h *Host) { h.Flows++ }},
		{"reason for drops", func(h *Host) { h.Reasons++ }},
		{"function that drops, up to 256", func(h *Host) { h.Functions++ }},
		{"`--collector.netfilter`", func(h *Host) { h.Netfilter = true }},
		{"step of the path map, up to 500; three if it is timed", func(h *Host) { h.PathEdges++ }},
		{"`--collector.posture`, with 4 devices", func(h *Host) { h.Posture = true }},
		{"rule of Guarder that matches, or says by a label which attack it is about; 2 for a further verdict of it", func(h *Host) { h.GuarderRules++ }},
		{"rule of Guarder with a limit on connections, up to 256", func(h *Host) { h.GuarderCounting++ }},
		{"named set of Guarder, up to 100", func(h *Host) { h.GuarderSets++ }},
		{"set of Guarder that learns MAC addresses", func(h *Host) { h.GuarderLearning++ }},
		{"feed of Guarder, up to 32, refused for each reason", func(h *Host) { h.GuarderFeeds++ }},
		{"origin of bans of Guarder (rules, the operator, a program, CrowdSec)", func(h *Host) { h.GuarderBans++ }},
		{"country of sources of what Guarder drops, up to 260", func(h *Host) { h.GuarderCountries++ }},
		{"destination of Locator, up to 64, with its path", func(h *Host) { h.Destinations++ }},
	} {
		base := located(GuardedHost)
		more := base
		row.grow(&more)
		fmt.Fprintf(b, "| %s | %d |\n", row.name, SeriesBound(more, DefaultSeriesLimit)-SeriesBound(base, DefaultSeriesLimit))
	}
	typical := SeriesBound(TypicalHost, DefaultSeriesLimit)
	fmt.Fprintf(b, `
A thousand typical hosts have at most %.1f million series, and those that [rules/](../rules) record. To have fewer: fewer watches, a lower %s, fewer %s, and
%s for collectors that nobody looks at. A %s in the scrape configuration, above this bound, protects Prometheus from what is not foreseen here.
`, math.Ceil(float64(typical)*1000/1e5)/10, "`series_limit`", "`flows.top`", "`--no-collector.NAME`", "`sample_limit`")
}

// withoutPathMap is a host whose collector "pathmap" is off.
func withoutPathMap(h Host) Host {
	h.PathEdges, h.PathTimes, h.PathFunctions, h.PathFates = 0, 0, 0, 0
	return h
}

// nativeBound is SeriesBound where each histogram is one series.
func nativeBound(h Host) int {
	n := 0
	for _, f := range metric.Families {
		n += h.bound(f, DefaultSeriesLimit)
	}
	return n
}
