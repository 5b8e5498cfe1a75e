package metric

// Packets that the exporter tells of as OpenTelemetry traces.
var (
	TracingPackets = define(Family{
		Name: "packetscope_tracing_packets_total", Type: Counter, Unit: "packets",
		Labels: []string{"outcome"},
		Help:   "Sampled packets that a receiver of OpenTelemetry traces was to be told of, by what became of that: sent, failed (it did not answer, or refused) or dropped (too many waited). There is such a series with --tracing.otlp-endpoint.",
	})
	TracingSpansRejected = define(Family{
		Name: "packetscope_tracing_rejected_spans_total", Type: Counter, Unit: "spans",
		Help: "Spans of sampled packets that the receiver refused while it took others (partial success).",
	})
	TracingQueue = define(Family{
		Name: "packetscope_tracing_queue_length", Type: Gauge,
		Help: "Sampled packets that wait to be sent.",
	})
	TracingSamples = define(Family{
		Name: "packetscope_tracing_samples_total", Type: Counter, Unit: "samples",
		Labels: []string{"outcome"},
		Help:   "How often the Tracer was attached to sample packets: taken, or failed (it could not be attached, or events were lost and nothing was told).",
	})
)
