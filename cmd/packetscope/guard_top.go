package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder"
)

// topOrders are what guard top can sort by.
var topOrders = []string{"rate", "packets", "bytes", "last"}

// topFlags hold the command line of guard top.
type topFlags struct {
	socket, order *string
	interval      *time.Duration
	once, asJSON  *bool
	rows          *int
	rule, source  *string
}

func addGuardTop(guard *kingpin.CmdClause) verb {
	command := guard.Command("top", "Show what the policy does now, like top: rules, the sources and ports that they hit, and the last packets that were copied.")
	flags := topFlags{
		socket:   socketFlag(command),
		order:    command.Flag("sort", "What to sort by: rate, packets, bytes, or last (seen last).").Default("rate").Enum(topOrders...),
		interval: command.Flag("interval", "How often to show a new table; rates are over this time.").Default("2s").Duration(),
		once:     command.Flag("once", "Show one table, after one interval, and end.").Bool(),
		asJSON:   command.Flag("json", "Print JSON, one document a line.").Bool(),
		rows:     command.Flag("rows", "Most rows of each table; 0 for all.").Default("10").Int(),
		rule:     command.Flag("rule", "Only rules whose name, or GROUP/NAME, fits this pattern, such as floods/*, and what they hit.").String(),
		source:   command.Flag("source", "Only sources in this prefix, and what was copied of them.").String(),
	}
	return func(ctx context.Context, e env, _ *slog.Logger) error {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		return showTop(ctx, e, flags)
	}
}

// A topFilter leaves out what was not asked for; its zero value leaves out nothing.
type topFilter struct {
	rule   string // a pattern, or ""
	source netip.Prefix
}

// shortestInterval keeps the agent from being busy with answers.
const shortestInterval = 10 * time.Millisecond

func (f topFlags) filter() (topFilter, error) {
	filter := topFilter{rule: *f.rule}
	if _, err := path.Match(filter.rule, ""); err != nil {
		return filter, fmt.Errorf("--rule: bad pattern %q", filter.rule)
	}
	if *f.interval < shortestInterval || *f.rows < 0 {
		return filter, fmt.Errorf("--interval must be %v or more, --rows cannot be negative", shortestInterval)
	}
	if *f.source == "" {
		return filter, nil
	}
	if a, err := netip.ParseAddr(*f.source); err == nil {
		filter.source = netip.PrefixFrom(a, a.BitLen())
		return filter, nil
	}
	p, err := netip.ParsePrefix(*f.source)
	if err != nil {
		return filter, fmt.Errorf("--source: %q is no address and no prefix", *f.source)
	}
	filter.source = p.Masked()
	return filter, nil
}

// ofRule tells whether a rule is asked for.
func (f topFilter) ofRule(group, rule string) bool {
	if f.rule == "" {
		return true
	}
	byName, _ := path.Match(f.rule, rule)
	whole, _ := path.Match(f.rule, group+"/"+rule)
	return byName || whole
}

// ofSource tells whether a source, which is an address, a prefix or "", is asked for.
func (f topFilter) ofSource(source string) bool {
	if !f.source.IsValid() {
		return true
	}
	if !strings.Contains(source, "/") {
		a, err := netip.ParseAddr(source)
		return err == nil && f.source.Contains(a)
	}
	p, err := netip.ParsePrefix(source)
	return err == nil && f.source.Overlaps(p)
}

// showTop prints tables until ctx ends. While the agent is gone it waits for the next
// one, whose counters go on.
func showTop(ctx context.Context, e env, flags topFlags) error {
	filter, err := flags.filter()
	if err != nil {
		return err
	}
	client := guarder.Client{Socket: *flags.socket}
	reporter := &topReporter{read: func() (guarder.Top, error) { return client.Top(0) }, filter: filter, order: *flags.order, rows: *flags.rows}
	clear := !*flags.asJSON && !*flags.once && isTerminal(e.stdout)
	// The first look shows nothing: there is no time yet that rates could be over.
	if _, err := reporter.report(); err != nil {
		return err
	}
	ticks := time.NewTicker(*flags.interval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		report, err := reporter.report()
		if err != nil {
			if *flags.once {
				return err
			}
			if err := printAway(e, err, clear); err != nil {
				return err
			}
			continue
		}
		if err := printTop(e.stdout, report, *flags.asJSON, clear); err != nil || *flags.once {
			return err
		}
	}
}

// printAway says that no agent answers, or not as it should: on a terminal in place of
// the table, else beside what is piped.
func printAway(e env, err error, clear bool) error {
	w, begin := e.stderr, ""
	if clear {
		w, begin = e.stdout, clearScreen
	}
	_, err = fmt.Fprintf(w, "%s%v; waiting for it\n", begin, err)
	return err
}

func printTop(w io.Writer, report topReport, asJSON, clear bool) error {
	if !asJSON {
		return report.print(w, clear)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report)
}
