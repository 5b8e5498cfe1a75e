package otlp

import (
	"fmt"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/packetscope/packetscope/internal/tracer"
)

// mostEvents is how many events of a packet become spans. One that goes in circles has more.
const mostEvents = 512

// Spans returns the trace of a packet, its root first and each span after its parent. The
// packet must have an event. What came of a packet after it was told of belongs to the same
// trace: its first span is a child of the root, and later than that.
func Spans(p *tracer.Packet, o Origin) []*trace.Span {
	b := &builder{origin: o, id: o.TraceID(p.Identity)}
	b.fate, b.end = p.Fate()
	first, last := &p.Events[0], &p.Events[len(p.Events)-1]
	heading := headingOf(first.Frame)
	if p.Again {
		b.part = uint64(first.Time)
	}
	root := b.add(nil, rootName(p, heading), first, last)
	if p.Again {
		root.ParentSpanId = spanID(b.id, 0, 0)
	}
	root.Attributes = append(heading.attributes, rootAttributes(p)...)
	root.Attributes = append(root.Attributes, text("packetscope.fate", string(b.fate)), text("packetscope.fate.function", b.end.Function()))
	b.judge(root)

	shown := *p
	if over := len(p.Events) - mostEvents; over > 0 {
		shown.Events = p.Events[:mostEvents]
		root.Attributes = append(root.Attributes, number("packetscope.events_left_out", over))
	}
	runs := shown.Runs()
	b.stages(root, &shown, runs)
	for _, r := range runs {
		b.run(root, r)
	}
	return b.spans
}

// rootName is of few different values, as names of spans are to be.
func rootName(p *tracer.Packet, h heading) string {
	device := deviceOf(p)
	if device == "" {
		return h.protocol + " " + wayOf(p)
	}
	return h.protocol + " " + wayOf(p) + " " + device
}

func deviceOf(p *tracer.Packet) string {
	for _, e := range p.Events {
		if e.Device != "" {
			return e.Device
		}
	}
	return ""
}

// The ways of a packet, as far as it was seen. What is sent by one network namespace to
// another of this host, or to itself, is received as well, and counts as sent.
const (
	receive  = "receive"
	transmit = "transmit"
	forward  = "forward"
	handle   = "handle" // it was seen neither coming nor going
)

var arriving = map[tracer.Hook]bool{
	"napi_gro_receive_entry": true, "netif_rx": true, "netif_receive_skb": true, "skb_copy_datagram_iovec": true,
	"tcp_probe": true, "udp_fail_queue_rcv_skb": true, "tcp_bad_csum": true, "sk_data_ready": true,
}

var leaving = map[tracer.Hook]bool{
	"net_dev_queue": true, "qdisc_enqueue": true, "qdisc_dequeue": true, "net_dev_start_xmit": true, "net_dev_xmit": true,
	"tcp_retransmit_skb": true,
}

func wayOf(p *tracer.Packet) string {
	way := handle
	for _, e := range p.Events {
		switch {
		case way == handle && arriving[e.Hook]:
			way = receive
		case way == handle && leaving[e.Hook]:
			return transmit
		case way == receive && leaving[e.Hook]:
			return forward
		}
	}
	return way
}

func rootAttributes(p *tracer.Packet) []*common.KeyValue {
	first := &p.Events[0]
	way := wayOf(p)
	list := append(placeOf(first), text("packetscope.direction", way), number("packetscope.length", first.Length), number("packetscope.events", len(p.Events)))
	if way == receive || way == transmit {
		list = append(list, text("network.io.direction", way))
	}
	if first.Segments > 1 {
		list = append(list, number("packetscope.segments", first.Segments))
	}
	var socket, cgroup uint64
	task := first
	for i := range p.Events {
		e := &p.Events[i]
		if socket, cgroup = latest(socket, e.Socket), latest(cgroup, e.Cgroup); task.Process == 0 {
			task = e
		}
	}
	if socket != 0 {
		list = append(list, number("packetscope.socket.inode", socket))
	}
	if cgroup != 0 {
		list = append(list, number("packetscope.cgroup.id", cgroup))
	}
	return append(list, taskOf(task)...)
}

func latest(before, now uint64) uint64 {
	if now != 0 {
		return now
	}
	return before
}

// A builder makes the spans of one packet.
type builder struct {
	origin Origin
	id     []byte
	part   uint64 // see spanID
	fate   tracer.Fate
	// end is the event that tells the fate.
	end   tracer.Event
	spans []*trace.Span
}

