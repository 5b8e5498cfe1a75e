package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"os"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// junitSuites are results of tests in the form that build servers read, as promtool
// writes them: a suite per file.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// add adds what the tests of a file showed. A file that cannot be read is an error of
// its own.
func (s *junitSuites) add(file string, report policy.Report, faults []policy.Fault) {
	suite := junitSuite{Name: file}
	if policy.Failed(faults) {
		var lines []string
		for _, f := range faults {
			lines = append(lines, f.String())
		}
		suite.Tests, suite.Errors = 1, 1
		suite.Cases = []junitCase{{Name: "read", Class: file, Error: &junitMessage{"the file or its policy has faults", strings.Join(lines, "\n")}}}
	}
	for i, c := range report.Cases {
		suite.Tests++
		result := junitCase{Name: cmp.Or(c.Name, c.At.String()), Class: file}
		var lines []string
		for _, f := range report.Failures {
			if f.Case == i {
				lines = append(lines, f.String())
			}
		}
		if lines != nil {
			suite.Failures++
			result.Failure = &junitMessage{fmt.Sprintf("%d of %s", c.Failures, counted(c.Packets, "packet")), strings.Join(lines, "\n")}
		}
		suite.Cases = append(suite.Cases, result)
	}
	s.Suites = append(s.Suites, suite)
}

func (s *junitSuites) write(file string) error {
	text, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte(xml.Header), append(text, '\n')...), 0o644)
}
