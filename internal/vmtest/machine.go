package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
)

// A Machine is an emulated computer with two processors and 1 GiB of memory.
//
// One thread emulates both processors in turn. With a thread for each, a
// processor can run code that the other has just patched away, as static keys
// and every attached probe do, and Linux 6.12 died of a stray int3 while booting.
type Machine struct {
	// Kernel and Initramfs are files.
	Kernel, Initramfs string
	// Console is the file that receives what the kernel prints.
	Console string
}

// commandLine of the kernel. A fault ends the machine at once (-no-reboot makes
// the reboot of panic=-1 an exit). The watchdogs are off because a thread of the
// emulator that waits for the host's processor looks like a hung processor; for the same
// reason Linux 6.1 may find that no timer works, and panics, if it looks (check_timer).
const commandLine = "console=ttyS0 loglevel=5 panic=-1 oops=panic" +
	" no_timer_check nowatchdog rcupdate.rcu_cpu_stall_suppress=1"

// Boot runs the machine until it powers off and returns the report of its tests.
//
// The report is valid, if not complete, even if err is not nil.
func (m Machine) Boot(ctx context.Context) (Report, error) {
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64",
		"-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "1024",
		"-nodefaults", "-display", "none", "-no-reboot",
		"-serial", "file:"+m.Console, "-serial", "stdio",
		"-kernel", m.Kernel, "-initrd", m.Initramfs, "-append", commandLine)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("machine is still running: %w", context.Cause(ctx))
	} else if err != nil {
		err = fmt.Errorf("run qemu: %w: %s", err, bytes.TrimSpace(complaints.Bytes()))
	}
	report := ParseReport(out.String())
	console, readErr := os.ReadFile(m.Console)
	return report, errors.Join(err, readErr, consoleFault(console), report.fault())
}

var faults = regexp.MustCompile(`(?m)^.*(Kernel panic|BUG:|Oops:|WARNING: CPU|general protection fault|Out of memory).*$`)

// consoleFault reports what the kernel itself says has gone wrong.
func consoleFault(console []byte) error {
	if line := faults.Find(console); line != nil {
		return fmt.Errorf("kernel: %s", bytes.TrimSpace(line))
	}
	return nil
}
