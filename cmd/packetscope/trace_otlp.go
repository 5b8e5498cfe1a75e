package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"

	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/otlp"
)

func addTraceOTLPFlag(command *kingpin.CmdClause) *string {
	return command.Flag("otlp", "Tell this receiver of packets too, as OpenTelemetry traces: its URL for OTLP over HTTP, such as http://127.0.0.1:4318, or "+
		otlp.Environment+" for what OTEL_EXPORTER_OTLP_ENDPOINT says.").PlaceHolder("URL").String()
}

// traceOTLP tells a receiver of packets.
type traceOTLP struct {
	exporter *otlp.Exporter
	notes    io.Writer
	stop     context.CancelFunc
	done     chan struct{}
}

func newTraceOTLP(endpoint string, e env, logger *slog.Logger) (traceOTLP, error) {
	exporter, err := newTraceExporter(endpoint, e.host, logger)
	if err != nil {
		return traceOTLP{}, fmt.Errorf("--otlp: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t := traceOTLP{exporter: exporter, notes: e.stderr, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		exporter.Run(ctx)
	}()
	return t, nil
}

func (t traceOTLP) packet(p *tracer.Packet) error {
	t.exporter.Put(p)
	return nil
}

func (t traceOTLP) flush() error { return nil }

// end waits a few seconds for the receiver to take the rest.
func (t traceOTLP) end(traceSummary) error {
	t.stop()
	<-t.done
	_, o := t.exporter.State()
	if missed := o.Failed + o.Dropped; missed > 0 {
		return fmt.Errorf("%d of %d packets could not be told to %s: %d refused or not taken in time, %d too many or too late",
			missed, o.Sent+missed, t.exporter, o.Failed, o.Dropped)
	}
	_, err := fmt.Fprintf(t.notes, "told of %d packets to %s, %d spans were refused\n", o.Sent, t.exporter, o.RejectedSpans)
	return err
}
