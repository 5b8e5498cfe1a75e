package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// traceMapFlags hold the command line of trace map.
type traceMapFlags struct {
	filter   *[]string
	duration *time.Duration
	format   *string
	top      *int
}

func addTraceMap(trace *kingpin.CmdClause) map[string]verb {
	command := trace.Command("map", "Add up the ways of packets for a while: which function handed them to which, how long it took, and where they ended.")
	flags := traceMapFlags{
		filter:   command.Arg("filter", "Which packets, as for trace run; without it all.").Strings(),
		duration: command.Flag("duration", "How long to look; an interrupt ends it before.").Default("10s").Duration(),
		format:   command.Flag("format", "text, dot (for Graphviz) or json (for trace diff).").Default("text").Enum("text", "dot", "json"),
		top:      command.Flag("top", "How many functions and how many steps the text shows; 0 for all.").Default("30").Int(),
	}
	return map[string]verb{"trace map": func(ctx context.Context, e env, _ *slog.Logger) error {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		return mapTrace(ctx, e, flags)
	}}
}

// mapTrace follows packets for a while and prints their map.
func mapTrace(ctx context.Context, e env, flags traceMapFlags) error {
	if *flags.duration <= 0 || *flags.top < 0 {
		return fmt.Errorf("--duration must be more than 0, and --top not less")
	}
	chosen, err := traceFilter(e, *flags.filter)
	if err != nil {
		return err
	}
	session, err := e.openTracer(tracer.Config{Filter: chosen, Stacks: true})
	if err != nil {
		return explainTracer(err, e)
	}
	defer session.Close()
	ctx, cancel := context.WithTimeout(ctx, *flags.duration) // from here on: to attach takes a while
	defer cancel()
	var sum pathmap.Map
	begin := e.monotonic()
	err = followPackets(ctx, e, session, 0, func(packets []*tracer.Packet) error {
		for _, p := range packets {
			sum.Add(p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	counts, err := session.Counts()
	if err != nil {
		return err
	}
	document := pathmap.NewDocument(sum.Graph(pathmap.MaxEdges))
	_, release, err := e.host.Release()
	if err != nil {
		release = "unknown"
	}
	document.Kernel, document.Filter, document.Seconds = release, chosen.String(), (e.monotonic() - begin).Seconds()
	if counts.Lost > 0 {
		fmt.Fprintf(e.stderr, "%d of %d events were lost, as they came faster than they could be read: a filter makes them fewer\n", counts.Lost, counts.Chosen)
	}
	if counts.Missed > 0 {
		fmt.Fprintf(e.stderr, "%d times a packet was not looked at, because its CPU was interrupted while it looked at others: parts may be missing\n", counts.Missed)
	}
	return printPathMap(e.stdout, document, flags)
}

func printPathMap(w io.Writer, d pathmap.Document, flags traceMapFlags) error {
	switch *flags.format {
	case "dot":
		return pathmap.WriteDOT(w, d)
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", " ")
		return encoder.Encode(d)
	}
	_, err := io.WriteString(w, pathMapText(d, *flags.top))
	return err
}

// pathMapText returns a map for people.
func pathMapText(d pathmap.Document, top int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %.1f s\n", packetsText(d.Packets), d.Seconds)
	if len(d.Edges) == 0 {
		return b.String()
	}
	b.WriteString("\nSlowest functions, by the time until a packet was seen next:\n")
	fmt.Fprintf(&b, "%10s %10s %8s  %-9s %-8s %-11s %s\n", "IN ALL", "TYPICAL", "PACKETS", "DIRECTION", "PROTOCOL", "LAYER", "FUNCTION")
	timed := slices.DeleteFunc(slices.Clone(d.Nodes), func(n pathmap.NodeDocument) bool { return n.Timed == 0 })
	for _, n := range firstOf(timed, top) {
		fmt.Fprintf(&b, "%10s %10s %8d  %-9s %-8s %-11s %s\n", microseconds(n.Seconds), microseconds(n.Typical().Seconds()), n.Packets, n.Direction, n.Protocol, n.Layer, n.Function)
	}
	leftOut(&b, "functions", len(timed), top)
	b.WriteString("\nSteps:\n")
	fmt.Fprintf(&b, "%8s %10s  %-9s %-8s %s\n", "SAMPLES", "TYPICAL", "DIRECTION", "PROTOCOL", "FROM > TO")
	for _, e := range firstOf(d.Edges, top) {
		typical := "-"
		if e.Timed > 0 {
			typical = microseconds(e.Typical().Seconds())
		}
		fmt.Fprintf(&b, "%8d %10s  %-9s %-8s %s > %s\n", e.Samples, typical, e.Direction, e.Protocol, e.Source, e.Target)
	}
	leftOut(&b, "steps", len(d.Edges), top)
	b.WriteString("\nEnds:\n")
	for _, f := range d.Fates {
		fmt.Fprintf(&b, "%8d %-8s %s\n", f.Packets, f.Protocol, f.Fate)
	}
	return b.String()
}

func firstOf[T any](list []T, top int) []T {
	if top == 0 {
		return list
	}
	return list[:min(top, len(list))]
}

func leftOut(b *strings.Builder, what string, all, top int) {
	if top > 0 && all > top {
		fmt.Fprintf(b, "and %d more %s (--top=0 shows all)\n", all-top, what)
	}
}

// packetsText returns how many packets there were of each protocol.
func packetsText(packets map[string]uint64) string {
	var all uint64
	var protocols []string
	for p, n := range packets {
		all += n
		protocols = append(protocols, p)
	}
	if all == 0 {
		return "no packets"
	}
	slices.SortFunc(protocols, func(a, b string) int { return cmp.Or(cmp.Compare(packets[b], packets[a]), cmp.Compare(a, b)) })
	for i, p := range protocols {
		protocols[i] = fmt.Sprintf("%d %s", packets[p], p)
	}
	return fmt.Sprintf("%d packets: %s,", all, strings.Join(protocols, ", "))
}

func microseconds(seconds float64) string { return fmt.Sprintf("%.1fµs", seconds*1e6) }
