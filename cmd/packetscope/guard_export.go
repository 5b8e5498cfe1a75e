package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder/alert"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// addGuardExportRules adds the verb for those who have Prometheus tell them of alerts.
func addGuardExportRules(guard *kingpin.CmdClause) verb {
	command := guard.Command("export-rules", "Print the alerts of a policy as a file of alerting rules for Prometheus: the same conditions, for those who do not have the exporter push them.")
	paths := command.Arg("policy", "Policy files, or folders of them.").Required().Strings()
	return func(_ context.Context, e env, _ *slog.Logger) error {
		p, faults := policy.Load(*paths, policy.Options{})
		for _, f := range faults {
			if f.Severity == policy.Error {
				fmt.Fprintln(e.stderr, f)
			}
		}
		if p == nil {
			return &exitError{1}
		}
		text, err := alert.RuleFile(p)
		if err == nil && text == nil {
			err = errors.New("no rule of the policy has an alert")
		}
		if err != nil {
			return err
		}
		_, err = e.stdout.Write(text)
		return err
	}
}
