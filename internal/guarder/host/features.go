//go:build linux

package host

import (
	"errors"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"

	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
)

// A feature is something of the kernel that a part of Guarder rests on.
type feature struct {
	name  string
	what  string // the feature, and what does not work without it
	since string // the first Linux that has it
	// used tells whether a policy rests on it.
	used func(*policy.Policy) bool
	try  func() error
}

// parts are the features that came with rules which keep something.
var parts = []feature{
	{"ring_buffer", "ring buffers (for samples, and rules that ban)", "5.8", func(*policy.Policy) bool { return true }, ringBuffer},
	{"xdp_cookies", "bpf_tcp_gen_syncookie in programs of XDP (for the action syncookie)", "5.4", answersSYNs, helper(asm.FnTcpGenSyncookie)}, // 70d66244317e
	{"connection_events", "programs with types at the tracepoint inet_sock_set_state (for rules with connections)", "5.5", countsConnections, connectionEvents},
}

// lacking is the error of a kernel without it.
func (f feature) lacking() error { return kernel.Missing(f.what, f.since) }

// fact finds out whether the kernel has it.
func (f feature) fact() kernel.Fact {
	err := f.try()
	if errors.Is(err, ebpf.ErrNotSupported) {
		err = f.lacking()
	}
	return factOf(f.name, "built in", err)
}

// featuresOf are the parts that a policy rests on; all of them if there is none.
func featuresOf(p *policy.Policy) []feature {
	var all []feature
	for _, f := range parts {
		if p == nil || f.used(p) {
			all = append(all, f)
		}
	}
	return all
}

func helper(f asm.BuiltinFunc) func() error {
	return func() error { return features.HaveProgramHelper(ebpf.XDP, f) }
}

func ringBuffer() error { return features.HaveMapType(ebpf.RingBuf) }

// connectionEvents looks for the type of the tracepoint, which came with programs that use
// it. Cilium's own test of such programs attaches one to bpf_init, which not every kernel
// allows.
func connectionEvents() error {
	types, err := kernel.LoadBTF()
	if err != nil {
		return err
	}
	if !types.HasTracepoint("inet_sock_set_state") {
		return ebpf.ErrNotSupported
	}
	return nil
}

func answersSYNs(p *policy.Policy) bool {
	return slices.ContainsFunc(p.Rules, func(r policy.Rule) bool { return r.SYNCookie != nil })
}

func countsConnections(p *policy.Policy) bool {
	return slices.ContainsFunc(p.Rules, func(r policy.Rule) bool { return asksConnections(r.Match) })
}

func asksConnections(e policy.Expr) bool {
	switch e := e.(type) {
	case policy.All:
		return slices.ContainsFunc(e, asksConnections)
	case policy.Any:
		return slices.ContainsFunc(e, asksConnections)
	case policy.Connections:
		return true
	}
	return false // it cannot stand below not
}
