package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/geo"
)

// A geoSource is a file that a database is made of, and what reads it.
type geoSource struct {
	path string
	add  func(b *geo.Builder, name string, r io.Reader) error
}

func addGeodbBuild(geodb *kingpin.CmdClause) verb {
	command := geodb.Command("build", "Make a database of countries and AS numbers from what the registries and a table of routes say.")
	output := command.Flag("output", "The file to write; an old one is replaced once the new one is whole.").PlaceHolder("FILE").Required().String()
	delegated := command.Flag("delegated", "A delegated-*-extended-latest of a regional registry, also packed by gzip, or - for standard input; may be repeated.").
		PlaceHolder("FILE").Strings()
	csv := command.Flag("csv", "A table of networks, with commas or tabs, such as ip2asn-combined.tsv of iptoasn.com; also packed, or -; may be repeated, and the later counts more.").
		PlaceHolder("FILE").Strings()
	return func(_ context.Context, e env, _ *slog.Logger) error {
		var sources []geoSource
		for _, path := range *delegated {
			sources = append(sources, geoSource{path, (*geo.Builder).AddDelegated})
		}
		for _, path := range *csv {
			sources = append(sources, geoSource{path, (*geo.Builder).AddCSV})
		}
		return buildGeodb(e, *output, sources)
	}
}

// buildGeodb reads all files, tells all of their faults, and writes nothing if there
// is one.
func buildGeodb(e env, output string, sources []geoSource) error {
	fromStdin := func(s geoSource) bool { return s.path == "-" }
	switch i := slices.IndexFunc(sources, fromStdin); {
	case len(sources) == 0:
		return errors.New("nothing to make a database of (name files with --delegated and --csv)")
	case i >= 0 && slices.ContainsFunc(sources[i+1:], fromStdin):
		return errors.New("standard input can be read once (give the other files by name)")
	}
	var b geo.Builder
	made := e.now()
	var faults []error
	for _, source := range sources {
		before := b.Stats
		name, of, err := source.read(e, &b)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if of.Before(made) {
			made = of
		}
		fmt.Fprintf(e.stdout, "%s: %s\n", name, statWords(before, b.Stats))
	}
	if err := errors.Join(faults...); err != nil {
		return failWith(e.stderr, err)
	}
	// A database is as old as the oldest that is in it, or a download that fails
	// every night would look fresh every morning.
	status, err := b.WriteFile(output, made)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s: %s of %s, %d bytes, dated %s as the oldest file\n", output,
		strings.Join(contentWords(status.Contents), " and "), counted(b.Stats.Networks, "network"), status.Bytes, status.Built.UTC().Format(time.DateTime))
	return err
}

// read adds a file to a database and returns what it is called and when it was made.
func (s geoSource) read(e env, b *geo.Builder) (name string, made time.Time, err error) {
	in, err := openGeoInput(e, s.path)
	if err != nil {
		return "", time.Time{}, err
	}
	defer in.close()
	return in.name, in.made, s.add(b, in.name, in)
}

// statWords returns what one file added: "3 networks, 2 of them with an AS, 4 records skipped".
func statWords(before, after geo.BuildStats) string {
	return fmt.Sprintf("%s, %d of them with an AS, %s skipped", counted(after.Networks-before.Networks, "network"),
		after.Systems-before.Systems, counted(after.Skipped-before.Skipped, "record"))
}
