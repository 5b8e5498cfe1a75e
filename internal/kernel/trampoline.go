package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// trampolineTarget is a function that the kernel has for just this purpose: it
// is called by nothing but BPF_PROG_TEST_RUN (net/bpf/test_run.c, Linux 5.5).
const trampolineTarget = "bpf_fentry_test1"

// TryTrampoline attaches an empty fentry program to a function that is never
// called, and detaches it. The kernel has no other way to say whether it would:
// the feature hangs on its version, its architecture, dynamic ftrace, and any
// security module.
func TryTrampoline() error {
	program, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
		Type:         ebpf.Tracing,
		AttachType:   ebpf.AttachTraceFEntry,
		AttachTo:     trampolineTarget,
		License:      "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}, ebpf.ProgramOptions{LogDisabled: true})
	if errors.Is(err, ebpf.ErrNotSupported) {
		return Missing("trampolines", "5.5")
	}
	if err != nil {
		return fmt.Errorf("load fentry program: %w", err)
	}
	defer program.Close()
	attached, err := link.AttachTracing(link.TracingOptions{Program: program})
	if errors.Is(err, ebpf.ErrNotSupported) {
		return Missing("trampolines", "5.5")
	}
	if err != nil {
		return fmt.Errorf("attach fentry program: %w", err)
	}
	return attached.Close()
}
