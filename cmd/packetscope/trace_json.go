package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/packetscope/packetscope/internal/dropreason"
	"github.com/packetscope/packetscope/internal/tracer"
)

// A tracePacket is a packet as JSON. Fields may be added to it; none is renamed or removed.
type tracePacket struct {
	// Number counts the packets of a trace from 1. It comes again with "again" if events
	// came later than the packet was told.
	Number int       `json:"number"`
	Again  bool      `json:"again,omitempty"`
	Time   time.Time `json:"time"`
	// Seconds are from the first event to the last.
	Seconds  float64        `json:"seconds"`
	Summary  string         `json:"summary"`
	Bytes    int            `json:"bytes"`
	Segments int            `json:"segments,omitempty"`
	Layers   []traceLayer   `json:"layers"`
	Events   []traceEvent   `json:"events"`
	Verdicts []traceVerdict `json:"verdicts"`
	Fate     traceFate      `json:"fate"`
}

type traceLayer struct {
	Name   string            `json:"name"`
	Fields map[string]string `json:"fields"`
}

// A traceEvent is a packet at a hook.
type traceEvent struct {
	// After is the time since the first event.
	After float64 `json:"after_seconds"`
	Hook  string  `json:"hook"`
	// Function is that which begins; absent of tracepoints.
	Function string `json:"function,omitempty"`
	Detail   string `json:"detail,omitempty"`
	Context  string `json:"context,omitempty"`
	CPU      int    `json:"cpu"`
	// PID, Thread and Command are of who made the system call.
	PID           int    `json:"pid,omitempty"`
	Thread        int    `json:"thread,omitempty"`
	Command       string `json:"command,omitempty"`
	Device        string `json:"device,omitempty"`
	Interface     int    `json:"interface,omitempty"`
	Namespace     uint32 `json:"namespace,omitempty"`
	NamespaceName string `json:"namespace_name,omitempty"`
	Bytes         int    `json:"bytes"`
	// Clone says that it is another descriptor of the same buffer than at the event before.
	Clone  bool         `json:"clone,omitempty"`
	Socket *traceSocket `json:"socket,omitempty"`
	// Stack is the functions of the kernel, the outermost first.
	Stack []string `json:"stack,omitempty"`
}

// A traceSocket is the packet's, and who owns it.
type traceSocket struct {
	Inode     uint64 `json:"inode,omitempty"`
	CgroupID  uint64 `json:"cgroup_id,omitempty"`
	PID       int    `json:"pid,omitempty"`
	Process   string `json:"process,omitempty"`
	Cgroup    string `json:"cgroup,omitempty"`
	Container string `json:"container,omitempty"`
}

type traceVerdict struct {
	Place   string `json:"place"`
	Verdict string `json:"verdict"`
	By      string `json:"by,omitempty"`
	Answer  string `json:"answer,omitempty"`
}

type traceFate struct {
	Fate     tracer.Fate `json:"fate"`
	Function string      `json:"function"`
	After    float64     `json:"after_seconds"`
	// Reason and Explanation are of drops.
	Reason      string `json:"reason,omitempty"`
	Explanation string `json:"explanation,omitempty"`
}

// traceJSON writes packets as lines.
type traceJSON struct {
	encoder *json.Encoder
	quiet   bool
	clock   func(time.Duration) time.Time
	names   *traceNames
}

func newTraceJSON(w io.Writer, flags traceFlags, clock func(time.Duration) time.Time, names *traceNames) traceJSON {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return traceJSON{encoder, *flags.quiet, clock, names}
}

func (t traceJSON) packet(p *tracer.Packet) error {
	if t.quiet {
		return nil
	}
	return t.encoder.Encode(t.line(p))
}

func (t traceJSON) flush() error { return nil }

func (t traceJSON) end(s traceSummary) error {
	return t.encoder.Encode(map[string]traceSummary{"summary": s})
}

func (t traceJSON) line(p *tracer.Packet) tracePacket {
	first := p.Events[0]
	line := tracePacket{
		Number: p.Number, Again: p.Again, Time: t.clock(first.Time), Seconds: p.Duration().Seconds(),
		Summary: tracer.Summary(first.Frame), Bytes: first.Length, Segments: first.Segments,
		Layers: []traceLayer{}, Verdicts: []traceVerdict{},
	}
	for _, l := range tracer.Layers(first.Frame) {
		fields := make(map[string]string, len(l.Fields))
		for _, f := range l.Fields {
			fields[f[0]] = f[1]
		}
		line.Layers = append(line.Layers, traceLayer{l.Name, fields})
	}
	for i := range p.Events {
		e := t.event(&p.Events[i], first.Time)
		e.Clone = i > 0 && p.Events[i].Descriptor != p.Events[i-1].Descriptor
		line.Events = append(line.Events, e)
	}
	for _, v := range p.Verdicts() {
		line.Verdicts = append(line.Verdicts, traceVerdict(v))
	}
	fate, e := p.Fate()
	line.Fate = traceFate{Fate: fate, Function: e.Function(), After: (e.Time - first.Time).Seconds()}
	if fate == tracer.Dropped {
		line.Fate.Reason, line.Fate.Explanation = e.Reason, dropreason.Explain(e.Reason)
	}
	return line
}

func (t traceJSON) event(e *tracer.Event, begin time.Duration) traceEvent {
	line := traceEvent{
		After: (e.Time - begin).Seconds(), Hook: string(e.Hook), Function: e.Func, Detail: e.Detail(), Context: string(e.Context), CPU: e.CPU,
		PID: e.Process, Thread: e.Thread, Command: e.Command, Device: e.Device, Interface: e.Interface,
		Namespace: e.Namespace, NamespaceName: t.names.namespace(e.Namespace), Bytes: e.Length, Stack: e.Stack,
	}
	if e.Socket != 0 || e.Cgroup != 0 {
		o := t.names.owner(e)
		line.Socket = &traceSocket{e.Socket, e.Cgroup, o.PID, o.Process, o.Cgroup, o.Container}
	}
	return line
}
