package main

import (
	"maps"
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
