package vmtest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Report is what the second serial port said.
//
// Lines that start with "vmtest: " are from /init: "boot RELEASE", then for each
// run "run PACKAGE", the output of the test binary, and "exit PACKAGE STATUS",
// at last "end". A line "error TEXT" says what /init could not do. A report
// without "end" is of a machine that died.
type Report struct {
	// Release is the guest's uname -r.
	Release string
	Suites  []SuiteReport
	Errors  []string
	Ended   bool
}

// A SuiteReport is the result of one test binary.
type SuiteReport struct {
	Package string
	Tests   []TestReport
	// Status is the exit status, such as "exit status 2", "" for success, or
	// "running" if the machine died first.
	Status string
	// Output is everything that the binary printed.
	Output string
}

// A TestReport is the result of one top-level test.
type TestReport struct {
	Name string
	// Outcome is "PASS", "FAIL", "SKIP", or "" if the test has not ended.
	Outcome string
	// Took is how long it ran, as the test binary prints it: "1.25s".
	Took string
	// Output is what was printed while it ran, of tests that run at the same time between
	// the lines that name it.
	Output string
}

// Prefix starts the lines of /init.
const Prefix = "vmtest: "

var (
	testStart = regexp.MustCompile(`^=== RUN +([^/ ]+)$`)
	// Tests that run at the same time take turns.
	testTurn = regexp.MustCompile(`^=== (?:RUN|CONT|NAME) +([^/ ]+)(?:/.*)?$`)
	testEnd  = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): ([^/ ]+) \((.*)\)$`)
)

// ParseReport reads the output of the second serial port.
func ParseReport(text string) Report {
	var r Report
	var at string // the test whose lines are read
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if event, ok := strings.CutPrefix(line, Prefix); ok {
			r.event(event)
		} else if len(r.Suites) > 0 {
			at = r.Suites[len(r.Suites)-1].line(line, at)
		}
	}
	return r
}

func (r *Report) event(text string) {
	verb, rest, _ := strings.Cut(text, " ")
	switch verb {
	case "boot":
		r.Release = rest
	case "run":
		r.Suites = append(r.Suites, SuiteReport{Package: rest, Status: "running"})
	case "exit":
		if len(r.Suites) > 0 {
			_, r.Suites[len(r.Suites)-1].Status, _ = strings.Cut(rest, " ")
		}
	case "error":
		r.Errors = append(r.Errors, rest)
	case "end":
		r.Ended = true
	}
}

// line takes a line, which belongs to a test unless it names another one. It returns whose
// the next lines are.
func (s *SuiteReport) line(line, at string) string {
	s.Output += line + "\n"
	if m := testStart.FindStringSubmatch(line); m != nil {
		s.Tests = append(s.Tests, TestReport{Name: m[1]})
	}
	end := testEnd.FindStringSubmatch(line)
	if m := testTurn.FindStringSubmatch(line); m != nil {
		at = m[1]
	} else if end != nil {
		at = end[2]
	}
	for i := range s.Tests {
		if t := &s.Tests[i]; t.Name == at {
			t.Output += line + "\n"
			if end != nil {
				t.Outcome, t.Took = end[1], end[3]
			}
		}
	}
	return at
}

// Test returns the result of a test; its Outcome is "" if it never ran.
func (s SuiteReport) Test(name string) TestReport {
	for _, t := range s.Tests {
		if t.Name == name {
			return t
		}
	}
	return TestReport{Name: name}
}

// Suite returns the results of a package; its Status is "not run" if /init did
// not get that far.
func (r Report) Suite(pkg string) SuiteReport {
	for _, s := range r.Suites {
		if s.Package == pkg {
			return s
		}
	}
	return SuiteReport{Package: pkg, Status: "not run"}
}

// fault says what is wrong with the machine, apart from its tests.
func (r Report) fault() error {
	var errs []error
	for _, text := range r.Errors {
		errs = append(errs, fmt.Errorf("init: %s", text))
	}
	if !r.Ended {
		errs = append(errs, errors.New("the machine died before its end line"))
	}
	return errors.Join(errs...)
}
