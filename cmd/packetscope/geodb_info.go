package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/geo"
)

// A geoFile is a database as the verb prints it. Fields may be added to it; none is
// renamed or removed.
type geoFile struct {
	File  string    `json:"file"`
	Type  string    `json:"type"`
	Built time.Time `json:"built"`
	Bytes int64     `json:"bytes"`
	// Nodes are those of its tree of addresses.
	Nodes    int      `json:"nodes"`
	Contents []string `json:"contents"`
}

func addGeodbInfo(geodb *kingpin.CmdClause) verb {
	command := geodb.Command("info", "Tell type, age and contents of databases. Status 1 if one cannot be used.")
	asJSON := command.Flag("json", "Print JSON, one object a line.").Bool()
	files := command.Arg("file", "Databases (.mmdb).").Required().Strings()
	return func(_ context.Context, e env, _ *slog.Logger) error {
		var good []geoFile
		var faults []error
		for _, s := range geo.Open(geo.Config{Databases: *files, Now: e.now}).Status() {
			if s.Err != nil {
				faults = append(faults, s.Err)
				continue
			}
			good = append(good, geoFile{s.Path, s.Type, s.Built.UTC(), s.Bytes, s.Entries, contentWords(s.Contents)})
		}
		if err := printGeoFiles(e.stdout, good, e.now(), *asJSON); err != nil {
			return err
		}
		return failWith(e.stderr, errors.Join(faults...))
	}
}

func printGeoFiles(w io.Writer, files []geoFile, now time.Time, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		for _, f := range files {
			if err := encoder.Encode(f); err != nil {
				return err
			}
		}
		return nil
	}
	if len(files) == 0 {
		return nil
	}
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "TYPE\tBUILT\tAGE\tNODES\tBYTES\tCONTENTS\tFILE")
	for _, f := range files {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", cmp.Or(f.Type, "-"), f.Built.Format(time.DateOnly),
			days(now.Sub(f.Built)), f.Nodes, f.Bytes, strings.Join(f.Contents, ", "), f.File)
	}
	table.Flush() // into memory
	_, err := w.Write(b.Bytes())
	return err
}
