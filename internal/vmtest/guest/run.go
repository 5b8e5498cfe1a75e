//go:build linux

package main

import (
	"os"
	"os/exec"
	"strings"

	"github.com/packetscope/packetscope/internal/vmtest"
)

// runTests runs one test binary with its output on the report port.
func runTests(r vmtest.Run, port *os.File) error {
	cmd := exec.Command(r.Binary,
		"-test.v",
		// Tests that run side by side wait, most of the time.
		"-test.parallel=6",
		"-test.count=1",
		"-test.timeout="+r.Timeout.String(),
		"-test.run=^("+strings.Join(r.Tests, "|")+")$",
	)
	cmd.Dir = r.Dir
	cmd.Env = append([]string{"HOME=/tmp", "TMPDIR=/tmp", "PATH=/bin", "PACKETSCOPE_VM=1"}, r.Env...)
	cmd.Stdout, cmd.Stderr = port, port
	return cmd.Run()
}
