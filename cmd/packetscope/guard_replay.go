package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// differStatus is the exit status if the policies that were compared differ.
const differStatus = 3

func addGuardReplay(guard *kingpin.CmdClause) verb {
	command := guard.Command("replay", "Judge the packets of a capture by the program that the kernel would run, as root; with --against, show what another policy does otherwise (status 3).")
	r := &replay{}
	command.Flag("pcap", "The capture: pcap or pcapng.").Required().StringVar(&r.pcap)
	command.Flag("policy", "Policy files, or folders with them.").Required().StringsVar(&r.files)
	command.Flag("against", "The policy that it is compared with, such as the one in force now: files, or folders with them.").StringsVar(&r.against)
	own := command.Flag("own", "An address of the host, for rules that ask for local.").Strings()
	feedsFlag(command, &r.feeds)
	command.Flag("interface", "The interface of packets whose capture names none.").StringVar(&r.device)
	command.Flag("interpreter", "Judge by the plain interpreter in Go instead of the kernel's program, without privileges.").BoolVar(&r.interpreter)
	command.Flag("summary", "Print the summary alone.").BoolVar(&r.quiet)
	command.Flag("json", "Print JSON, one object a line; the last one is the summary.").BoolVar(&r.asJSON)
	ceiling := ceilingFlag(command)
	return func(ctx context.Context, e env, _ *slog.Logger) error {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		var err error
		if r.own, err = parseAddresses("--own", *own); err != nil {
			return err
		}
		r.ceiling = ceiling()
		return r.run(ctx, e)
	}
}

// A replay is what was asked for.
type replay struct {
	pcap               string
	files, against     []string
	own                []netip.Addr
	feeds              string
	device             string
	interpreter, quiet bool
	asJSON             bool
	ceiling            policy.Mode
}

func parseAddresses(flag string, texts []string) (all []netip.Addr, err error) {
	for _, text := range texts {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		all = append(all, a)
	}
	return all, nil
}

// run judges all packets. If it is interrupted, the summary is about those that were
// judged by then.
func (r *replay) run(ctx context.Context, e env) error {
	subject, err := r.load(e, r.files)
	if err != nil {
		return err
	}
	defer subject.Close()
	var other *judged
	if r.against != nil {
		if other, err = r.load(e, r.against); err != nil {
			return err
		}
		defer other.Close()
	}
	file, err := os.Open(r.pcap)
	if err != nil {
		return err
	}
	defer file.Close()
	reader, err := capture.NewReader(bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		return fmt.Errorf("%s: %w", r.pcap, err)
	}
	out := bufio.NewWriterSize(e.stdout, 1<<16)
	show := newReplayPrinter(out, r, subject, other)
	err = r.packets(ctx, reader, subject, other, show)
	if err = errors.Join(err, show.end(), out.Flush()); err != nil {
		return err
	}
	if show.summary.differ() {
		return &exitError{status: differStatus}
	}
	return nil
}

// packets judges one packet after the other.
func (r *replay) packets(ctx context.Context, reader *capture.Reader, subject, other *judged, show *replayPrinter) error {
	for n := 1; ctx.Err() == nil; n++ {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.pcap, err)
		}
		record.Interface = cmp.Or(record.Interface, r.device)
		p := replayed{number: n, record: record}
		if p.unjudged = guarder.Judgeable(record.Frame); p.unjudged == nil {
			if p.subject, err = subject.judge(record); err != nil {
				return fmt.Errorf("%s: packet %d: %w", r.pcap, n, err)
			}
			if other != nil {
				if p.other, err = other.judge(record); err != nil {
					return fmt.Errorf("%s: packet %d: %w", r.pcap, n, err)
				}
			}
		}
		if err := show.packet(p); err != nil {
			return err
		}
	}
	return nil
}
