package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// strictStatus is the exit status if --strict turns warnings into a failure.
const strictStatus = 3

func addGuardCheck(guard *kingpin.CmdClause) verb {
	command := guard.Command("check", "Report all faults of a policy: status 1 for errors, 3 for warnings with --strict.")
	files := command.Arg("file", "Policy files, or folders with them; together they are one policy.").Required().Strings()
	strict := command.Flag("strict", "Fail for warnings too.").Bool()
	format := command.Flag("format", "How faults are printed: text, json, or github (annotations of a workflow).").
		Default("text").Enum("text", "json", "github")
	onHost := command.Flag("host", "Compare the policy with this machine: interfaces, cards, and what it would cut off.").Bool()
	accept := command.Flag("accept-lockout", "With --host: say nothing of what would be cut off.").Bool()
	ceiling := ceilingFlag(command)
	return func(_ context.Context, e env, _ *slog.Logger) error {
		p, faults := policy.Load(*files, policy.Options{Ceiling: ceiling()})
		if p != nil {
			faults = append(faults, compile.Check(p, compile.Options{})...)
		}
		if p != nil && *onHost {
			facts, err := e.guardHost()
			if err != nil {
				return err
			}
			facts.Abilities = e.guardProbe(facts, p)
			faults = append(faults, hostFaults(p, facts, *accept)...)
		}
		if err := printFaults(e.stdout, faults, *format); err != nil {
			return err
		}
		switch {
		case policy.Failed(faults):
			return &exitError{status: 1}
		case *strict && len(faults) > 0:
			return &exitError{status: strictStatus}
		case *format == "text":
			fmt.Fprintf(e.stdout, "%s: ok, %s\n", strings.Join(*files, ", "), ruleSummary(p))
		}
		return nil
	}
}

// hostFaults returns what is wrong with a policy on a host.
func hostFaults(p *policy.Policy, facts *host.Facts, acceptLockout bool) []policy.Fault {
	return slices.DeleteFunc(host.Check(p, facts), func(f policy.Fault) bool { return acceptLockout && host.Accepted(f) })
}

// ruleSummary returns "3 rules: 1 enforced drop, 1 audited drop, 1 other".
func ruleSummary(p *policy.Policy) string {
	var enforced, audited int
	for _, r := range p.Rules {
		switch {
		case r.Action != policy.Drop:
		case r.Mode == policy.Enforce:
			enforced++
		default:
			audited++
		}
	}
	return fmt.Sprintf("%s: %s, %s, %d other%s", counted(len(p.Rules), "rule"),
		counted(enforced, "enforced drop"), counted(audited, "audited drop"), len(p.Rules)-enforced-audited, ends(p))
}

// ends returns "; 1 of them until 2026-11-29T10:00:00Z", with the last end if there are
// several, or "" if no rule ends.
func ends(p *policy.Policy) string {
	temporary := 0
	for i := range p.Rules {
		if !p.Rules[i].Until.IsZero() {
			temporary++
		}
	}
	all := p.Ends()
	switch {
	case temporary == 0:
		return ""
	case len(all) > 1:
		return fmt.Sprintf("; %d of them until %s or later, the last until %s", temporary, all[0].UTC().Format(time.RFC3339), all[len(all)-1].UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("; %d of them until %s", temporary, all[0].UTC().Format(time.RFC3339))
}

// A jsonFault is a fault as --format=json prints it.
type jsonFault struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"`
	Code     string `json:"code"`
	In       string `json:"in,omitempty"`
	Text     string `json:"text"`
	Hint     string `json:"hint,omitempty"`
}

func printFaults(w io.Writer, faults []policy.Fault, format string) error {
	if format == "json" {
		all := []jsonFault{}
		for _, f := range faults {
			all = append(all, jsonFault{f.At.File, f.At.Line, f.At.Column, f.Severity.String(), f.Code, f.In, f.Text, f.Hint})
		}
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(all)
	}
	for _, f := range faults {
		line := f.String()
		if format == "github" {
			line = githubLine(f)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// githubLine returns a workflow command, whose text must not hold line ends.
func githubLine(f policy.Fault) string {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	text := f.Text
	if f.In != "" {
		text = f.In + ": " + text
	}
	if f.Hint != "" {
		text += "; " + f.Hint
	}
	return fmt.Sprintf("::%v file=%s,line=%d,col=%d,title=%s::%s", f.Severity, property.Replace(f.At.File), f.At.Line, f.At.Column, f.Code, escape.Replace(text))
}
