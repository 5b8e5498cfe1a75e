//go:build bench

package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/testnet"
)

// What measuring paths may take.
const (
	aimedPathsCPU    = 1.0  // percent of a CPU
	aimedPathsMemory = 32.0 // MB
	aimedKnown       = 2 * time.Second
)

const (
	steadyFor   = 60 * time.Second
	longPath    = 15 // hops, of the path that is looked for
	discoveries = 15
)

// measurePaths measures what an engine with its default configuration takes for as many
// destinations as it may have.
func measurePaths(t *testing.T) section {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1, 8, 8, 8, 8, 1}})
	destinations := manyDestinations(t, p)
	whole := steady(t, p, locator.Config{Destinations: destinations})
	rounds := steady(t, p, locator.Config{Destinations: destinations, NoBranches: true, NoMTU: true})
	alone := onPaper(t)
	known := over(discover(t), time.Duration.Seconds)
	return section{
		title: "Paths to 64 destinations",
		text: fmt.Sprintf(`The engine of Locator with its default configuration. %d destinations by ICMP, half of them by IPv6, are at the
end of a path of namespaces of %d hops, where four stages of 8 routers each share the load: each destination has its own way
through them. CPU time is that of the whole process for %v after all paths are known, as getrusage tells. All routers
are on this machine too, and what they do is done while the packet is sent: a socket that sends as many packets
to the same TTLs and nothing else takes the share that is given as "by the path". Branches and path MTUs
are looked for in the first minutes and every 30 to 60 minutes again; "rounds alone" is without.

What the engine does itself is measured again without sockets, for an hour of %d paths of %d hops that differ from the
fourth on, in a bubble where time passes when nothing is to be done. All windows are full then. A path of %d hops is known
when its destination is and no router is missing; it is looked for %d times, by routers with the kernel's limits.`,
			len(destinations), pathHops, steadyFor, len(destinations), longPath, longPath, discoveries),
		table: table{
			{"what", "measured", "aim", ""},
			costRow("CPU, %", whole.cpu, 2, aimedPathsCPU),
			costRow("of that by the path, %", whole.path, 2, 0),
			costRow("packets per second", whole.packets, 1, 0),
			costRow("CPU, rounds alone, %", rounds.cpu, 2, aimedPathsCPU),
			costRow("of that by the path, rounds alone, %", rounds.path, 2, 0),
			costRow("packets per second, rounds alone", rounds.packets, 1, 0),
			costRow("CPU without sockets, %", alone.cpu, 2, 0),
			costRow("first probe until all paths are known, s", whole.known, 0, 0),
			costRow("memory of the heap and of stacks, MB", whole.memory, 1, aimedPathsMemory),
			costRow("heap with all windows full, MB", alone.memory, 1, aimedPathsMemory),
			costRow("Snapshot with all windows full, ms", alone.snapshot, 1, 0),
			{"first probe until 15 hops of one path are known, s", known.text(3), fmt.Sprintf("< %.0f", aimedKnown.Seconds()), met(known.median < aimedKnown.Seconds())},
		},
	}
}

// pathHops is how many hops the path of measurePaths has.
const pathHops = 9

// A pathCost is what an engine takes. CPU is in percent, memory in MB, a Snapshot in ms, and
// known is after how many seconds all paths were.
type pathCost struct{ cpu, path, packets, memory, snapshot, known float64 }

func costRow(what string, value float64, digits int, aim float64) []string {
	if aim == 0 {
		return []string{what, fmt.Sprintf("%.*f", digits, value), "", ""}
	}
	return []string{what, fmt.Sprintf("%.*f", digits, value), fmt.Sprintf("< %.0f", aim), met(value < aim)}
}
