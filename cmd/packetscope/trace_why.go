package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/tracer"
	tracefilter "github.com/packetscope/packetscope/internal/tracer/filter"
)

// whyFlags hold the command line of trace why.
type whyFlags struct {
	target   *string
	duration *time.Duration
	asJSON   *bool
}

func addTraceWhy(trace *kingpin.CmdClause) map[string]verb {
	command := trace.Command("why", "Say in sentences what is wrong with one connection: where packets stop, what is slow, what is full.")
	flags := whyFlags{
		target:   command.Arg("target", "A destination as HOST:PORT, the number of a process, or the inode of a socket.").Required().String(),
		duration: command.Flag("duration", "How long to look.").Default("5s").Duration(),
		asJSON:   command.Flag("json", "Print JSON.").Bool(),
	}
	return map[string]verb{"trace why": func(ctx context.Context, e env, logger *slog.Logger) error {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		return runWhy(ctx, e, flags, logger)
	}}
}

// runWhy looks at a connection for a while.
func runWhy(ctx context.Context, e env, flags whyFlags, logger *slog.Logger) error {
	if *flags.duration <= 0 {
		return errors.New("--duration must be more than 0")
	}
	target, err := parseWhyTarget(ctx, *flags.target)
	if err != nil {
		return err
	}
	all, err := listAllSockets(e, logger)
	if err != nil {
		return err
	}
	evidence := whyEvidence{target: target}
	if evidence.socket, err = target.choose(all, e.owners); err != nil {
		return err
	}
	if s := evidence.socket; s != nil {
		evidence.owner = e.owners([]owner.Socket{{Inode: s.Inode, Cgroup: s.Cgroup}})[0]
		evidence.before = tcpInfoOf(e, *s)
	}
	expression := target.filter(evidence.socket)
	chosen, err := tracefilter.Compile(expression, tracefilter.Names{})
	if err != nil {
		return fmt.Errorf("filter %q: %w", expression, err)
	}
	if err := evidence.trace(ctx, e, chosen, *flags.duration, *flags.asJSON); err != nil {
		return err
	}
	if all, err = listAllSockets(e, logger); err != nil {
		return err
	}
	evidence.end(e, all)
	answer := evidence.answer()
	if *flags.asJSON {
		return writeJSON(e.stdout, answer)
	}
	return answer.print(e.stdout)
}

// listAllSockets returns the sockets of all namespaces.
func listAllSockets(e env, logger *slog.Logger) ([]sockets.Socket, error) {
	engine, err := e.openSockets(sockets.Config{}, logger)
	if err != nil {
		return nil, fmt.Errorf("open sockets: %w", err)
	}
	listing, err := engine.List()
	return listing.Sockets, errors.Join(err, engine.Close())
}

// tcpInfoOf returns nil for what is no connection of TCP, or is gone.
func tcpInfoOf(e env, s sockets.Socket) *sockets.TCPInfo {
	if s.Protocol != sockets.TCP {
		return nil
	}
	info, err := e.tcpInfo(s)
	if err != nil {
		return nil
	}
	return &info
}

// trace follows the packets of the connection. What it looks at is printed as soon as the
// Tracer is attached.
func (w *whyEvidence) trace(ctx context.Context, e env, chosen *tracefilter.Filter, duration time.Duration, quiet bool) error {
	session, err := e.openTracer(tracer.Config{Filter: chosen, Stacks: true})
	if err != nil {
		return explainTracer(err, e)
	}
	defer session.Close()
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	begin := e.monotonic()
	if !quiet {
		if _, err := fmt.Fprintf(e.stdout, "%s, looked at for %s\n", w.subject(), duration); err != nil {
			return err
		}
	}
	if err := followPackets(ctx, e, session, mostWhyPackets, func(packets []*tracer.Packet) error {
		w.add(packets)
		return nil
	}); err != nil {
		return err
	}
	w.took = e.monotonic() - begin
	w.counts, err = session.Counts()
	return err
}

// end looks for the socket once more. To a destination without one there may be one by now.
func (w *whyEvidence) end(e env, all []sockets.Socket) {
	if w.socket == nil {
		if found := w.target.find(all, e.owners); len(found) == 1 {
			w.later = &found[0]
		}
	}
	for i, s := range all {
		if w.socket != nil && s.Namespace == w.socket.Namespace && s.Protocol == w.socket.Protocol && s.Local == w.socket.Local && s.Peer == w.socket.Peer {
			w.later = &all[i]
		}
	}
	if w.later != nil {
		w.after = tcpInfoOf(e, *w.later)
	}
}

// subject names the connection.
func (w *whyEvidence) subject() string {
	if w.socket == nil {
		return "attempts to reach " + w.target.text
	}
	s := w.socket
	text := fmt.Sprintf("%v %v > %v", s.Protocol, unmapped(s.Local), unmapped(s.Peer))
	if w.owner.PID != 0 {
		text += " of " + w.program()
	}
	if w.owner.Container != "" {
		text += " in " + printable(w.owner.Container)
	}
	return text + ", " + s.Protocol.StateName(s.State)
}

// program names who reads and writes.
func (w *whyEvidence) program() string {
	if w.owner.PID == 0 {
		return "the program"
	}
	return fmt.Sprintf("%s[%d]", printable(w.owner.Process), w.owner.PID)
}
