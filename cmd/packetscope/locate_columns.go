package main

import (
	"slices"
	"strings"
)

// A tableColumn is a column of a table that is made to fit the width of a terminal.
type tableColumn struct {
	title string
	right bool // numbers
	// least is to how many cells it can be cut; 0: not at all.
	least int
	// drop tells which column goes first if there is no room: that with the greatest;
	// 0: it stays.
	drop int
}

// A tableCell is a cell of a table and how it is to stand out.
type tableCell struct {
	text  string
	style string // an escape sequence of ECMA-48 (SGR), or ""
}

// A tableRow is one row: a cell for each column or, if there are none, a line of its own.
type tableRow struct {
	cells []tableCell
	line  string
}

// Styles, which end with plain.
const (
	plain  = "\x1b[0m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
)

// between is what stands between two columns.
const between = "  "

// tableLines returns the table with its heading, of at most so many cells (0: any).
func tableLines(columns []tableColumn, rows []tableRow, most int, color bool) []string {
	widths := fitColumns(columns, rows, most)
	heading := tableRow{}
	for _, c := range columns {
		heading.cells = append(heading.cells, tableCell{c.title, bold})
	}
	var lines []string
	for _, row := range append([]tableRow{heading}, rows...) {
		if row.cells == nil {
			lines = append(lines, wrap(strings.Repeat(" ", len(row.line)-len(strings.TrimLeft(row.line, " "))), strings.TrimLeft(row.line, " "), most)...)
			continue
		}
		lines = append(lines, rowLine(columns, row.cells, widths, color))
	}
	return lines
}

func rowLine(columns []tableColumn, row []tableCell, widths []int, color bool) string {
	var b strings.Builder
	pad := 0 // spaces are written when something follows them
	for i, c := range row {
		if widths[i] == 0 {
			continue
		}
		text := cut(c.text, widths[i])
		space := widths[i] - cells(text)
		if columns[i].right {
			pad, space = pad+space, 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", pad))
			pad = 0
			if color && c.style != "" {
				text = c.style + text + plain
			}
			b.WriteString(text)
		}
		pad += space + len(between)
	}
	return b.String()
}

// fitColumns returns the widths of the columns, 0 for those that have to go or hold
// nothing.
func fitColumns(columns []tableColumn, rows []tableRow, most int) []int {
	widths := make([]int, len(columns))
	for i, c := range columns {
		for _, row := range rows {
			if row.cells != nil {
				widths[i] = max(widths[i], cells(row.cells[i].text))
			}
		}
		if widths[i] > 0 || c.drop == 0 {
			widths[i] = max(widths[i], cells(c.title))
		}
	}
	for most > 0 && tableWidth(leastWidths(columns, widths)) > most {
		last := -1
		for i, c := range columns {
			if widths[i] > 0 && c.drop > 0 && (last < 0 || c.drop > columns[last].drop) {
				last = i
			}
		}
		if last < 0 {
			break
		}
		widths[last] = 0
	}
	// The widest that can be cut gives first.
	least := leastWidths(columns, widths)
	for most > 0 && tableWidth(widths) > most {
		widest := -1
		for i := range widths {
			if widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

// leastWidths returns to what widths can be cut.
func leastWidths(columns []tableColumn, widths []int) []int {
	least := slices.Clone(widths)
	for i, c := range columns {
		if c.least > 0 {
			least[i] = min(least[i], max(c.least, cells(c.title)))
		}
	}
	return least
}

// tableWidth returns the width of a row.
func tableWidth(widths []int) int {
	sum := 0
	for _, w := range widths {
		if w > 0 {
			sum += w + len(between)
		}
	}
	return max(0, sum-len(between))
}
