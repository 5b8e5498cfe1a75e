package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/locator/history"
)

// pathDiffFlags hold the command line of locate diff.
type pathDiffFlags struct {
	dest, path, at, and *string
	asJSON              *bool
}

func addLocateDiff(locate *kingpin.CmdClause) verb {
	command := locate.Command("diff", "Show how a path differs between two times of its history; by default between the last two that were kept.")
	flags := pathDiffFlags{
		dest:   command.Arg("destination", "The name of a destination as in the config.").Required().String(),
		path:   historyPathFlag(command),
		at:     command.Flag("at", "The first time: "+timeForms+".").PlaceHolder("TIME").String(),
		and:    command.Flag("and", "The second time, in the same forms.").PlaceHolder("TIME").String(),
		asJSON: command.Flag("json", "Print JSON, one object a line for each protocol and family.").Bool(),
	}
	return func(_ context.Context, e env, _ *slog.Logger) error { return printPathDiffs(e, flags) }
}

// pick returns what chooses two checkpoints of those that come one after the other.
func (f pathDiffFlags) pick(now time.Time) (checkpointPick, error) {
	if (*f.at == "") != (*f.and == "") {
		return checkpointPick{}, errors.New("--at and --and belong together")
	}
	at, errAt := parseTime("--at", *f.at, now)
	and, errAnd := parseTime("--and", *f.and, now)
	return checkpointPick{at: at, and: and}, errors.Join(errAt, errAnd)
}

// A checkpointPick keeps the last two checkpoints or, if it has times, the last one at
// each of them.
type checkpointPick struct {
	at, and     time.Time
	first, then *history.Checkpoint
}

func (p *checkpointPick) add(c history.Checkpoint) {
	if p.at.IsZero() {
		p.first, p.then = p.then, &c
		return
	}
	if !c.At.After(p.at) {
		p.first = &c
	}
	if !c.At.After(p.and) {
		p.then = &c
	}
}

// printPathDiffs prints one difference for each protocol and family.
func printPathDiffs(e env, flags pathDiffFlags) error {
	empty, err := flags.pick(e.now())
	if err != nil {
		return err
	}
	picks := map[history.Key]*checkpointPick{}
	filter := history.Filter{Dest: *flags.dest, Kinds: []history.Kind{history.KindCheckpoint}}
	err = readHistory(e.stderr, *flags.path, filter, func(r history.Record) error {
		c, ok := r.(history.Checkpoint)
		if !ok {
			return nil
		}
		if picks[c.Key] == nil {
			pick := empty
			picks[c.Key] = &pick
		}
		picks[c.Key].add(c)
		return nil
	})
	if err != nil {
		return err
	}
	return printPicks(e, flags, picks)
}

func printPicks(e env, flags pathDiffFlags, picks map[history.Key]*checkpointPick) error {
	encoder := json.NewEncoder(e.stdout)
	encoder.SetEscapeHTML(false)
	printed := 0
	for _, key := range sortedKeys(picks) {
		p := picks[key]
		if p.first == nil || p.then == nil {
			continue
		}
		printed++
		d := newPathDiff(key, history.Compare(*p.first, *p.then))
		err := error(nil)
		if *flags.asJSON {
			err = encoder.Encode(d)
		} else {
			_, err = fmt.Fprintln(e.stdout, strings.Join(d.lines(), "\n"))
		}
		if err != nil {
			return err
		}
	}
	if printed == 0 {
		return fmt.Errorf("there are no two checkpoints of %q to compare in %q (packetscope locate history tells what there is)", *flags.dest, *flags.path)
	}
	return nil
}

func sortedKeys(picks map[history.Key]*checkpointPick) []history.Key {
	var keys []history.Key
	for key := range picks {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b history.Key) int {
		return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.AF, b.AF))
	})
	return keys
}
