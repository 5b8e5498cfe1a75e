package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/adopt"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// show prints what would be adopted: where it comes from, its text, and what it does in
// words.
func (a *adoption) show(c *candidate, rules *policy.Policy) error {
	w := a.stdout
	fmt.Fprintln(w, printableLine(c.from))
	if p := c.proposal; p != nil {
		fmt.Fprintf(w, "made by the %s for episode %s, %s, for %s\n", printable(p.By), printable(p.Episode), printable(p.State), printable(p.TTL))
	}
	fmt.Fprintln(w)
	for line := range strings.Lines(string(c.text)) {
		// All of it: what is cut off would be adopted unseen.
		fmt.Fprintln(w, "    "+printableRunes(strings.TrimRight(line, "\r\n"), mostPolicy))
	}
	fmt.Fprintln(w)
	for i := range rules.Rules {
		r := &rules.Rules[i]
		fmt.Fprintf(w, "%s/%s %s, until %s: %s\n", r.Group, r.Name, ruleEffect(r), clock(r.Until), policy.Describe(r.Match))
		if r.Ban != nil {
			fmt.Fprintf(w, "    it %v; who is banned stays so when the rule has ended (packetscope guard ban del ends that)\n", r.Ban)
		}
	}
	return nil
}

// ruleEffect returns what a rule does, as a verb.
func ruleEffect(r *policy.Rule) string {
	switch {
	case r.Action == policy.Drop && r.Mode == policy.Audit && r.Asks == policy.Enforce:
		return "counts what it would drop (the agent's ceiling is audit)"
	case r.Action == policy.Drop && r.Mode == policy.Audit:
		return "counts what it would drop"
	case r.Action == policy.Pass:
		return "passes"
	}
	return r.Action.String() + "s"
}

func (r adoptReach) print(w io.Writer, d time.Duration) {
	if r.unknown != nil {
		fmt.Fprintf(w, "not compared with live traffic: %v\n", r.unknown)
		return
	}
	fmt.Fprintf(w, "live traffic of %v: %s in %s; %s of TCP established\n", d, counted(int(r.Packets), "packet"), counted(r.Flows, "flow"), counted(r.Connections, "connection"))
	fmt.Fprintf(w, "it matches %s (%.1f %%) in %s, and %s\n", counted(int(r.MatchedPackets), "packet"), 100*r.Share(), counted(r.MatchedFlows, "flow"), counted(r.MatchedConnections, "connection"))
	fmt.Fprintf(w, "of these, %s (%.1f %%) in %s come from peers that this host talks to\n", counted(int(r.TwoWayPackets), "packet"), 100*r.TwoWayShare(), counted(r.TwoWayFlows, "flow"))
}

// tell has the annotator know, as far as it can be reached. The rule is in force by now.
func (a *adoption) tell(ctx context.Context, c *candidate, reach adoptReach) {
	if c.proposal == nil || c.proposal.State != "pending" {
		return
	}
	with := approval{TTL: c.ttl.String(), Reason: *a.reason}
	if with.Reason == "" {
		name, err := os.Hostname()
		if err != nil {
			name = "a host"
		}
		with.Reason = "adopted on " + name
		if *a.audit {
			with.Reason += " to count only"
		}
	}
	if reach.unknown == nil {
		share := reach.TwoWayShare()
		with.MatchedShare = &share
	}
	if err := c.annotator.approve(ctx, c.id, with); err != nil {
		fmt.Fprintf(a.stderr, "warning: the rule is in force, and the annotator does not know: %v\n", err)
	}
}

// printAdopted prints what is adopted.
func (a *adoption) printAdopted() error {
	all, err := adopt.List(a.folder)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintf(a.stdout, "nothing is adopted in %s\n", a.folder)
		return nil
	}
	out := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "NAME\tSTATE\tUNTIL\tLEFT\tRULES")
	for _, f := range all {
		rules := a.rulesOf(f)
		state, until, left := "not in force", "-", "-"
		switch {
		case f.Fault != nil:
			state = "faulty"
		case f.Over(a.now()):
			state, until = "over", clock(f.Until)
		default:
			until, left = clock(f.Until), f.Until.Sub(a.now()).Round(time.Second).String()
			if len(rules) > 0 {
				state = rules[0].Mode
			}
		}
		names := make([]string, len(rules))
		for i, r := range rules {
			names[i] = r.Group + "/" + r.Rule
		}
		if len(names) == 0 {
			names = []string{"-"}
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", f.ID, state, until, left, strings.Join(names, ", "))
	}
	return out.Flush()
}

// rulesOf returns the rules in force that stand in a file.
func (a *adoption) rulesOf(f adopt.Adopted) []guarder.RuleStatus {
	return slices.DeleteFunc(slices.Clone(a.status.Rules), func(r guarder.RuleStatus) bool { return !strings.HasPrefix(r.Place, f.Path+":") })
}

// end ends what was adopted before its time.
func (a *adoption) end(ctx context.Context, name string) error {
	all, err := adopt.List(a.folder)
	if err != nil {
		return err
	}
	f, found := adopt.Find(all, name)
	if !found {
		return fmt.Errorf("nothing of the name %q is adopted in %s (packetscope guard adopt --list)", name, a.folder)
	}
	if len(a.rulesOf(f)) == 0 && (a.status.ConfirmBy == nil || f.Over(a.now())) {
		if err := adopt.Remove(f.Path); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s was not in force; its file is removed\n", name)
		return nil
	}
	if err := a.ready(); err != nil {
		return err
	}
	text, err := os.ReadFile(f.Path)
	if err != nil {
		return err
	}
	facts, err := a.guardHost()
	if err != nil {
		return err
	}
	return a.change(ctx, facts.Operator, changes{
		do:    func() error { return adopt.Remove(f.Path) },
		undo:  func() error { return adopt.Put(f.Path, text) },
		holds: func(s guarder.Status) bool { a.status = s; return len(a.rulesOf(f)) == 0 },
		done:  name + " is ended, and its file removed",
		kept:  "if that is taken back, the rule is in force until its time is over",
	})
}
