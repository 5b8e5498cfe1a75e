package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/stack"
)

// dropWatch is what the verb needs of a [stack.DropWatch].
type dropWatch interface {
	Next(deadline time.Time) (stack.DropEvent, error)
	Events() (stack.DropEvents, error)
	Close() error
}

var _ dropWatch = (*stack.DropWatch)(nil)

// watchDrops attaches the program that tells single drops.
func watchDrops(cfg stack.DropWatchConfig) (dropWatch, error) {
	opened, err := stack.WatchDrops(cfg)
	if err != nil {
		return nil, err // not opened itself, see openStack
	}
	return opened, nil
}

// dropFlags hold the command line of drops.
type dropFlags struct {
	configFile *string
	asJSON     *bool
	severities *[]string
	reasons    *[]string
	duration   *time.Duration
	count      *int
	rate       *int
}

func addDrops(app *kingpin.Application) verb {
	var severities []string
	for _, s := range stack.Severities {
		severities = append(severities, s.String())
	}
	command := app.Command("drops", "Show packets that the kernel drops, as it happens: why, where and what it means.")
	flags := dropFlags{
		configFile: command.Flag("config.file", "Config file, as for serve; its stack.scope and drops.severity count.").String(),
		asJSON:     command.Flag("json", "Print JSON, one object a line; the last one has the totals.").Bool(),
		severities: command.Flag("severity", "Show only drops of this severity: loss, policy or benign; may be repeated.").Enums(severities...),
		reasons:    command.Flag("reason", "Show only drops for this reason, such as SOCKET_RCVBUFF; may be repeated.").Strings(),
		duration:   command.Flag("duration", "End after this time; by default only when interrupted.").Duration(),
		count:      command.Flag("count", "End after so many drops.").Int(),
		rate: command.Flag("rate", "Most drops that one CPU tells in a second; the others are counted.").
			Default(fmt.Sprint(stack.DefaultDropRate)).Int(),
	}
	return func(ctx context.Context, e env, _ *slog.Logger) error {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		return showDrops(ctx, e, flags)
	}
}

// watchConfig returns what the command line and the file ask for.
func (f dropFlags) watchConfig(names config.Names) (stack.DropWatchConfig, error) {
	if *f.duration < 0 || *f.count < 0 || *f.rate < 1 {
		return stack.DropWatchConfig{}, errors.New("--duration and --count cannot be negative, --rate must be 1 or more")
	}
	cfg, err := config.Load(*f.configFile, names)
	if err != nil {
		return stack.DropWatchConfig{}, err
	}
	watch := stack.DropWatchConfig{
		OwnNamespaceOnly: cfg.Stack.OwnNamespaceOnly,
		DropSeverity:     cfg.Stack.DropSeverity,
		Reasons:          *f.reasons,
		PerSecond:        *f.rate,
	}
	for _, name := range *f.severities {
		severity, err := stack.ParseSeverity(name)
		if err != nil {
			return stack.DropWatchConfig{}, err
		}
		watch.Severities = append(watch.Severities, severity)
	}
	return watch, nil
}

// showDrops prints drops until there are enough, the time is over or ctx ends, and then
// what became of all of them.
func showDrops(ctx context.Context, e env, flags dropFlags) error {
	cfg, err := flags.watchConfig(e.names)
	if err != nil {
		return err
	}
	if *flags.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *flags.duration)
		defer cancel()
	}
	watch, err := e.watchDrops(cfg)
	if err != nil {
		return explain(fmt.Errorf("attach probe: %w", err), e.host)
	}
	defer watch.Close()
	show := newDropPrinter(e.stdout, *flags.asJSON)
	shown, err := followDrops(ctx, watch, *flags.count, show.event)
	if err != nil {
		return err
	}
	events, err := watch.Events()
	if err != nil {
		return fmt.Errorf("read losses: %w", err)
	}
	return show.end(e.stderr, events, shown)
}

// patienceForDrops is how long to wait for a drop before ctx is looked at again.
const patienceForDrops = 100 * time.Millisecond

// mostLateDrops is how many drops are shown after ctx has ended.
const mostLateDrops = 1000

// followDrops passes on drops until there are count of them (0 for no limit) or ctx ends,
// and then what has been told by then.
func followDrops(ctx context.Context, watch dropWatch, count int, show func(stack.DropEvent) error) (shown int, err error) {
	// More can come while the last ones are shown, but not without end.
	for late := 0; (count == 0 || shown < count) && late < mostLateDrops; {
		wait := patienceForDrops
		if ctx.Err() != nil {
			wait = 0
			late++
		}
		event, err := watch.Next(time.Now().Add(wait))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if wait == 0 {
				break
			}
			continue
		}
		if err != nil {
			return shown, err
		}
		if err := show(event); err != nil {
			return shown, err
		}
		shown++
	}
	return shown, nil
}

// A dropPrinter writes drops as lines for people or for programs.
type dropPrinter struct {
	w       io.Writer
	encoder *json.Encoder // nil for people
}

func newDropPrinter(w io.Writer, asJSON bool) dropPrinter {
	p := dropPrinter{w: w}
	if asJSON {
		p.encoder = json.NewEncoder(w)
		p.encoder.SetEscapeHTML(false)
	}
	return p
}

func (p dropPrinter) event(e stack.DropEvent) error {
	if p.encoder != nil {
		return p.encoder.Encode(newDropLine(e))
	}
	_, err := fmt.Fprintln(p.w, newDropLine(e).text())
	return err
}

// end writes the totals: for people beside the drops, so that those can be piped.
func (p dropPrinter) end(notes io.Writer, events stack.DropEvents, shown int) error {
	totals := dropTotals{events.Seen, shown, events.Unwanted, events.Limited, events.Lost}
	if p.encoder != nil {
		return p.encoder.Encode(map[string]dropTotals{"totals": totals})
	}
	_, err := fmt.Fprintln(notes, totals.text())
	return err
}
