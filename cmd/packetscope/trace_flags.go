package main

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

// traceFlags hold the command line of trace run.
type traceFlags struct {
	filter         *[]string
	duration       *time.Duration
	count          *int
	asJSON, quiet  *bool
	pcapng         *string
	pcapngSet      *bool
	otlp           *string
	functions      *string
	stacks, layers *bool
	namespaces     *bool
	listFunctions  *bool
	listHooks      *bool
}

func newTraceFlags(command *kingpin.CmdClause) traceFlags {
	var pcapngSet bool
	return traceFlags{
		pcapngSet:     &pcapngSet,
		filter:        command.Arg("filter", "Which packets, in the words of pcap-filter(7), and iface, pid, netns and cgroup; without it all.").Strings(),
		duration:      command.Flag("duration", "End after this time; by default only when interrupted.").Duration(),
		count:         command.Flag("count", "Follow only the first so many packets, and end with the last of them.").Short('c').Int(),
		asJSON:        command.Flag("json", "Print JSON, one object a line: a packet each, and the summary last.").Bool(),
		quiet:         command.Flag("quiet", "Print the summary alone.").Short('q').Bool(),
		pcapng:        command.Flag("pcapng", "Write packets to this file too, with what became of them as comments; --pcapng=- for standard output, instead of text.").PlaceHolder("FILE").IsSetByUser(&pcapngSet).String(),
		otlp:          addTraceOTLPFlag(command),
		stacks:        command.Flag("stack", "Show the whole stack of the kernel at each event.").Bool(),
		layers:        command.Flag("layers", "Show the fields of all headers.").Bool(),
		namespaces:    command.Flag("netns", "Show network namespaces by name, or by a process that lives there.").Bool(),
		functions:     command.Flag("functions", "See packets also where functions of the kernel begin whose names fit this pattern, such as '^(tcp|ip)_'; .* for all.").PlaceHolder("REGEX").String(),
		listFunctions: command.Flag("list-functions", "List the functions that take a packet and fit the words that follow as a pattern, and which can be traced; trace nothing.").Bool(),
		listHooks:     command.Flag("list-hooks", "List the tracepoints at which packets are seen, and why others are not there; trace nothing.").Bool(),
	}
}

// check returns what flags say that cannot be.
func (f traceFlags) check() error {
	switch {
	case *f.duration < 0 || *f.count < 0:
		return errors.New("--duration and --count cannot be negative")
	case *f.pcapngSet && *f.pcapng == "":
		return errors.New("--pcapng names no file; for standard output write --pcapng=-")
	case *f.listFunctions && *f.listHooks:
		return errors.New("--list-functions and --list-hooks are two lists: ask for one")
	case *f.pcapng == "-" && (*f.asJSON || *f.quiet):
		return errors.New("--pcapng=- writes to standard output, where --json and --quiet write too: name a file")
	}
	return nil
}

// pattern compiles a regular expression; nil for none.
func pattern(flag, text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	r, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", flag, text, err)
	}
	return r, nil
}
