package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

func addGuardExplain(guard *kingpin.CmdClause) verb {
	command := guard.Command("explain", "Say which rule decides about a packet, and why those before it did not.")
	x := &explanation{}
	command.Flag("policy", "Policy files, or folders with them.").Required().StringsVar(&x.files)
	command.Flag("own", "An address of the host, for rules that ask for local.").StringsVar(&x.own)
	command.Flag("pcap", "A capture (pcap or pcapng) whose packets are explained.").StringVar(&x.pcap)
	command.Flag("interface", "The interface of packets that name none.").StringVar(&x.device)
	feedsFlag(command, &x.feeds)
	command.Flag("banned", "An address or prefix that the operator has banned.").StringsVar(&x.banned)
	command.Flag("agent", "Have those banned too whom the running agent has banned now, as root.").BoolVar(&x.agent)
	x.socket = socketFlag(command)
	command.Flag("kept", "Take the packets for ones of connections that are kept, or of the peer that put the policy in force.").BoolVar(&x.kept)
	command.Flag("json", "Print JSON, one object a packet and line.").BoolVar(&x.asJSON)
	words := command.Arg("packet", "The packet, such as 'tcp 192.0.2.1:1234 > 198.51.100.1:22 flags=syn iface=eth0'.").Strings()
	x.ceiling = ceilingFlag(command)
	return func(_ context.Context, e env, _ *slog.Logger) error {
		x.packet = strings.Join(*words, " ")
		return x.run(e)
	}
}

// An explanation is what was asked for.
type explanation struct {
	files, own []string
	packet     string // or "", with pcap
	pcap       string
	device     string
	feeds      string
	banned     []string
	agent      bool
	socket     *string
	kept       bool
	asJSON     bool
	ceiling    func() policy.Mode
}

func (x *explanation) run(e env) error {
	if (x.packet == "") == (x.pcap == "") {
		return errors.New("guard explain: want a packet, or a capture with --pcap")
	}
	own, err := parseAddresses("--own", x.own)
	if err != nil {
		return err
	}
	p, faults := policy.Load(x.files, policy.Options{Ceiling: x.ceiling()})
	if p == nil {
		if err := printFaults(e.stderr, faults, "text"); err != nil {
			return err
		}
		return &exitError{status: 1}
	}
	environment := policy.Env{
		Interface: x.device, Sets: p.Sets, Bindings: p.Bindings,
		Own: func(a netip.Addr) bool { return slices.Contains(own, a) },
	}
	lists, err := feedsAtHand(e, p, x.feeds, own)
	if err != nil {
		return err
	}
	if len(lists) > 0 {
		environment.Feeds = compile.Listing(lists)
	}
	if x.kept {
		environment.Kept = keptBy(p)
	}
	j := &judged{Policy: p, bans: policy.NewBans(p, own)}
	if err := x.ban(e, j); err != nil {
		return err
	}
	environment.Banned = j.bans.Banned
	if x.pcap != "" {
		return explainCapture(e.stdout, x.pcap, j, environment, x.asJSON)
	}
	s, err := policy.ParseSpecimen(x.packet)
	if err != nil {
		return err
	}
	if err := s.CheckSockets(environment.Own); err != nil {
		return fmt.Errorf("%w; name it with --own", err)
	}
	environment.Interface, environment.Sockets, environment.Connections = cmp.Or(s.Interface, x.device), s.Sockets, s.Connections
	if x.asJSON {
		return explainInJSON(e.stdout, j, &s.Packet, &environment, explained{Packet: 1, Length: len(s.Frame), Captured: len(s.Frame)})
	}
	return explainPacket(e.stdout, j, &s.Packet, &environment)
}

// keptBy returns which packets a policy keeps if they are of a connection or a peer that
// is kept.
func keptBy(p *policy.Policy) func(*packet.Packet) bool {
	return func(pkt *packet.Packet) bool {
		var k policy.Kept
		if p.Life.KeepEstablished {
			k.Connections = map[policy.Connection]bool{policy.ConnectionOf(pkt): true}
		}
		if p.Life.ProtectApplier > 0 {
			k.Peers = map[netip.Addr]bool{pkt.Source: true}
		}
		return k.Has(pkt)
	}
}

