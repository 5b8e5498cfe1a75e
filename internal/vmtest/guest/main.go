//go:build linux

// Command guest is /init of the machines that package vmtest boots: it mounts
// the kernel's file systems, loads modules, runs the planned tests, reports on
// the second serial port, and switches the machine off.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/vmtest"
)

func main() {
	// Whatever happens, the machine must end: an init that exits panics the
	// kernel, and one that hangs costs the whole timeout.
	defer unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	if err := mountAll(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the console; the report port is in /dev
		return
	}
	report, err := openReport("/dev/ttyS1")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer report.drain()
	report.line("boot %s", release())
	if err := work(report); err != nil {
		report.line("error %v", err)
	}
	report.line("end")
}

func work(report *report) error {
	plan, err := vmtest.ReadPlan()
	if err != nil {
		return err
	}
	if err := prepare(plan.Modules); err != nil {
		return err
	}
	for _, r := range plan.Runs {
		report.line("run %s", r.Package)
		status := ""
		if err := runTests(r, report.port); err != nil {
			status = err.Error()
		}
		report.line("exit %s %s", r.Package, status)
	}
	return nil
}

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err.Error()
	}
	return unix.ByteSliceToString(u.Release[:])
}
