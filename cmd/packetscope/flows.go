package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/stack"
)

// flowFlags hold the command line of flows.
type flowFlags struct {
	order          *string
	top            *int
	asJSON         *bool
	byProcess      *bool
	watch          *time.Duration
	duration       *time.Duration
	v4, v6         *int
	forwarded, own *bool
}

func addFlows(app *kingpin.Application) verb {
	command := app.Command("flows", "Attach the probes for a while and show who talks to whom.")
	flags := flowFlags{
		order:     command.Flag("sort", "What to sort by: bytes, packets, rate, retransmits or rtt.").Default("bytes").Enum(stack.FlowOrders...),
		top:       command.Flag("top", "How many to show; 0 for all.").Default("20").Int(),
		asJSON:    command.Flag("json", "Print JSON, one document a line.").Bool(),
		byProcess: command.Flag("by-process", "Add up the flows of each process.").Bool(),
		watch:     command.Flag("watch", "Show a new table this often, until interrupted or --duration is over.").PlaceHolder("INTERVAL").Duration(),
		duration:  command.Flag("duration", "How long to count; by default 5s, or without end if --watch is given.").Duration(),
		v4:        command.Flag("ipv4-prefix", "How many bits of IPv4 addresses tell flows apart.").Default("32").Int(),
		v6:        command.Flag("ipv6-prefix", "How many bits of IPv6 addresses tell flows apart.").Default("128").Int(),
		forwarded: command.Flag("forwarded", "Count packets that this host forwards, too.").Bool(),
		own:       command.Flag("own-namespace", "Count in the network namespace of this process only.").Bool(),
	}
	return func(ctx context.Context, e env, logger *slog.Logger) error {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		return showFlows(ctx, e, flags, logger)
	}
}

// config returns that of an engine that does nothing but count flows.
func (f flowFlags) config() (stack.Config, error) {
	if *f.v4 < 1 || *f.v4 > 32 || *f.v6 < 1 || *f.v6 > 128 {
		return stack.Config{}, fmt.Errorf("bad prefix: want 1 to 32 bits of IPv4 and 1 to 128 of IPv6")
	}
	if *f.watch < 0 || *f.duration < 0 || *f.top < 0 {
		return stack.Config{}, fmt.Errorf("--watch, --duration and --top cannot be negative")
	}
	return stack.Config{
		Disable:          slices.DeleteFunc(stack.ProbeGroups(), func(group string) bool { return group == stack.GroupFlows }),
		Flows:            stack.FlowConfig{IPv4Prefix: *f.v4, IPv6Prefix: *f.v6, Forwarded: *f.forwarded},
		OwnNamespaceOnly: *f.own,
		RunStats:         stack.RunStatsOff,
		// The socket of each packet is read, so that short flows have an owner too.
		SampleEvery: 1,
	}, nil
}

func (f flowFlags) query() flowQuery {
	top := *f.top
	if top == 0 {
		top = -1
	}
	return flowQuery{order: stack.FlowOrder(slices.Index(stack.FlowOrders, *f.order)), top: top, byProcess: *f.byProcess}
}

// pauses returns how long to wait before each table, and for how long in all; 0 stands
// for without end.
func (f flowFlags) pauses() (each, all time.Duration) {
	const byDefault = 5 * time.Second
	switch {
	case *f.watch > 0:
		return *f.watch, *f.duration
	case *f.duration > 0:
		return *f.duration, *f.duration
	}
	return byDefault, byDefault
}

// showFlows prints tables until the time is over or ctx ends; then it prints what there
// is by then.
func showFlows(ctx context.Context, e env, flags flowFlags, logger *slog.Logger) error {
	cfg, err := flags.config()
	if err != nil {
		return err
	}
	attached, err := e.open(cfg, logger)
	if err != nil {
		return explain(fmt.Errorf("attach probes: %w", err), e.host)
	}
	defer attached.Close()
	begin := e.now()
	reporter := &flowReporter{read: attached.Flows, owners: e.owners, last: begin}
	each, all := flags.pauses()
	deadline := context.Background()
	if all > 0 {
		var cancel context.CancelFunc
		deadline, cancel = context.WithTimeout(deadline, all)
		defer cancel()
	}
	ticks := time.NewTicker(each)
	defer ticks.Stop()
	for last := false; !last; {
		select {
		case <-ticks.C:
		case <-deadline.Done():
			last = true
		case <-ctx.Done():
			last = true
		}
		report, err := reporter.report(flags.query())
		if err != nil {
			return fmt.Errorf("read flows: %w", err)
		}
		if err := printFlows(e.stdout, report, flags); err != nil {
			return err
		}
		last = last || *flags.watch == 0
	}
	return nil
}

func printFlows(w io.Writer, report flowReport, flags flowFlags) error {
	if !*flags.asJSON {
		return report.print(w, *flags.byProcess, *flags.watch > 0 && isTerminal(w))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report)
}
