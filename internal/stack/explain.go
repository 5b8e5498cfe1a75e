package stack

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// explain adds the likely cause to an error of loading or attaching a hook. Where the
// kernel does not have the hook, nothing but that is said, so that probes that lack the
// same have the same reason. A verifier that logged nothing has not looked: the kernel
// does not know the type of the program.
func explain(family HookFamily, err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.As(err, &verifier) && len(verifier.Log) > 0:
		return fmt.Errorf("refused by the verifier, please report it: %w", verifier)
	case family == Trampoline && errors.Is(err, unix.EPERM):
		return errors.New("kernel refuses BPF trampolines (needs CAP_PERFMON and, on arm64, Linux 6.0)")
	case family == Net && (errors.Is(err, unix.EINVAL) || errors.Is(err, ebpf.ErrNotSupported)):
		return errors.New("not in this kernel (netfilter links need Linux 6.4, TCX needs 6.6)")
	case errors.Is(err, unix.EPERM):
		return errors.New("not permitted (needs root, or CAP_BPF and CAP_PERFMON and, for netfilter and TCX, CAP_NET_ADMIN)")
	case errors.Is(err, btf.ErrNotFound), errors.Is(err, ebpf.ErrNotSupported):
		return errors.New("not in this kernel")
	}
	return err
}

var errNoKprobes = errors.New("kernel has no kprobes (CONFIG_KPROBES)")

// hasKprobes reports whether kprobes are built into the kernel: they are a kind of
// performance event then, since Linux 4.17.
func hasKprobes() bool {
	_, err := os.Stat("/sys/bus/event_source/devices/kprobe")
	return err == nil
}

// oneLine returns the error on one line, for labels of a table and log attributes.
func oneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	return strings.Join(lines, "; ")
}
