package main

import (
	"context"
	"maps"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/packetscope/packetscope/internal/tracer"
)

// addTrace adds the verbs of Tracer: each adds its own below "trace".
func addTrace(app *kingpin.Application) map[string]verb {
	trace := app.Command("trace", "Tracer: follow packets through the kernel, function by function.")
	verbs := make(map[string]verb)
	for _, add := range []func(trace *kingpin.CmdClause) map[string]verb{
		addTraceRun, addTraceWhy, addTraceMap, addTraceDiff,
	} {
		maps.Copy(verbs, add(trace))
	}
	return verbs
}

// untilInterrupted returns a context that the first signal ends. The second one ends the program:
// it cannot end by itself while it writes to what nobody reads.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// traceSession is what the verbs need of a [tracer.Session].
type traceSession interface {
	// Next waits for an event, until the deadline that was set last.
	Next() (tracer.Event, error)
	SetDeadline(time.Time)
	Counts() (tracer.Counts, error)
	// Missing returns the hooks that are not attached.
	Missing() []tracer.Missing
	Close() error
}

var _ traceSession = (*tracer.Session)(nil)

// openTracer attaches the Tracer's programs.
func openTracer(c tracer.Config) (traceSession, error) {
	opened, err := tracer.Open(c)
	if err != nil {
		return nil, err // not opened itself, see openStack
	}
	return opened, nil
}
