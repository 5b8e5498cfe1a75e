package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
)

// printFeeds prints the lists that others keep, if the policy has any.
func printFeeds(w io.Writer, s guarder.Status, now time.Time) error {
	if len(s.Feeds) == 0 {
		return nil
	}
	if s.FeedMemory > 0 {
		fmt.Fprintf(w, "feeds take %.1f MiB of the kernel\n", float64(s.FeedMemory)/(1<<20))
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "FEED\tMODE\tACTION\tENTRIES\tAGE\tPACKETS\tSTATE")
	for _, f := range s.Feeds {
		var packets uint64
		for _, n := range f.Counts {
			packets += n.Packets
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%d\t%s\t%d\t%s\n", f.Feed, f.Mode, f.Action, f.Entries, ago(f.Checked, now), packets, feedState(f))
	}
	return out.Flush()
}

// feedState says how a feed is in a few words.
func feedState(f guarder.FeedStatus) string {
	var parts []string
	switch {
	case f.Checked == nil && !f.InForce:
		parts = append(parts, "NO LIST YET")
	case !f.InForce:
		parts = append(parts, "not in force yet")
	default:
		parts = append(parts, "in force")
	}
	if f.Stale {
		parts = append(parts, "STALE")
	}
	if f.Excluded > 0 {
		parts = append(parts, fmt.Sprintf("%d left out", f.Excluded))
	}
	if f.Reason != "" {
		refusal, _, more := strings.Cut(f.Refusal, "\n")
		if more {
			refusal += " ..."
		}
		parts = append(parts, "REFUSED: "+f.Reason+": "+printableLine(refusal))
	}
	return strings.Join(parts, ", ")
}
