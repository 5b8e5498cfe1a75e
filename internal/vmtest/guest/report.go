//go:build linux

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/vmtest"
)

// A report is the serial port that the host reads.
type report struct{ port *os.File }

// openReport opens the port for output and leaves alone what it does with line
// ends; the host takes either.
func openReport(path string) (*report, error) {
	port, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return &report{port}, nil
}

// line writes a line of /init's own. It starts on a new line even if a test has
// left one unfinished.
func (r *report) line(format string, args ...any) {
	fmt.Fprintf(r.port, "\n"+vmtest.Prefix+format+"\n", args...)
}

// drain waits until the port has sent everything, which power-off does not.
func (r *report) drain() {
	const tcdrain = 1 // what tcdrain(3) passes
	unix.IoctlSetInt(int(r.port.Fd()), unix.TCSBRK, tcdrain)
}
