package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

func addGuardExplain(guard *kingpin.CmdClause) verb {
	command := guard.Command("explain", "Say which rule decides about a packet, and why those before it did not.")
	x := &explanation{}
	command.Flag("policy", "Policy files, or folders with them.").Required().StringsVar(&x.files)
	command.Flag("own", "An address of the host, for rules that ask for local.").StringsVar(&x.own)
	words := command.Arg("packet", "The packet, such as 'tcp 192.0.2.1:1234 > 198.51.100.1:22 flags=syn iface=eth0'.").Required().Strings()
	x.ceiling = ceilingFlag(command)
	return func(_ context.Context, e env, _ *slog.Logger) error {
		x.packet = strings.Join(*words, " ")
		return x.run(e)
	}
}

// An explanation is what was asked for.
type explanation struct {
	files, own []string
	packet     string
	ceiling    func() policy.Mode
}

func (x *explanation) run(e env) error {
	var own []netip.Addr
	for _, text := range x.own {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("--own: %w", err)
		}
		own = append(own, a)
	}
	s, err := policy.ParseSpecimen(x.packet)
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
	environment := &policy.Env{
		Interface: s.Interface, Sets: p.Sets, Bindings: p.Bindings,
		Own: func(a netip.Addr) bool { return slices.Contains(own, a) },
	}
	return explainPacket(e.stdout, p, &s.Packet, environment)
}

// explainPacket prints one line per rule up to the one that decides, and the verdict.
func explainPacket(w io.Writer, p *policy.Policy, pkt *packet.Packet, environment *policy.Env) error {
	steps, judgement := p.Explain(pkt, environment)
	for _, step := range steps {
		text := "does not match: " + step.Why
		if step.Matched {
			text = "matches: " + effect(step.Rule)
		}
		if _, err := fmt.Fprintf(w, "%v: %s/%s %s\n", step.Rule.At, step.Rule.Group, step.Rule.Name, text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "verdict: %s\n", p.String(judgement))
	return err
}

func effect(r *policy.Rule) string {
	if r.Action == policy.Drop && r.Mode == policy.Audit {
		return "would drop (audit)"
	}
	return r.Action.String()
}
