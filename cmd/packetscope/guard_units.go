package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// guardTests are what guard test was asked for.
type guardTests struct {
	paths         []string
	run           *regexp.Regexp
	junit         string
	debug, strict bool
}

func addGuardTest(guard *kingpin.CmdClause) verb {
	command := guard.Command("test", "Run the unit tests of policies: packets in, verdict and rule out. Status 1 if one fails, 3 with --strict.")
	files := command.Arg("file", "Test files, or folders whose files *_test.yaml are run.").Required().Strings()
	run := command.Flag("run", "Run only tests whose name matches this regular expression.").Regexp()
	junit := command.Flag("junit", "File to write the results to, as JUnit XML.").String()
	debug := command.Flag("debug", "Explain each packet that fails, rule by rule.").Bool()
	strict := command.Flag("strict", "Fail for warnings, and for rules that no packet of the tests matches, too.").Bool()
	return func(_ context.Context, e env, _ *slog.Logger) error {
		return guardTests{*files, *run, *junit, *debug, *strict}.test(e)
	}
}

func (g guardTests) test(e env) error {
	files, err := testFiles(g.paths)
	if err != nil {
		return err
	}
	status, ran := 0, 0
	var suites junitSuites
	for _, file := range files {
		report, faults := policy.RunTests(file, g.run)
		suites.add(file, report, faults)
		ran += len(report.Cases)
		if err := printFaults(e.stdout, faults, "text"); err != nil {
			return err
		}
		g.printFailures(e.stdout, report)
		switch untested := g.untested(report); {
		case policy.Failed(faults) || len(report.Failures) > 0:
			status = 1
			fmt.Fprintf(e.stdout, "%s: failed, %d of %s\n", file, len(report.Failures), counted(report.Packets, "packet"))
		default:
			if g.strict && status == 0 && (len(faults) > 0 || untested != nil && g.run == nil) {
				status = strictStatus
			}
			fmt.Fprintf(e.stdout, "%s: ok, %s, %s\n", file, counted(report.Packets, "packet"), coverage(report, untested))
		}
	}
	if g.junit != "" {
		if err := suites.write(g.junit); err != nil {
			return err
		}
	}
	switch {
	case status != 0:
		return &exitError{status: status}
	case g.run != nil && ran == 0:
		return errors.New("guard test: no test has a name that --run matches")
	}
	return nil
}

// printFailures writes a line for each packet that failed, and with --debug what each
// rule did to it.
func (g guardTests) printFailures(w io.Writer, report policy.Report) {
	for _, f := range report.Failures {
		fmt.Fprintln(w, f)
		if !g.debug {
			continue
		}
		for _, step := range f.Steps {
			fmt.Fprintln(w, "    "+stepText(step))
		}
	}
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

// untested returns the rules that no packet of the tests matches.
func (guardTests) untested(report policy.Report) (rules []string) {
	for _, rule := range slices.Sorted(maps.Keys(report.Hits)) {
		if report.Hits[rule] == 0 {
			rules = append(rules, rule)
		}
	}
	return rules
}

// coverage tells which rules no packet of the tests matches.
func coverage(report policy.Report, untested []string) string {
	text := fmt.Sprintf("%d of %s matched", len(report.Hits)-len(untested), counted(len(report.Hits), "rule"))
	if untested != nil {
		text += " (not " + strings.Join(untested, ", ") + ")"
	}
	return text
}