func (b *builder) add(parent *trace.Span, name string, first, last *tracer.Event) *trace.Span {
	s := &trace.Span{
		TraceId: b.id, SpanId: spanID(b.id, b.part, len(b.spans)), Name: valid(name),
		Kind:              trace.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: b.origin.at(first.Time), EndTimeUnixNano: b.origin.at(last.Time),
		// The trace was chosen, and its id is not random.
		Flags: uint32(trace.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK) | 1,
	}
	if parent != nil {
		s.ParentSpanId = parent.SpanId
	}
	b.spans = append(b.spans, s)
	return s
}

// judge marks a span as that of a dropped packet, if it is one.
func (b *builder) judge(s *trace.Span) {
	if b.fate != tracer.Dropped {
		return
	}
	reason := b.end.Reason
	if reason == "" {
		reason = "_OTHER" // as the conventions have it; kernels before 5.17 tell none
	}
	s.Status = &trace.Status{
		Code:    trace.Status_STATUS_CODE_ERROR,
		Message: fmt.Sprintf("dropped in %s: %s", b.end.Function(), reason),
	}
	s.Attributes = append(s.Attributes, text("error.type", reason))
	s.Events = append(s.Events, &trace.Span_Event{
		Name: "drop", TimeUnixNano: b.origin.at(b.end.Time),
		Attributes: []*common.KeyValue{text("packetscope.drop.reason", reason), text("code.function.name", b.end.Function())},
	})
}

// stages adds the time between each event and the next.
func (b *builder) stages(root *trace.Span, p *tracer.Packet, runs []*tracer.Run) {
	begins := make(map[*tracer.Event]bool, len(runs))
	for _, r := range runs {
		begins[r.First] = true
	}
	for i := 1; i < len(p.Events); i++ {
		from, to := &p.Events[i-1], &p.Events[i]
		s := b.add(root, fmt.Sprintf("%s to %s", pointOf(from), pointOf(to)), from, to)
		s.Attributes = append(placeOf(to),
			text("packetscope.stage.from", pointOf(from)), text("packetscope.stage.to", pointOf(to)),
			// Between runs a packet waits: for a softirq, or in a queue.
			truth("packetscope.stage.between_runs", begins[to]))
	}
}

// pointOf returns the name of the tracepoint, or of the function that begins.
func pointOf(e *tracer.Event) string {
	if e.Func != "" {
		return e.Func
	}
	return string(e.Hook)
}

func (b *builder) run(root *trace.Span, r *tracer.Run) {
	last := r.First
	for _, n := range r.Calls {
		_, last = bounds(n)
	}
	name := string(r.Context)
	if r.Context == tracer.Unknown {
		name = "unknown context"
	}
	s := b.add(root, name, r.First, last)
	s.Attributes = append(placeOf(r.First), text("packetscope.context", name), number("cpu.logical_number", r.First.CPU))
	s.Attributes = append(s.Attributes, taskOf(r.First)...)
	for _, n := range r.Calls {
		b.node(s, n)
	}
}

// bounds returns the first and the last event in a node.
func bounds(n *tracer.Node) (first, last *tracer.Event) {
	if n.Event != nil {
		return n.Event, n.Event
	}
	first, _ = bounds(n.Calls[0])
	_, last = bounds(n.Calls[len(n.Calls)-1])
	return first, last
}

func (b *builder) node(parent *trace.Span, n *tracer.Node) {
	if n.Event != nil {
		b.event(parent, n.Event)
		return
	}
	first, last := bounds(n)
	s := b.add(parent, n.Function, first, last)
	s.Attributes = []*common.KeyValue{text("code.function.name", n.Function)}
	for _, c := range n.Calls {
		b.node(s, c)
	}
}

// event adds an event to the innermost span that it was in.
func (b *builder) event(s *trace.Span, e *tracer.Event) {
	told := &trace.Span_Event{Name: string(e.Hook), TimeUnixNano: b.origin.at(e.Time), Attributes: placeOf(e)}
	if e.Length != 0 {
		told.Attributes = append(told.Attributes, number("packetscope.length", e.Length))
	}
	if detail := e.Detail(); detail != "" {
		told.Attributes = append(told.Attributes, text("packetscope.detail", detail))
	}
	s.Events = append(s.Events, told)
	if b.fate == tracer.Dropped && e.Time == b.end.Time && e.Hook == b.end.Hook && e.Descriptor == b.end.Descriptor {
		b.judge(s)
	}
}
