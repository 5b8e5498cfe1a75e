//go:build bench

package bench

import (
	"fmt"
	"strings"
)

// A section is a part of BENCHMARKS.md.
type section struct {
	title, text string
	table       table
	// verdict may say in words what the table comes to.
	verdict string
}

// A table is rows of cells, the first of which is the head.
type table [][]string

// markdown returns the section with the command that makes it alone.
func (s section) markdown(name string) string {
	text := fmt.Sprintf("## %s\n\n%s\n\n    go test -tags bench -v -count=1 -run TestBenchmarks/%s ./internal/bench\n\n%s",
		s.title, s.text, name, s.table.markdown())
	if s.verdict != "" {
		text += "\n" + s.verdict + "\n"
	}
	return text
}

func (t table) markdown() string {
	var b strings.Builder
	for i, row := range t {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	return b.String()
}
