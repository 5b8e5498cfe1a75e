package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A screen is where text goes.
type screen struct {
	terminal bool
	// size asks for the width and height of a terminal, which may change; it is nil if
	// there is none.
	size  func() (width, height int)
	color bool
}

// screenOf looks at what is written to. Colors are for terminals whose user did not refuse
// them by NO_COLOR (no-color.org).
func screenOf(w io.Writer) screen {
	if !isTerminal(w) {
		return screen{}
	}
	file := w.(*os.File)
	return screen{
		terminal: true,
		color:    os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		size: func() (int, int) {
			size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
			if err != nil || size.Col == 0 || size.Row == 0 {
				return 80, 24 // what terminals are that do not say, such as serial lines
			}
			return int(size.Col), int(size.Row)
		},
	}
}

// page returns what text is to be made for now.
func (s screen) page() page {
	p := page{color: s.color}
	if s.size != nil {
		p.width, p.height = s.size()
	}
	return p
}

// Parts of ECMA-48: where the cursor goes, and what is cleared.
const (
	upperLeft  = "\x1b[H"
	clearRight = "\x1b[K"
	clearBelow = "\x1b[J"
)

// redraw writes lines over those before, without a moment in which the screen is empty.
// What does not fit the height is left out, as a screen that scrolls cannot be drawn over.
func redraw(w io.Writer, lines []string, to page) error {
	var b bytes.Buffer
	b.WriteString(upperLeft)
	if room := max(1, to.height-2); to.height > 0 && len(lines) > room {
		more := fmt.Sprintf("… %s more: make the window higher, or use --report", counted(len(lines)-room, "line"))
		lines = append(lines[:room:room], cut(more, to.width))
	}
	for _, line := range lines {
		b.WriteString(line + clearRight + "\n")
	}
	b.WriteString(clearBelow)
	_, err := w.Write(b.Bytes())
	return err
}
