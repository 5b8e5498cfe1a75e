package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// tracepointPrefix begins the names of the types that the kernel declares for
// its tracepoints, one "btf_trace_<name>" each (include/trace/bpf_probe.h).
const tracepointPrefix = "btf_trace_"

// A BTF is the type information of the running kernel, without its modules.
//
// The types live in a read-only mapping of the kernel's file (5 MB) and are
// decoded when asked for; drop the last reference, and the garbage collector
// returns the mapping. Its methods may be called from any goroutine.
type BTF struct {
	spec *btf.Spec
}

// LoadBTF returns the kernel's types, or an error that matches [ErrMissing] if
// the kernel was built without CONFIG_DEBUG_INFO_BTF.
func LoadBTF() (*BTF, error) {
	spec, err := btf.LoadKernelSpec()
	if errors.Is(err, ebpf.ErrNotSupported) {
		return nil, Missing("BTF", "")
	}
	if err != nil {
		return nil, fmt.Errorf("load kernel BTF: %w", err)
	}
	return &BTF{spec}, nil
}

// NewBTF returns the types of a kernel that were loaded by other means.
func NewBTF(spec *btf.Spec) *BTF { return &BTF{spec} }

// Spec returns the types for use with package btf. It keeps them in memory as
// b does.
func (b *BTF) Spec() *btf.Spec { return b.spec }

// HasTracepoint reports whether a BTF program can attach to the tracepoint
// called name, such as "netif_receive_skb".
func (b *BTF) HasTracepoint(name string) bool {
	_, ok := b.TracepointArgs(name)
	return ok
}

// TracepointArgs returns how many arguments the tracepoint called name passes
// to a program; they are more on some kernels than on others. It returns false
// if there is no such tracepoint.
func (b *BTF) TracepointArgs(name string) (int, bool) {
	var typedef *btf.Typedef
	if b.spec.TypeByName(tracepointPrefix+name, &typedef) != nil {
		return 0, false
	}
	pointer, ok := btf.As[*btf.Pointer](typedef.Type)
	if !ok {
		return 0, false
	}
	proto, ok := btf.As[*btf.FuncProto](pointer.Target)
	if !ok || len(proto.Params) == 0 {
		return 0, false
	}
	// The first parameter is the kernel's own context pointer.
	return len(proto.Params) - 1, true
}

// HasFunction reports whether the kernel has a function called name. That it
// has one does not mean that a program may attach to it: it may be inlined in
// places, or be marked notrace.
func (b *BTF) HasFunction(name string) bool {
	var function *btf.Func
	return b.spec.TypeByName(name, &function) == nil
}
