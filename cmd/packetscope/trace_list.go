package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"

	"github.com/packetscope/packetscope/internal/tracer"
)

// A hookRow is a tracepoint as JSON. Fields may be added to it; none is renamed or removed.
type hookRow struct {
	Hook string `json:"hook"`
	// Missing says why it cannot be used; it is absent where it can.
	Missing string `json:"missing,omitempty"`
	Meaning string `json:"meaning"`
}

// listHooks prints the tracepoints of the Tracer.
func listHooks(e env, asJSON bool) error {
	types, err := e.host.BTF()
	if err != nil {
		return explainTracer(err, e)
	}
	rows := []hookRow{}
	for _, h := range tracer.Hooks(types) {
		row := hookRow{Hook: string(h.Hook), Meaning: h.Meaning}
		if h.Missing != nil {
			row.Missing = oneLine(h.Missing)
		}
		rows = append(rows, row)
	}
	if asJSON {
		return writeJSON(e.stdout, rows)
	}
	table := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "TRACEPOINT\tUSED\tWHERE PACKETS ARE SEEN")
	for _, r := range rows {
		used := "yes"
		if r.Missing != "" {
			used = "no: " + r.Missing
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.Hook, used, r.Meaning)
	}
	return table.Flush()
}

// A functionRow is a function of the kernel as JSON. Fields may be added to it; none is
// renamed or removed.
type functionRow struct {
	Function string `json:"function"`
	// Module is absent of the kernel itself.
	Module string `json:"module,omitempty"`
	// Argument is which one is the packet, from 1.
	Argument int `json:"argument"`
	// Missing says why it cannot be traced; it is absent where it can.
	Missing string `json:"missing,omitempty"`
}

// listFunctions prints the functions that take a packet and whose names fit a pattern.
func listFunctions(e env, text string, asJSON bool) error {
	wanted, err := pattern("pattern", text)
	if err != nil {
		return err
	}
	functions, err := e.functions()
	if err != nil {
		return explainTracer(err, e)
	}
	rows := []functionRow{}
	good := 0
	for _, f := range functions {
		if wanted != nil && !wanted.MatchString(f.Name) {
			continue
		}
		row := functionRow{Function: f.Name, Module: f.Module, Argument: f.Argument}
		if f.Reason != nil {
			row.Missing = oneLine(f.Reason)
		} else {
			good++
		}
		rows = append(rows, row)
	}
	if asJSON {
		return writeJSON(e.stdout, rows)
	}
	table := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "FUNCTION\tMODULE\tARGUMENT\tTRACED")
	for _, r := range rows {
		traced := "yes"
		if r.Missing != "" {
			traced = "no: " + r.Missing
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", r.Function, cmp.Or(r.Module, "-"), r.Argument, traced)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stderr, "%s: %d can be traced on this kernel\n", counted(len(rows), "function"), good)
	return err
}
