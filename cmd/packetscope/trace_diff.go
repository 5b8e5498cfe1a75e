package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

func addTraceDiff(trace *kingpin.CmdClause) map[string]verb {
	command := trace.Command("diff", "Compare two maps: functions that appeared, vanished, or take longer, and how sure that is.")
	before := command.Arg("before", "A file that trace map --format=json wrote.").Required().String()
	after := command.Arg("after", "Another one.").Required().String()
	asJSON := command.Flag("json", "Print JSON.").Bool()
	return map[string]verb{"trace diff": func(_ context.Context, e env, _ *slog.Logger) error {
		var maps [2]pathmap.Document
		for i, path := range []string{*before, *after} {
			var err error
			if maps[i], err = readPathMap(path); err != nil {
				return err
			}
		}
		diff := pathmap.Compare(maps[0], maps[1])
		if *asJSON {
			encoder := json.NewEncoder(e.stdout)
			encoder.SetEscapeHTML(false)
			return encoder.Encode(newTraceDiff(diff))
		}
		_, err := fmt.Fprint(e.stdout, diffText(maps[0], maps[1], diff))
		return err
	}}
}

func readPathMap(path string) (pathmap.Document, error) {
	file, err := os.Open(path)
	if err != nil {
		return pathmap.Document{}, err
	}
	defer file.Close()
	d, err := pathmap.ReadDocument(file)
	if err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// A traceDiff is how two maps differ. Fields may be added to it; none is renamed or removed.
type traceDiff struct {
	Appeared  []traceChange `json:"appeared"`
	Vanished  []traceChange `json:"vanished"`
	Slowed    []traceChange `json:"slowed"`
	Quickened []traceChange `json:"quickened"`
	// Alone are protocols that one map alone has.
	Alone []string `json:"protocols_of_one_map_alone"`
}

type traceChange struct {
	Function  string            `json:"function"`
	Layer     pathmap.Layer     `json:"layer"`
	Direction pathmap.Direction `json:"direction"`
	Protocol  string            `json:"protocol"`
	// PacketsBefore came to the function, of so many of the protocol.
	PacketsBefore   uint64 `json:"packets_before"`
	PacketsBeforeOf uint64 `json:"packets_before_of"`
	PacketsAfter    uint64 `json:"packets_after"`
	PacketsAfterOf  uint64 `json:"packets_after_of"`
	// Typical times, 0 if there are none.
	SecondsBefore float64 `json:"typical_seconds_before"`
	SecondsAfter  float64 `json:"typical_seconds_after"`
	// Chance is how likely it is that nothing changed but luck.
	Chance float64 `json:"chance"`
}

func newTraceDiff(c pathmap.Comparison) traceDiff {
	list := func(changes []pathmap.Change) []traceChange {
		all := []traceChange{}
		for _, c := range changes {
			all = append(all, traceChange{
				c.Name, c.Layer, c.Direction, c.Protocol, c.Before, c.BeforeOf, c.After, c.AfterOf,
				c.BeforeTimes.Typical().Seconds(), c.AfterTimes.Typical().Seconds(), c.Chance,
			})
		}
		return all
	}
	return traceDiff{list(c.Appeared), list(c.Vanished), list(c.Slowed), list(c.Quickened), append([]string{}, c.Alone...)}
}

// diffText returns a comparison for people.
func diffText(before, after pathmap.Document, c pathmap.Comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "before: %s in %.1f s on Linux %s\n", packetsText(before.Packets), before.Seconds, before.Kernel)
	fmt.Fprintf(&b, "after:  %s in %.1f s on Linux %s\n", packetsText(after.Packets), after.Seconds, after.Kernel)
	if before.Filter != after.Filter {
		fmt.Fprintf(&b, "The filters differ: %q before, %q after.\n", before.Filter, after.Filter)
	}
	section := func(title string, changes []pathmap.Change, line func(pathmap.Change) string) {
		if len(changes) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s:\n", title)
		for _, x := range changes {
			fmt.Fprintf(&b, "  %s (%s, %s %s): %s; %s\n", x.Name, x.Layer, x.Direction, x.Protocol, line(x), sureText(x.Chance))
		}
	}
	came := func(x pathmap.Change) string {
		return fmt.Sprintf("%d of %d packets before, %d of %d after", x.Before, x.BeforeOf, x.After, x.AfterOf)
	}
	took := func(x pathmap.Change) string {
		return fmt.Sprintf("typically %s before and %s after, %.2f times", microseconds(x.BeforeTimes.Typical().Seconds()), microseconds(x.AfterTimes.Typical().Seconds()), x.Ratio())
	}
	section("Appeared", c.Appeared, came)
	section("Vanished", c.Vanished, came)
	section("Slowed", c.Slowed, took)
	section("Quickened", c.Quickened, took)
	if len(c.Appeared)+len(c.Vanished)+len(c.Slowed)+len(c.Quickened) == 0 {
		b.WriteString("\nNothing differs for sure.\n")
	}
	if len(c.Alone) > 0 {
		fmt.Fprintf(&b, "\nOnly one of the maps has packets of %s: nothing is said about them.\n", strings.Join(c.Alone, ", "))
	}
	return b.String()
}

// sureText tells how sure a difference is.
func sureText(chance float64) string {
	switch {
	case chance < 0.0001:
		return "sure (by luck in less than 1 of 10,000 cases)"
	case chance < 0.01:
		return fmt.Sprintf("nearly sure (by luck in %.2f of 100 cases)", chance*100)
	}
	return fmt.Sprintf("likely (by luck in %.0f of 100 cases)", chance*100)
}
