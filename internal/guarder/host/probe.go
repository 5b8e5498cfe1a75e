//go:build linux

package host

import (
	"errors"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/rlimit"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
)

// Probe returns what the kernel can do of what Guarder needs, found out by trying: it
// loads its programs, and that of a policy if there is one (not nil), and attaches
// nothing. What only some rules need is asked for if the policy has such a rule, or
// there is no policy. What would take a privilege that this process has not is Unknown.
func (f *Facts) Probe(p *policy.Policy) []kernel.Fact {
	rlimit.RemoveMemlock() // before Linux 5.11; if it fails, loading tells
	facts := []kernel.Fact{
		linkFact(),
		helperFact("xdp_loop", "bpf_loop in programs of XDP", "5.17", asm.FnLoop),
		helperFact("xdp_sockets", "bpf_skc_lookup_tcp in programs of XDP", "5.2", asm.FnSkcLookupTcp),
		helperFact("xdp_cookie_checks", "bpf_tcp_check_syncookie in programs of XDP (for rules about sockets, while the kernel sends SYN cookies)", "5.2", asm.FnTcpCheckSyncookie),
		helperFact("xdp_windows", "bpf_skc_to_tcp_sock in programs of XDP", "5.9", asm.FnSkcToTcpSock),
		helperFact("xdp_clock", "bpf_ktime_get_coarse_ns in programs of XDP", "5.11", asm.FnKtimeGetCoarseNs),
		factOf("guard_entry", "leads devices to a policy", loadEntries()),
		factOf("guard_policy", "judges packets", f.load(&policy.Policy{})),
	}
	for _, part := range featuresOf(p) {
		facts = append(facts, part.fact())
	}
	if p != nil {
		facts = append(facts, factOf("this_policy", "the kernel takes it", f.load(p)))
	}
	return facts
}

// linkFact tells whether a program can stay on a device by a link, which is what is
// pinned.
func linkFact() kernel.Fact {
	const name, what, since = "xdp_links", "links of XDP", "5.9"
	types, err := kernel.LoadBTF()
	if err != nil {
		return kernel.Fact{Name: name, Detail: err.Error()}
	}
	if types.HasFunction("bpf_xdp_link_attach") {
		return factOf(name, "built in", nil)
	}
	return factOf(name, "", kernel.Missing(what, since))
}

func helperFact(name, what, since string, helper asm.BuiltinFunc) kernel.Fact {
	err := features.HaveProgramHelper(ebpf.XDP, helper)
	if errors.Is(err, ebpf.ErrNotSupported) {
		err = kernel.Missing(what, since)
	}
	return factOf(name, "built in", err)
}

// factOf returns a fact about something that worked, or did not.
func factOf(name, worked string, err error) kernel.Fact {
	if err == nil {
		return kernel.Fact{Name: name, Outcome: kernel.Yes, Detail: worked}
	}
	line, _, _ := strings.Cut(err.Error(), "\n") // of a verifier's log
	f := kernel.Fact{Name: name, Outcome: kernel.No, Detail: line}
	if missing := (*kernel.MissingError)(nil); errors.As(err, &missing) && missing.Since != "" {
		f.Cure = "run Linux " + missing.Since + " or newer"
	}
	if errors.Is(err, os.ErrPermission) {
		f.Outcome, f.Cure = kernel.Unknown, "try again as root"
	}
	return f
}

// loadEntries loads the programs of devices.
func loadEntries() error {
	state, err := compile.NewState(1)
	if err != nil {
		return err
	}
	defer func() {
		for _, m := range state {
			m.Close()
		}
	}()
	entry, err := compile.LoadEntry(state)
	if err != nil {
		return err
	}
	entry.Close()
	trial, err := compile.LoadTrial(state, 1)
	if err != nil {
		return err
	}
	return trial.Close()
}

// load loads a policy, beside the one in force.
func (f *Facts) load(p *policy.Policy) error {
	indices := make(map[string]int)
	for _, d := range f.Devices {
		indices[d.Name] = d.Index
	}
	tables, err := compile.Compile(p, compile.Options{Interfaces: indices})
	if err != nil {
		return nil // a fault of the policy: compile.Check
	}
	g, err := tables.Load(compile.LoadOptions{Sockets: true})
	if err != nil {
		return err
	}
	g.Close()
	return nil
}
