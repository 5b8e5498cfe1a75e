package stack

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

func TestErrorsAreExplained(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("load program: %w", err) }
	for _, c := range []struct {
		family HookFamily
		err    error
		want   string
	}{
		{Trampoline, wrap(unix.EPERM), "refuses BPF trampolines"},
		{Net, wrap(unix.EINVAL), "netfilter links need Linux 6.4, TCX needs 6.6"},
		{Net, wrap(ebpf.ErrNotSupported), "netfilter links need Linux 6.4, TCX needs 6.6"},
		{Tracepoint, wrap(unix.EPERM), "needs root"},
		{Net, wrap(unix.EPERM), "CAP_NET_ADMIN"},
		{Kprobe, wrap(unix.EPERM), "needs root"},
		{Tracepoint, wrap(btf.ErrNotFound), "not in this kernel"},
		{Tracepoint, wrap(&ebpf.VerifierError{Cause: unix.EACCES, Log: []string{"R1 invalid mem access"}}), "R1 invalid mem access"},
		{Tracepoint, errors.New("something else"), "something else"},
	} {
		got := explain(c.family, c.err)
		if !strings.Contains(got.Error(), c.want) {
			t.Errorf("%v, %v: explained as %q, want %q in it", c.family, c.err, got, c.want)
		}
	}
}

func TestReasonsAreOneLine(t *testing.T) {
	got := oneLine(errors.Join(errors.New("fentry: no"), errors.New("kprobe: neither")))
	if want := "fentry: no; kprobe: neither"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
