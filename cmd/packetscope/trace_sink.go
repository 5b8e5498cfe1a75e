package main

import (
	"bytes"
	"io"
	"time"

	"github.com/packetscope/packetscope/internal/dropreason"
	"github.com/packetscope/packetscope/internal/tracer"
)

// A traceSink takes packets that have ended, in the order in which they did.
type traceSink interface {
	packet(*tracer.Packet) error
	// flush is called when nothing more is there for the moment.
	flush() error
	// end is called once, behind the last packet.
	end(traceSummary) error
}

// traceText writes trees for people.
type traceText struct {
	w       io.Writer
	options tracer.TextOptions
	quiet   bool
}

func newTraceText(w io.Writer, flags traceFlags, clock func(time.Duration) time.Time, names *traceNames) traceText {
	return traceText{w: w, quiet: *flags.quiet, options: tracer.TextOptions{
		Layers: *flags.layers, Stacks: *flags.stacks, Clock: clock,
		Explain: dropreason.Explain, Owner: names.ownerText, Namespace: names.namespace,
	}}
}

// packet writes a packet at once: readers of a pipe are not to see a half.
func (t traceText) packet(p *tracer.Packet) error {
	if t.quiet {
		return nil
	}
	var b bytes.Buffer
	if err := p.WriteText(&b, t.options); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := t.w.Write(b.Bytes())
	return err
}

func (t traceText) flush() error { return nil }

func (t traceText) end(s traceSummary) error {
	_, err := io.WriteString(t.w, s.text())
	return err
}
