package main

import (
	"errors"
	"fmt"
	"maps"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// addGuard adds the verbs of Guarder. Those that read policies need no privilege and
// touch nothing; the others are for root.
func addGuard(app *kingpin.Application) map[string]verb {
	guard := app.Command("guard", "Guarder: check, test and explain policies, and put them in force.")
	verbs := map[string]verb{
		"guard check":        addGuardCheck(guard),
		"guard test":         addGuardTest(guard),
		"guard explain":      addGuardExplain(guard),
		"guard replay":       addGuardReplay(guard),
		"guard run":          addGuardRun(guard),
		"guard status":       addGuardStatus(guard),
		"guard top":          addGuardTop(guard),
		"guard detach":       addGuardDetach(guard),
		"guard adopt":        addGuardAdopt(guard),
		"guard export-rules": addGuardExportRules(guard),
	}
	maps.Copy(verbs, addGuardOrders(guard))
	maps.Copy(verbs, addGuardBan(guard))
	return verbs
}

// An exitError ends the program with a status of its own, after all there is to say
// has been printed.
type exitError struct{ status int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// exitStatus returns the status that an error ends the program with.
func exitStatus(err error) int {
	if e := (*exitError)(nil); errors.As(err, &e) {
		return e.status
	}
	return 1
}

// ceilingFlag adds --mode-ceiling to a command.
func ceilingFlag(command *kingpin.CmdClause) func() policy.Mode {
	text := command.Flag("mode-ceiling", "The strongest mode that a rule may have: enforce or audit.").Default("enforce").Enum("enforce", "audit")
	return func() policy.Mode {
		if *text == "audit" {
			return policy.Audit
		}
		return policy.Enforce
	}
}

// counted returns "1 rule" or "5 rules".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
