package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

func addGuardTest(guard *kingpin.CmdClause) verb {
	command := guard.Command("test", "Run the unit tests of policies: packets in, verdict and rule out.")
	files := command.Arg("file", "Test files, or folders whose files *_test.yaml are run.").Required().Strings()
	return func(_ context.Context, e env, _ *slog.Logger) error { return guardTest(e, *files) }
}

func guardTest(e env, paths []string) error {
	files, err := testFiles(paths)
	if err != nil {
		return err
	}
	failed := false
	for _, file := range files {
		report, faults := policy.RunTests(file)
		if err := printFaults(e.stdout, faults, "text"); err != nil {
			return err
		}
		for _, f := range report.Failures {
			fmt.Fprintln(e.stdout, f)
		}
		if policy.Failed(faults) || len(report.Failures) > 0 {
			failed = true
			fmt.Fprintf(e.stdout, "%s: failed, %d of %s\n", file, len(report.Failures), counted(report.Packets, "packet"))
			continue
		}
		fmt.Fprintf(e.stdout, "%s: ok, %s, %s\n", file, counted(report.Packets, "packet"), coverage(report))
	}
	if failed {
		return &exitError{status: 1}
	}
	return nil
}

// testFiles returns the files, and those in folders.
func testFiles(paths []string) (files []string, err error) {
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := filepath.Glob(filepath.Join(path, "*_test.yaml"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("%s: no tests (name files, or a folder with files *_test.yaml)", path)
		}
		files = append(files, found...)
	}
	return files, nil
}

// coverage tells which rules no packet of the tests matches.
func coverage(report policy.Report) string {
	var untested []string
	for _, rule := range slices.Sorted(maps.Keys(report.Hits)) {
		if report.Hits[rule] == 0 {
			untested = append(untested, rule)
		}
	}
	text := fmt.Sprintf("%d of %s matched", len(report.Hits)-len(untested), counted(len(report.Hits), "rule"))
	if untested != nil {
		text += " (not " + strings.Join(untested, ", ") + ")"
	}
	return text
}
