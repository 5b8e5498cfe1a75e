package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/tracer"
	tracefilter "github.com/packetscope/packetscope/internal/tracer/filter"
	"github.com/packetscope/packetscope/internal/tracer/otlp"
)

// tracingFlags say which packets the exporter tells of as traces, and whom.
type tracingFlags struct {
	endpoint, filter *string
	packets          *int
}

func addTracingFlags(command *kingpin.CmdClause) tracingFlags {
	return tracingFlags{
		endpoint: command.Flag("tracing.otlp-endpoint",
			"URL of a receiver of OpenTelemetry traces (OTLP over HTTP, such as http://127.0.0.1:4318) that is told of a few packets each minute; "+
				otlp.Environment+" for what OTEL_EXPORTER_OTLP_ENDPOINT says. Without it, nobody is told and nothing is traced.").PlaceHolder("URL").String(),
		packets: command.Flag("tracing.packets-per-minute", "Most packets a minute that are traced for it, up to 100.").Default("5").Int(),
		filter:  command.Flag("tracing.filter", "Which packets may be traced for it, as in pcap-filter(7); by default all.").PlaceHolder("EXPRESSION").String(),
	}
}

// tracing tells of sampled packets, next to all else that the exporter does.
type tracing struct {
	exporter *otlp.Exporter
	sampler  *otlp.Sampler
	ctx      context.Context
	cancel   context.CancelFunc
}

// newTracing returns nil if nobody is to be told.
func newTracing(f tracingFlags, cfg config.Config, e env, logger *slog.Logger) (*tracing, error) {
	if *f.endpoint == "" {
		return nil, nil
	}
	if *f.packets < 1 || *f.packets > otlp.MostSampled {
		return nil, fmt.Errorf("--tracing.packets-per-minute must be from 1 to %d", otlp.MostSampled)
	}
	chosen, err := samplingFilter(*f.filter, cfg.Stack.OwnNamespaceOnly)
	if err != nil {
		return nil, err
	}
	exporter, err := newTraceExporter(*f.endpoint, e.host, logger)
	if err != nil {
		return nil, fmt.Errorf("--tracing.otlp-endpoint: %w", err)
	}
	t := &tracing{exporter: exporter}
	open := func(c tracer.Config) (otlp.Session, error) { return e.openTracer(c) }
	t.sampler = otlp.NewSampler(otlp.SamplerConfig{Packets: *f.packets, Filter: chosen, Open: open}, exporter, logger)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t, nil
}

// newTraceExporter returns what tells an endpoint of packets, by the variables of the environment.
func newTraceExporter(endpoint string, host kernel.Host, logger *slog.Logger) (*otlp.Exporter, error) {
	c, err := otlp.FromEnvironment(endpoint, os.Getenv)
	if err != nil {
		return nil, err
	}
	c.Resource.Version = version.Version
	c.Resource.Host, _ = os.Hostname() // without it, there is no such attribute
	_, c.Resource.Release, _ = host.Release()
	return otlp.New(c, logger)
}

// samplingFilter keeps to the scope of the exporter. Nil is all.
func samplingFilter(expression string, ownNamespace bool) (*tracefilter.Filter, error) {
	if expression == "" && !ownNamespace {
		return nil, nil
	}
	if f, err := tracefilter.Compile(expression, filterNames()); err != nil || !ownNamespace {
		if err != nil {
			err = fmt.Errorf("--tracing.filter: %w", err)
		}
		return f, err
	}
	own, err := netns.OfThread()
	if err != nil {
		return nil, err
	}
	scope := fmt.Sprintf("netns %d", own)
	if expression != "" {
		scope += " and (" + expression + ")"
	}
	return tracefilter.Compile(scope, filterNames())
}

// tracingNeeds are the capabilities by which the Tracer is attached again and again, and the
// kernel's functions have names.
var tracingNeeds = []string{kernel.CapBPF, kernel.CapPerfmon, kernel.CapSyslog}

// run samples and tells until stop, once the probes are attached.
func (t *tracing) run(attached <-chan struct{}) func() error {
	return func() error {
		select {
		case <-attached:
		case <-t.ctx.Done():
			return nil
		}
		var both sync.WaitGroup
		both.Go(func() { t.sampler.Run(t.ctx) })
		both.Go(func() { t.exporter.Run(t.ctx) })
		both.Wait()
		return nil
	}
}

func (t *tracing) stop(error) { t.cancel() }

// Describe implements prometheus.Collector.
func (t *tracing) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range []*metric.Family{metric.TracingPackets, metric.TracingSpansRejected, metric.TracingQueue, metric.TracingSamples} {
		ch <- f.Desc()
	}
}

// Collect implements prometheus.Collector.
func (t *tracing) Collect(ch chan<- prometheus.Metric) {
	waiting, o := t.exporter.State()
	samples := t.sampler.State()
	for _, c := range []struct {
		family *metric.Family
		n      uint64
		labels []string
	}{
		{metric.TracingPackets, o.Sent, []string{"sent"}},
		{metric.TracingPackets, o.Failed, []string{"failed"}},
		{metric.TracingPackets, o.Dropped, []string{"dropped"}},
		{metric.TracingSpansRejected, o.RejectedSpans, nil},
		{metric.TracingSamples, samples.Taken, []string{"taken"}},
		{metric.TracingSamples, samples.Failed, []string{"failed"}},
	} {
		ch <- c.family.Counter(float64(c.n), time.Time{}, c.labels...)
	}
	ch <- metric.TracingQueue.Gauge(float64(waiting))
}
