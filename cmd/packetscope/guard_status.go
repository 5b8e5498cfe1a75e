package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder"
)

// addGuardOrders adds the verbs that tell a running agent to do something.
func addGuardOrders(guard *kingpin.CmdClause) map[string]verb {
	verbs := map[string]verb{"guard apply": addGuardApply(guard), "guard unlock": addGuardUnlock(guard)}
	for name, order := range map[string]struct {
		help, done string
		do         func(guarder.Client) error
	}{
		"confirm":  {"Keep a policy that is on trial.", "policy confirmed", guarder.Client.Confirm},
		"rollback": {"Take a policy that is on trial back at once.", "policy taken back", guarder.Client.Rollback},
	} {
		command := guard.Command(name, order.help)
		socket := socketFlag(command)
		verbs["guard "+name] = func(_ context.Context, e env, _ *slog.Logger) error {
			if err := order.do(guarder.Client{Socket: *socket}); err != nil {
				return err
			}
			_, err := fmt.Fprintln(e.stdout, order.done)
			return err
		}
	}
	return verbs
}

// addGuardApply adds the verb that puts a policy in force, and says how long it is on
// trial. It tells the agent by which connection the operator has come, whose process is
// no child of the operator's shell.
func addGuardApply(guard *kingpin.CmdClause) verb {
	command := guard.Command("apply", "Have the agent read its policy again and put it in force.")
	socket := socketFlag(command)
	accept := command.Flag("accept-lockout", "Even if it would cut off connections that this host has, or yours.").Bool()
	return func(_ context.Context, e env, _ *slog.Logger) error {
		client := guarder.Client{Socket: *socket}
		facts, err := e.guardHost()
		if err != nil {
			return err
		}
		if err := client.Apply(guarder.Order{Operator: facts.Operator, AcceptLockout: *accept}); err != nil {
			return err
		}
		fmt.Fprintln(e.stdout, "policy applied")
		s, err := client.Status()
		if err == nil {
			printTrial(e.stdout, s, e.now())
		}
		return err
	}
}

func printTrial(w io.Writer, s guarder.Status, now time.Time) {
	if s.ConfirmBy != nil {
		fmt.Fprintf(w, "ON TRIAL: taken back in %v unless confirmed (packetscope guard confirm)\n", s.ConfirmBy.Sub(now).Round(time.Second))
	}
}

