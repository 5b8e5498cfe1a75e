package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/locator/history"
)

// historyFlags hold the command line of locate history.
type historyFlags struct {
	dest, path, since, until *string
	changes, asJSON          *bool
}

func addLocateHistory(locate *kingpin.CmdClause) verb {
	command := locate.Command("history", "Print what was kept of paths: a line an hour and for each change. The exporter that writes need not run.")
	flags := historyFlags{
		dest:    command.Arg("destination", "The name of a destination as in the config; by default all.").String(),
		path:    historyPathFlag(command),
		since:   command.Flag("since", "Only what is not older: "+timeForms+".").PlaceHolder("TIME").String(),
		until:   command.Flag("until", "Only what is older, in the same forms.").PlaceHolder("TIME").String(),
		changes: command.Flag("changes", "Only changes.").Bool(),
		asJSON:  command.Flag("json", "Print JSON, one object a line.").Bool(),
	}
	return func(_ context.Context, e env, _ *slog.Logger) error { return printHistory(e, flags) }
}

func historyPathFlag(command *kingpin.CmdClause) *string {
	return command.Flag("path", "The folder of the history, as in the config: locator.history.path.").PlaceHolder("DIR").Required().String()
}

// filter returns which records are wanted.
func (f historyFlags) filter(now time.Time) (history.Filter, error) {
	filter := history.Filter{Dest: *f.dest}
	var errSince, errUntil error
	filter.Since, errSince = parseTime("--since", *f.since, now)
	filter.Until, errUntil = parseTime("--until", *f.until, now)
	if *f.changes {
		filter.Kinds = []history.Kind{history.KindEvent}
	}
	return filter, errors.Join(errSince, errUntil)
}

// printHistory prints records in the order in which they were written.
func printHistory(e env, flags historyFlags) error {
	filter, err := flags.filter(e.now())
	if err != nil {
		return err
	}
	printed := 0
	encoder := json.NewEncoder(e.stdout)
	encoder.SetEscapeHTML(false)
	err = readHistory(e.stderr, *flags.path, filter, func(r history.Record) error {
		printed++
		line := newHistoryLine(r)
		if *flags.asJSON {
			return encoder.Encode(line)
		}
		_, err := fmt.Fprintln(e.stdout, line.text())
		return err
	})
	if err == nil && printed == 0 {
		_, err = fmt.Fprintln(e.stderr, "nothing is kept that fits")
	}
	return err
}

// readHistory passes on records. Lines that cannot be read, as after a crash, are told in
// notes and keep nothing else from being read.
func readHistory(notes io.Writer, dir string, filter history.Filter, each func(history.Record) error) error {
	for record, err := range history.Read(dir, filter) {
		if bad := (*history.LineError)(nil); errors.As(err, &bad) {
			fmt.Fprintln(notes, printableLine(err.Error()))
			continue
		}
		if err != nil {
			return err
		}
		if err := each(record); err != nil {
			return err
		}
	}
	return nil
}

// timeForms are what parseTime takes.
const timeForms = "2026-03-01, 2026-03-01T12:00:00 (local, or with Z or +01:00 behind it), or how long ago, such as 90m or 7d"

// parseTime reads the time of a flag; "" is the zero time.
func parseTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	ago, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok && err != nil {
		if ago, err = time.ParseDuration(days + "h"); err == nil {
			ago *= 24
		}
	}
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%s: bad time %q (want %s)", flag, text, timeForms)
	}
	return now.Add(-ago), nil
}
