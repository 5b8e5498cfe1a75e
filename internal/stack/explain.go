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

// explain adds the likely cause to an error of loading or attaching a hook.
func explain(family HookFamily, err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.As(err, &verifier):
		return fmt.Errorf("refused by the verifier, please report it: %w", verifier)
	case family == Trampoline && errors.Is(err, unix.EPERM):
		return errors.New("kernel refuses BPF trampolines (needs CAP_PERFMON and, on arm64, Linux 6.0)")
	case family == Net && (errors.Is(err, unix.EINVAL) || errors.Is(err, ebpf.ErrNotSupported)):
		return fmt.Errorf("%w (netfilter links need Linux 6.4, TCX needs 6.6)", err)
	case errors.Is(err, unix.EPERM):
		return errors.New("not permitted (needs root, or CAP_BPF and CAP_PERFMON and, for netfilter and TCX, CAP_NET_ADMIN)")
	case errors.Is(err, btf.ErrNotFound):
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
