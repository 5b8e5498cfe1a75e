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
	if x.kept {
		environment.Kept = keptBy(p)
	}
	if x.pcap != "" {
		return explainCapture(e.stdout, x.pcap, p, environment, x.asJSON)
	}
	s, err := policy.ParseSpecimen(x.packet)
	if err != nil {
		return err
	}
	environment.Interface = cmp.Or(s.Interface, x.device)
	if x.asJSON {
		return explainInJSON(e.stdout, p, &s.Packet, &environment, explained{Packet: 1, Length: len(s.Frame), Captured: len(s.Frame)})
	}
	return explainPacket(e.stdout, p, &s.Packet, &environment)
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

// explainCapture explains each packet of a capture, under a line with its number.
func explainCapture(w io.Writer, file string, p *policy.Policy, environment policy.Env, asJSON bool) error {
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
		pkt := packet.Parse(record.Frame)
		if pkt.Reason == packet.OK {
			fragments.See(&pkt, record.Time)
		}
		if asJSON {
			head := explained{Packet: n, Length: max(record.Length, len(record.Frame)), Captured: len(record.Frame)}
			if err := explainInJSON(w, p, &pkt, &environment, head); err != nil {
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
		if err := explainPacket(w, p, &pkt, &environment); err != nil {
			return err
		}
	}
}

// explainPacket prints one line per rule up to the one that decides, and the verdict.
func explainPacket(w io.Writer, p *policy.Policy, pkt *packet.Packet, environment *policy.Env) error {
	steps, judgement := p.Explain(pkt, environment)
	for _, step := range steps {
		if _, err := fmt.Fprintln(w, stepText(step)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "verdict: %s\n%s", p.String(judgement), exemption(p, pkt, judgement))
	return err
}

// exemption returns a line about what only the running agent knows: for whom the verdict
// may be another one.
func exemption(p *policy.Policy, pkt *packet.Packet, j policy.Judgement) string {
	by := j.By
	if j.Verdict != policy.Dropped {
		by = j.WouldDrop
	}
	if by == policy.None || p.Rules[by].Stage != policy.PolicyRule {
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
	if step.Kept {
		text += ", but not this packet, which is kept"
	}
	return fmt.Sprintf("%v: %s/%s %s", step.Rule.At, step.Rule.Group, step.Rule.Name, text)
}

func effect(r *policy.Rule) string {
	if r.Action == policy.Drop && r.Mode == policy.Audit {
		return "would drop (audit)"
	}
	return r.Action.String()
}
