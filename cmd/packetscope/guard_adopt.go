package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder"
)

// adoptFlags hold the command line of guard adopt.
type adoptFlags struct {
	what, socket, ending         *string
	annotator, tokenFile, caFile *string
	reason                       *string
	ttl, observe                 *time.Duration
	audit, yes, force, accept    *bool
	list                         *bool
}

// fromStdin stands for standard input.
const fromStdin = "-"

// How long an adopted rule may live.
const (
	shortestTTL = time.Second
	usualTTL    = time.Hour
	longestTTL  = 24 * time.Hour
)

func addGuardAdopt(guard *kingpin.CmdClause) verb {
	command := guard.Command("adopt", "Put a rule in force for a time, as root: one that the annotator proposes, or one of a file. It is shown, checked, and compared with live traffic before.")
	flags := adoptFlags{
		what:      command.Arg("proposal", "The name of a proposal (12 hexadecimal digits), a policy file (./FILE if its name is such digits), or - for standard input.").String(),
		ttl:       command.Flag("ttl", "How long, at most 24h; by default 1h, or what the annotator proposes if that is less.").PlaceHolder("1h").Duration(),
		audit:     command.Flag("audit", "Count what it would drop, and drop nothing.").Bool(),
		observe:   command.Flag("observe", "How long to look at live traffic before; 0 compares it with none.").Default("5s").Duration(),
		force:     command.Flag("force", "Drop, too, if that hits peers that this host talks to, or if live traffic was not looked at.").Bool(),
		accept:    command.Flag("accept-lockout", "Even if it would cut off connections that this host has, or yours.").Bool(),
		yes:       command.Flag("yes", "Do not ask.").Bool(),
		reason:    command.Flag("reason", "Why, for the annotator's audit log.").String(),
		annotator: command.Flag("annotator", "Where the annotator is.").Default("http://127.0.0.1:10143").Envar("PACKETSCOPE_ANNOTATOR").String(),
		tokenFile: command.Flag("token-file", "File with a token of the annotator, of the scope approve.").Envar("PACKETSCOPE_ANNOTATOR_TOKEN_FILE").String(),
		caFile:    command.Flag("ca-file", "Who signed the annotator's certificate (PEM); the system's authorities if absent.").Envar("PACKETSCOPE_ANNOTATOR_CA_FILE").String(),
		list:      command.Flag("list", "Show what is adopted, and until when.").Bool(),
		ending:    command.Flag("drop", "End one that --list shows before its time.").PlaceHolder("NAME").String(),
		socket:    socketFlag(command),
	}
	return func(ctx context.Context, e env, logger *slog.Logger) error {
		if *flags.what == "" && slices.Contains(e.args, fromStdin) {
			*flags.what = fromStdin // the parser of command lines makes nothing of it
		}
		// Who loses the terminal in a trial could not confirm it.
		ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		a := &adoption{env: e, adoptFlags: flags, client: guarder.Client{Socket: *flags.socket}, logger: logger}
		if e.stdin != nil {
			a.answers = bufio.NewReader(e.stdin)
		}
		return a.run(ctx)
	}
}

// An adoption is one run of guard adopt.
type adoption struct {
	env
	adoptFlags
	client  guarder.Client
	logger  *slog.Logger
	answers *bufio.Reader

	status guarder.Status
	// folder is where the agent reads what is adopted.
	folder string
}

func (a *adoption) run(ctx context.Context) error {
	asked := 0
	for _, is := range []bool{*a.what != "", *a.list, *a.ending != ""} {
		if is {
			asked++
		}
	}
	switch {
	case asked != 1:
		return errors.New("guard adopt: want a proposal or a file, or --list, or --drop")
	case *a.ttl != 0 && (*a.ttl < shortestTTL || *a.ttl > longestTTL):
		return fmt.Errorf("--ttl %v: want %v to %v; a rule that is to stay belongs into a policy file", *a.ttl, shortestTTL, longestTTL)
	case *a.observe < 0:
		return fmt.Errorf("--observe cannot be negative")
	}
	if err := a.meet(); err != nil {
		return err
	}
	switch {
	case *a.list:
		return a.printAdopted()
	case *a.ending != "":
		return a.end(ctx, *a.ending)
	}
	return a.adopt(ctx)
}

// adopt shows, checks and asks before it changes anything.
func (a *adoption) adopt(ctx context.Context) error {
	if err := a.ready(); err != nil {
		return err
	}
	c, err := a.candidate(ctx)
	if err != nil {
		return err
	}
	facts, err := a.guardHost()
	if err != nil {
		return err
	}
	if err := a.sameHost(facts); err != nil {
		return err
	}
	rules, err := a.check(c, facts)
	if err != nil {
		return err
	}
	if err := a.show(c, rules); err != nil {
		return err
	}
	reach := a.compare(ctx, rules, facts)
	if ctx.Err() != nil {
		return errors.New("not adopted: interrupted")
	}
	if err := reach.allows(rules, *a.force); err != nil {
		return err
	}
	if yes, err := a.ask(ctx, fmt.Sprintf("Put this in force for %v?", c.ttl)); err != nil || !yes {
		return errors.Join(errors.New("not adopted"), err)
	}
	// While it was looked at, somebody else may have begun something.
	if err := errors.Join(a.meet(), a.ready()); err != nil {
		return err
	}
	// From now on, and not from when it was shown.
	text, err := a.stamped(c)
	if err != nil {
		return err
	}
	if err := a.putInForce(ctx, c, text, facts.Operator); err != nil {
		return err
	}
	a.tell(ctx, c, reach)
	return nil
}