// addGuardStatus adds the verb that shows what is in force.
func addGuardStatus(guard *kingpin.CmdClause) verb {
	command := guard.Command("status", "Show what policy is in force, and what its rules did.")
	socket := socketFlag(command)
	asJSON := command.Flag("json", "Print JSON.").Bool()
	all := command.Flag("all", "Show rules that never matched too.").Bool()
	return func(_ context.Context, e env, _ *slog.Logger) error {
		s, err := guarder.Client{Socket: *socket}.Status()
		if err != nil {
			return err
		}
		if *asJSON {
			encoder := json.NewEncoder(e.stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(s)
		}
		return printGuardStatus(e.stdout, s, e.now(), *all)
	}
}

func printGuardStatus(w io.Writer, s guarder.Status, now time.Time, all bool) error {
	fmt.Fprintf(w, "generation %d, in force for %v, ceiling %s, counted since %s\n",
		s.Generation, now.Sub(s.Applied).Round(time.Second), s.Ceiling, s.Since.UTC().Format(time.RFC3339))
	printTrial(w, s, now)
	printInForce(w, s)
	if s.ApplyFailed {
		fmt.Fprintln(w, "the last change was refused (see the agent's log); this is the policy before it")
	}
	for _, d := range s.Devices {
		fmt.Fprintf(w, "%s: %s%s%s\n", d.Name, d.Hook, inBrackets(d.Why), passedAndDropped(": ", d.Verdicts))
	}
	fmt.Fprintf(w, "all%s, %d audited drops, %d without a rule%s\n", passedAndDropped(": ", s.Verdicts), s.WouldDrop.Packets, s.Unmatched.Packets, unparsable(s)+lookups(s))
	printKept(w, s, now)
	printTemporary(w, s, now)
	if s.Program.Runs > 0 {
		fmt.Fprintf(w, "run time: %d runs, %.0f ns each\n", s.Program.Runs, s.Program.Seconds*1e9/float64(s.Program.Runs))
	}
	if s.Samples.Taken+s.Samples.Lost > 0 {
		fmt.Fprintf(w, "samples: %d taken, %d lost\n", s.Samples.Taken, s.Samples.Lost)
	}
	if tables := fills(s); tables != "" {
		fmt.Fprintln(w, "tables: "+tables)
	}
	printBanCounts(w, s)
	if err := printFeeds(w, s, now); err != nil {
		return err
	}
	if err := printLearning(w, s, now); err != nil {
		return err
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "RULE\tMODE\tACTION\tPACKETS\tBYTES\tLAST\tPLACE")
	for _, r := range s.Rules {
		row := func(what string, n guarder.Counts) {
			fmt.Fprintf(out, "%s/%s\t%s\t%s\t%d\t%d\t%s\t%s\n", r.Group, r.Rule, r.Mode, what, n.Packets, n.Bytes, ago(r.LastMatch, now), r.Place)
		}
		for _, what := range slices.Sorted(maps.Keys(r.Counts)) {
			row(what, r.Counts[what])
		}
		if all && len(r.Counts) == 0 {
			row(r.Action, guarder.Counts{})
		}
	}
	return out.Flush()
}

// printInForce prints why what is in force is not the policy of the files as it is there.
func printInForce(w io.Writer, s guarder.Status) {
	switch {
	case s.InForce == guarder.InForceEarlier:
		fmt.Fprintln(w, "IN FORCE IS THE POLICY OF AN AGENT BEFORE, whose rules are not known here; that of the files was not confirmed (packetscope guard apply tries it again)")
	case s.InForce == guarder.InForceNothing && s.Tripped:
		fmt.Fprintln(w, "TRIPPED, AND NOTHING IS IN FORCE: it dropped most of what arrived, and could not be audited (see the agent's log); packetscope guard apply tries it again")
	case s.InForce == guarder.InForceNothing:
		fmt.Fprintln(w, "NOTHING IS IN FORCE: the policy of the files was not confirmed (packetscope guard apply tries it again)")
	case s.Tripped:
		fmt.Fprintln(w, "TRIPPED: it dropped most of what arrived and is only audited; packetscope guard apply ends that")
	}
}

// passedAndDropped returns what became of packets behind some text, or "" if that is
// not known.
func passedAndDropped(text string, verdicts map[string]guarder.Counts) string {
	if verdicts == nil {
		return ""
	}
	return fmt.Sprintf("%s%d passed, %d dropped", text, verdicts["pass"].Packets, verdicts["drop"].Packets)
}

// fills returns how full the tables of the kernel are.
func fills(s guarder.Status) string {
	var parts []string
	for _, m := range s.Maps {
		parts = append(parts, fmt.Sprintf("%s %d of %d", m.Name, m.Entries, m.Room))
	}
	return strings.Join(parts, ", ")
}

// ago returns how long ago something was, or "-" if it is not known.
func ago(at *time.Time, now time.Time) string {
	if at == nil {
		return "-"
	}
	return max(0, now.Sub(*at)).Round(time.Second).String()
}

// printKept prints what rules of the policy stage do not drop, if there is anything.
func printKept(w io.Writer, s guarder.Status, now time.Time) {
	if s.KeptConnections > 0 || s.Kept.Packets > 0 || s.NotKept > 0 {
		fmt.Fprintf(w, "%s kept, which would have lost %s%s\n", counted(s.KeptConnections, "connection"), counted(int(s.Kept.Packets), "packet"), notKept(s))
	}
	if s.ProtectedUntil != nil {
		fmt.Fprintf(w, "who put it in force is protected for %v\n", s.ProtectedUntil.Sub(now).Round(time.Second))
	}
}

// printTemporary prints when rules end, those of the same time in one line.
func printTemporary(w io.Writer, s guarder.Status, now time.Time) {
	names := make(map[time.Time][]string)
	for _, r := range s.Rules {
		if r.Until != nil {
			names[r.Until.UTC()] = append(names[r.Until.UTC()], r.Group+"/"+r.Rule)
		}
	}
	for _, until := range slices.SortedFunc(maps.Keys(names), time.Time.Compare) {
		fmt.Fprintf(w, "until %s, for %v: %s\n", clock(until), max(0, until.Sub(now)).Round(time.Second), strings.Join(names[until], ", "))
	}
}

func notKept(s guarder.Status) string {
	if s.NotKept == 0 {
		return ""
	}
	return fmt.Sprintf("; %d MORE FOUND NO ROOM", s.NotKept)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func unparsable(s guarder.Status) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(s.Unparsable)) {
		parts = append(parts, fmt.Sprintf("%d %s", s.Unparsable[reason].Packets, reason))
	}
	if parts == nil {
		return ""
	}
	return "; not readable: " + strings.Join(parts, ", ")
}

// lookups tells for how many packets a socket was asked for, and what was found.
func lookups(s guarder.Status) string {
	var parts []string
	for _, found := range guarder.SocketNames {
		if n := s.Sockets[found].Packets; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, found))
		}
	}
	if parts == nil {
		return ""
	}
	return "; sockets asked for: " + strings.Join(parts, ", ")
}
