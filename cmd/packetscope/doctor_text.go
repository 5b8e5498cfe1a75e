package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/packetscope/packetscope/internal/kernel"
)

// Marks in the first column.
const (
	markYes     = "ok"
	markPartly  = "~"
	markNo      = "no"
	markUnknown = "?"
	// markUnneeded is for what is absent and not missed.
	markUnneeded = "-"
)

// A textRow is one line of a section, and the notes below it.
type textRow struct {
	mark, name, detail string
	notes              []string
}

// print writes the diagnosis for people to read.
func (d diagnosis) print(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "PacketScope %s\n", cmp.Or(d.Version, "(development build)"))
	printSection(&b, "Kernel", factRows(d.Facts))
	printSection(&b, "Capabilities", d.capabilityRows())
	printSection(&b, "Probes", d.probeRows())
	printSection(&b, "Guarder", factRows(d.Guarder))
	printSection(&b, "Posture", factRows(d.Posture))
	if len(d.Alertmanagers) > 0 {
		printSection(&b, "Alertmanagers", factRows(d.Alertmanagers))
	}
	fmt.Fprintf(&b, "\n%s as wanted   %s second choice   %s absent or exposed   %s not needed   %s could not tell\n\n",
		markYes, markPartly, markNo, markUnneeded, markUnknown)
	fmt.Fprintln(&b, d.verdict())
	_, err := w.Write(b.Bytes())
	return err
}

func (d diagnosis) verdict() string {
	if d.Problem != "" {
		return "Nothing can run: " + d.Problem
	}
	partly := 0
	for _, p := range d.Probes {
		if p.Attached && p.Reason != "" {
			partly++
		}
	}
	text := fmt.Sprintf("%d of %d probes run", d.Attached, len(d.Probes))
	if partly > 0 {
		text += fmt.Sprintf(", %d of them by a second choice", partly)
	}
	text += "."
	if all := d.NamespacesSeen + d.NamespacesUnseen; all > 0 {
		text += fmt.Sprintf(" Hooks of the family net see %d of %d network namespaces, the others all.", d.NamespacesSeen, all)
	}
	return text
}

// printSection writes a heading and the rows, aligned.
func printSection(b *bytes.Buffer, heading string, rows []textRow) {
	fmt.Fprintf(b, "\n%s\n", heading)
	width := 0
	for _, r := range rows {
		width = max(width, len(r.name))
	}
	for _, r := range rows {
		line := fmt.Sprintf("  %-2s  %-*s  %s", r.mark, width, r.name, r.detail)
		fmt.Fprintln(b, strings.TrimRight(line, " "))
		for _, note := range r.notes {
			fmt.Fprintf(b, "      %-*s  %s\n", width, "", note)
		}
	}
}

func factRows(facts []kernel.Fact) []textRow {
	rows := make([]textRow, 0, len(facts))
	for _, f := range facts {
		r := textRow{mark: markUnknown, name: f.Name, detail: f.Detail}
		switch {
		case f.Outcome == kernel.Yes:
			r.mark = markYes
		case f.Outcome == kernel.No && f.Cure == "":
			r.mark = markUnneeded
		case f.Outcome == kernel.No:
			r.mark = markNo
		}
		if f.Cure != "" {
			r.notes = []string{"-> " + f.Cure}
		}
		rows = append(rows, r)
	}
	return rows
}

func (d diagnosis) capabilityRows() []textRow {
	rows := make([]textRow, 0, len(d.Capabilities))
	for _, c := range d.Capabilities {
		r := textRow{mark: markUnneeded, name: c.Name, detail: c.For}
		switch {
		case c.Effective:
			r.mark = markYes
		case c.CoveredBy != "":
			r.mark = markYes
			r.notes = []string{"covered by " + c.CoveredBy}
		case c.Without != "":
			r.mark = markNo
			r.notes = []string{"without it: " + c.Without}
		}
		rows = append(rows, r)
	}
	return rows
}

func (d diagnosis) probeRows() []textRow {
	if len(d.Probes) == 0 {
		return []textRow{{mark: markNo, name: "none"}}
	}
	width := 0
	for _, p := range d.Probes {
		width = max(width, len(p.Family))
	}
	rows := make([]textRow, 0, len(d.Probes))
	for _, p := range d.Probes {
		r := textRow{mark: markYes, name: p.Name, detail: fmt.Sprintf("%-*s  %s", width, p.Family, p.Hook)}
		switch {
		case !p.Attached:
			r.mark = markNo
		case p.Reason != "":
			r.mark = markPartly
		}
		if p.Reason != "" {
			r.notes = strings.Split(strings.TrimSuffix(p.Reason, "\n"), "\n")
		}
		rows = append(rows, r)
	}
	return rows
}
