//go:build bench

package bench

import (
	"fmt"
	"math"
)

// What one Prometheus may take: half of a machine that can be had, and half of the
// time until a group of rules is to be evaluated again.
const (
	fleetMemory = 64_000.0 // MB
	fleetCPUs   = 16.0
	fleetShare  = 0.5
)

// fleetTable puts what was measured beside what it comes to. What does not depend on
// the number of hosts is not computed.
func fleetTable(bare, ruled fleetUse) table {
	rows := table{{"what", "100 hosts, measured", "per 1,000 series", "1,000 hosts, computed", "10,000 hosts, computed"}}
	row := func(what string, measured, series float64, digits int) {
		number := func(n float64, digits int) string { return fmt.Sprintf("%.*f", max(0, digits), n) }
		rows = append(rows, []string{
			what, number(measured, digits), number(1000*measured/series, digits+2), number(10*measured, digits-1), number(100*measured, digits-2),
		})
	}
	row("series", ruled.series, ruled.series, -2)
	row("of them recorded by rules", ruled.series-bare.series, ruled.series, -2)
	row("memory without rules, MB", bare.memory, bare.series, 0)
	row("memory with rules, MB", ruled.memory, ruled.series, 0)
	row("CPUs for scrapes every 15 s", bare.cpu, bare.series, 3)
	row("CPUs for rules", ruled.cpu-bare.cpu, ruled.series, 3)
	row("evaluation of all groups, one after the other, ms", ruled.evaluation, ruled.series, 0)
	return append(rows,
		[]string{"of its interval, the slowest group takes (" + ruled.group + ")", percent(ruled.slowest, 1), "", percent(10*ruled.slowest, 0), percent(100*ruled.slowest, 0)},
		[]string{"scrape of a host, ms", ruled.scrape.text(1), fmt.Sprintf("%.1f", ruled.scrape.median*1000*fleetHosts/bare.series), "", ""},
	)
}

// fleetVerdict says how far one Prometheus goes. Groups of rules are evaluated beside
// each other, so it is the slowest one that has to keep up.
func fleetVerdict(u fleetUse) string {
	byMemory := fleetHosts * fleetShare * fleetMemory / u.memory
	byCPU := fleetHosts * fleetShare * fleetCPUs / u.cpu
	byRules := fleetHosts * fleetShare / u.slowest
	most := min(byMemory, byCPU, byRules)
	return fmt.Sprintf(`In proportion, half of a machine with %.0f GB and %.0f CPUs would do for %.0f hosts by memory and %.0f by CPU, and the
slowest group of rules would take half of its interval at %.0f. So 1,000 hosts take %s, and 10,000 take %s, each
with its share of the hosts (see rules/prometheus/fleet), or fewer with a longer interval.`,
		fleetMemory/1000, fleetCPUs, byMemory, byCPU, byRules, prometheis(1000/most), prometheis(10_000/most))
}

func percent(share float64, digits int) string { return fmt.Sprintf("%.*f %%", digits, 100*share) }

func prometheis(n float64) string {
	if n <= 1 {
		return "one Prometheus"
	}
	return fmt.Sprintf("%.0f Prometheis", math.Ceil(n))
}
