package stack

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// routeFailures reads how often the kernel found no route. It reads the kernel's own
// counters: the tracepoints of the lookup (fib_table_lookup) fire for every packet
// and for every table that has no answer, also if the next table has one.
type routeFailures struct {
	// files are those of the namespace that they were opened in, wherever they are
	// read.
	files []*os.File
}

// routeCounters are the counters that add up to each family's failures, by family.
// "Ip:" and "IpExt:" are tables with a line of names and a line of values.
var routeCounters = map[string]string{
	"Ip:OutNoRoutes": "ipv4", "IpExt:InNoRoutes": "ipv4",
	"Ip6OutNoRoutes": "ipv6", "Ip6InNoRoutes": "ipv6",
}

func openRouteFailures() (*routeFailures, error) {
	r := new(routeFailures)
	for _, name := range []string{"snmp", "netstat", "snmp6"} {
		file, err := os.Open("/proc/thread-self/net/" + name)
		if os.IsNotExist(err) {
			continue // IPv6 may be missing
		}
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("open counters of routes: %w", err)
		}
		r.files = append(r.files, file)
	}
	return r, nil
}

// read returns the failures by family.
func (r *routeFailures) read() (map[string]uint64, error) {
	failures := make(map[string]uint64)
	for _, file := range r.files {
		text, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<20))
		if err != nil {
			return nil, fmt.Errorf("read counters of routes: %w", err)
		}
		addRouteFailures(failures, string(text))
	}
	return failures, nil
}

// addRouteFailures adds what the text of one file counts.
func addRouteFailures(failures map[string]uint64, text string) {
	add := func(counter, value string) {
		family, ok := routeCounters[counter]
		if n, err := strconv.ParseUint(value, 10, 64); ok && err == nil {
			failures[family] += n
		}
	}
	var names []string
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) < 2:
		case !strings.HasSuffix(fields[0], ":"):
			add(fields[0], fields[1])
		case len(names) == len(fields) && names[0] == fields[0]:
			for i, name := range names[1:] {
				add(fields[0]+name, fields[i+1])
			}
			names = nil
		default:
			names = fields
		}
	}
}

// Close closes the files.
func (r *routeFailures) Close() {
	for _, file := range r.files {
		file.Close()
	}
}