// explainCapture explains each packet of a capture, under a line with its number. What
// rules remember, and whom they ban, goes on from one packet to the next.
func explainCapture(w io.Writer, file string, j *judged, environment policy.Env, asJSON bool) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	reader, err := capture.NewReader(bufio.NewReader(f))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	device := environment.Interface
	environment.States = &policy.States{}
	var fragments packet.Tracker
	for n := 1; ; n++ {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: packet %d: %w", file, n, err)
		}
		environment.Interface = cmp.Or(record.Interface, device)
		j.bans.At(record.Time)
		if record.Time.After(environment.Now) {
			environment.Now = record.Time
		}
		pkt := packet.Parse(record.Frame)
		if pkt.Reason == packet.OK {
			fragments.See(&pkt, record.Time)
		}
		if asJSON {
			head := explained{Packet: n, Length: max(record.Length, len(record.Frame)), Captured: len(record.Frame)}
			if err := explainInJSON(w, j, &pkt, &environment, head); err != nil {
				return err
			}
			continue
		}
		cut := ""
		if record.Length > len(record.Frame) {
			cut = fmt.Sprintf(", of which the capture holds %d", len(record.Frame))
		}
		if _, err := fmt.Fprintf(w, "packet %d, %s%s\n", n, counted(record.Length, "byte"), cut); err != nil {
			return err
		}
		if err := explainPacket(w, j, &pkt, &environment); err != nil {
			return err
		}
	}
}

// explain returns what rules do to a packet, and the outcome, which bans go on from.
func (j *judged) explain(pkt *packet.Packet, environment *policy.Env) ([]policy.Step, outcome) {
	var o outcome
	met := j.bans.Of(pkt.Source)
	steps, judgement := j.Explain(pkt, environment)
	if o.Judgement = judgement; o.Ban != policy.NotBanned {
		was := *met // before it is renewed
		o.met = &was
	}
	o.made = j.bans.Judged(pkt, judgement)
	return steps, o
}

// explainPacket prints one line per rule up to the one that decides, and the verdict.
func explainPacket(w io.Writer, j *judged, pkt *packet.Packet, environment *policy.Env) error {
	steps, o := j.explain(pkt, environment)
	var lines []string
	between := append(j.banTexts(o), feedTexts(j.ExplainFeeds(pkt, environment, o.Judgement))...)
	for i, step := range steps {
		if step.Rule.Stage == policy.PolicyRule && (i == 0 || steps[i-1].Rule.Stage != policy.PolicyRule) {
			lines, between = append(lines, between...), nil
		}
		lines = append(lines, stepText(step))
	}
	for _, line := range append(lines, between...) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "verdict: %s\n%s", j.what(o), exemption(j.Policy, pkt, o.Judgement))
	return err
}

// exemption returns a line about what only the running agent knows: for whom the verdict
// may be another one.
func exemption(p *policy.Policy, pkt *packet.Packet, j policy.Judgement) string {
	by := j.By
	if j.Verdict != policy.Dropped {
		by = j.WouldDrop
	}
	fed := j.Ban == policy.BanDropped || j.Ban == policy.BanWouldDrop || j.Listed.By != "" || j.Verdict != policy.Dropped && j.Listed.WouldDrop != ""
	if !fed && (by == policy.None || p.Rules[by].Stage != policy.PolicyRule) {
		return ""
	}
	var unless []string
	probe := policy.Kept{Connections: map[policy.Connection]bool{policy.ConnectionOf(pkt): true}}
	if p.Life.KeepEstablished && probe.Has(pkt) {
		unless = append(unless, "its connection was established when the policy was put in force")
	}
	if p.Life.ProtectApplier > 0 && pkt.Family != 0 {
		unless = append(unless, fmt.Sprintf("%v put the policy in force within %v", pkt.Source, p.Life.ProtectApplier))
	}
	if unless == nil {
		return ""
	}
	return "unless " + strings.Join(unless, ", or ") + " (--kept shows that)\n"
}

// stepText returns what one rule does to a packet, behind the place of the rule.
func stepText(step policy.Step) string {
	text := "does not match: " + step.Why
	if step.Matched {
		text = "matches: " + effect(step.Rule)
	}
	if step.Within {
		text = "matches, but does nothing: " + step.Why
	}
	if step.Kept {
		text += ", but not this packet, which is kept"
	}
	return fmt.Sprintf("%v: %s/%s %s", step.Rule.At, step.Rule.Group, step.Rule.Name, text)
}

func effect(r *policy.Rule) string {
	did := r.Action.String()
	if r.Action == policy.Drop && r.Mode == policy.Audit {
		did = "would drop (audit)"
	}
	if r.Ban != nil {
		did += ", and " + r.Ban.String()
	}
	return did
}
