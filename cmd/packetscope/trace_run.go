package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/packetscope/packetscope/internal/tracer"
)

func addTraceRun(trace *kingpin.CmdClause) map[string]verb {
	command := trace.Command("run", "Show packets as they go through the kernel; run need not be written.").Default()
	flags := newTraceFlags(command)
	return map[string]verb{"trace run": func(ctx context.Context, e env, logger *slog.Logger) error {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		return runTrace(ctx, e, flags, logger)
	}}
}

// runTrace follows packets until there are enough, the time is over or ctx ends, and then
// says what became of all.
func runTrace(ctx context.Context, e env, flags traceFlags, logger *slog.Logger) error {
	if err := flags.check(); err != nil {
		return err
	}
	switch {
	case *flags.listHooks:
		return listHooks(e, *flags.asJSON)
	case *flags.listFunctions:
		return listFunctions(e, strings.Join(*flags.filter, " "), *flags.asJSON)
	}
	chosen, err := traceFilter(e, *flags.filter)
	if err != nil {
		return err
	}
	functions, err := pattern("--functions", *flags.functions)
	if err != nil {
		return err
	}
	clock, names := traceClock(e), newTraceNames(e, *flags.namespaces)
	session, err := e.openTracer(tracer.Config{Filter: chosen, Stacks: true, Functions: functions})
	if err != nil {
		return explainTracer(err, e)
	}
	defer session.Close()
	// Not before: a file that is there stays as it is if there is nothing to write.
	sinks, err := flags.sinks(e, chosen.String(), clock, names, logger)
	if err != nil {
		return err
	}
	if *flags.duration > 0 { // from here on: to attach takes seconds
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *flags.duration)
		defer cancel()
	}
	fmt.Fprintf(e.stderr, "following packets (%s); Ctrl-C ends it\n", cmp.Or(printableLine(chosen.String()), "all"))
	for _, m := range session.Missing() {
		if m.Hook == tracer.FunctionHook { // was asked for
			fmt.Fprintf(e.stderr, "not looked at: %s\n", oneLine(m.Reason))
		}
	}
	tally := newTraceTally()
	begin := e.monotonic()
	err = followPackets(ctx, e, session, *flags.count, func(packets []*tracer.Packet) error {
		if !*flags.quiet || *flags.pcapng != "" {
			names.learn(packets)
		}
		var errs []error
		for _, p := range packets {
			tally.add(p)
			for _, s := range sinks {
				errs = append(errs, s.packet(p))
			}
		}
		for _, s := range sinks {
			errs = append(errs, s.flush())
		}
		return errors.Join(errs...)
	})
	if err != nil {
		return err
	}
	summary, err := tally.end(session, e.monotonic()-begin)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range sinks {
		errs = append(errs, s.end(summary))
	}
	return errors.Join(errs...)
}

// traceClock returns what tells the time of the day of a time of the events' clock.
func traceClock(e env) func(time.Duration) time.Time {
	zero := e.now().Add(-e.monotonic())
	return func(t time.Duration) time.Time { return zero.Add(t) }
}

// sinks returns where packets go by the flags.
func (f traceFlags) sinks(e env, filter string, clock func(time.Duration) time.Time, names *traceNames, logger *slog.Logger) ([]traceSink, error) {
	var sinks []traceSink
	if *f.otlp != "" {
		told, err := newTraceOTLP(*f.otlp, e, logger)
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, told)
	}
	if *f.pcapng != "" {
		to, closes := e.stdout, func() error { return nil }
		if *f.pcapng != "-" {
			file, err := os.Create(*f.pcapng)
			if err != nil {
				return nil, err
			}
			to, closes = io.Writer(file), file.Close
		}
		sinks = append(sinks, newTracePcapng(to, closes, filter, clock, names))
	}
	switch {
	case *f.asJSON:
		sinks = append(sinks, newTraceJSON(e.stdout, f, clock, names))
	case *f.pcapng == "-":
		sinks = append(sinks, newTraceText(e.stderr, f, clock, names))
	default:
		sinks = append(sinks, newTraceText(e.stdout, f, clock, names))
	}
	return sinks, nil
}

// end completes a summary by what the session knows.
func (t *traceTally) end(session traceSession, took time.Duration) (traceSummary, error) {
	counts, err := session.Counts()
	if err != nil {
		return traceSummary{}, err
	}
	s := t.summary()
	s.Seconds, s.Seen, s.Chosen, s.Lost, s.Missed = took.Seconds(), counts.Seen, counts.Chosen, counts.Lost, counts.Missed
	for _, m := range session.Missing() {
		s.Missing = append(s.Missing, traceMissing{string(m.Hook), oneLine(m.Reason)})
	}
	return s, nil
}

// explainTracer returns what keeps the Tracer from being attached, with the cure.
func explainTracer(err error, e env) error {
	obstacle := e.host.Obstacle()
	return fmt.Errorf("attach the tracer: %w", cmp.Or(obstacle, errors.New(oneLine(err))))
}
