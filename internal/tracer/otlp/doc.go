// Package otlp tells of traced packets as OpenTelemetry traces, by the OpenTelemetry Protocol
// over HTTP (OTLP 1.x, binary protobuf).
//
// # What a trace is
//
// The root span is the packet, from where it was seen first to where it was seen last. Below
// it is a span for each stage, the time from one event to the next, so that the stages together
// are the packet's time; and a span for each run, which is what one task or interrupt did
// without a pause. Below a run are its functions, as the kernel's stacks show them. A function
// lasts from the first event in it to the last: it ran at least that long, and one with a single
// event lasts 0. Events of the Tracer are events of the innermost span that they were in.
//
// A dropped packet is an error: so are its root and the function that dropped it, and the reason
// is in the status, in error.type and in an event called drop.
//
// Attributes have the names of OpenTelemetry's semantic conventions where there is one, and else
// begin with "packetscope.". No address of the kernel's memory and no payload is told.
//
// # Identity
//
// The trace id follows from the boot and the packet's identity, so whoever tells of a packet
// twice tells of one trace.
//
//	config, err := otlp.FromEnvironment("http://127.0.0.1:4318", os.Getenv)
//	exporter, err := otlp.New(config, logger)
//	go exporter.Run(ctx)
//	exporter.Put(packet)
//
// # Thread Safety
//
// The methods of [Exporter] may be called from any goroutine.
package otlp
