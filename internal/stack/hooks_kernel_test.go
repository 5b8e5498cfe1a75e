//go:build kernel && linux

package stack

import (
	"bufio"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/cilium/ebpf/btf"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
)

// symbols are the functions of the running kernel.
var symbols = sync.OnceValues(func() (map[string]bool, error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names := make(map[string]bool)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) >= 3 {
			names[fields[2]] = true
		}
	}
	return names, nil
})

var kernelTypes = sync.OnceValues(btf.LoadKernelSpec)

// lacks returns what this kernel lacks for a hook, "" if it should be able to have it.
// It looks at how the kernel was built and not at what loading programs says.
func lacks(t testing.TB, h hook) string {
	t.Helper()
	names, err := symbols()
	must(t, err)
	needed := map[string]string{ // a function that is built in only with the feature
		Trampoline.String(): "register_ftrace_function",
		Kprobe.String():     "register_kprobe",
		"netfilter links":   "bpf_nf_link_attach",
		"tcx":               "tcx_link_attach",
	}
	for _, a := range h.attachments {
		feature := a.familyIn(h).String()
		switch {
		case h.family == Net && isTCX(a):
			feature = "tcx"
		case h.family == Net:
			feature = "netfilter links"
		case h.family == Tracepoint:
			types, err := kernelTypes()
			must(t, err)
			if _, err := types.AnyTypesByName("btf_trace_" + a.target); err != nil {
				return "tracepoint " + a.target
			}
			continue
		}
		if !names[needed[feature]] || feature == Trampoline.String() && refusesTrampolines() {
			return feature
		}
	}
	return ""
}

// refusesTrampolines tells whether a security module or the like forbids what the
// kernel is built for. Nothing does so in the vm lane.
var refusesTrampolines = sync.OnceValue(func() bool {
	return !testnet.InVM() && kernel.TryTrampoline() != nil
})

// possible returns whether any of hooks should work here.
func possible(t testing.TB, hooks []hook) bool {
	t.Helper()
	for _, h := range hooks {
		if lacks(t, h) == "" {
			return true
		}
	}
	return false
}

// wantHooks claims that each probe is attached as the config and this kernel have it,
// and that each one that is not tells why.
func (l *lab) wantHooks(t testing.TB) {
	t.Helper()
	log := strings.Join(l.log.lines(), "\n")
	for _, x := range l.fixtures {
		p := l.probe(t, x.name)
		hooks, err := x.candidates(l.cfg)
		if want := err == nil && possible(t, hooks); p.Attached != want {
			t.Errorf("probe %s: attached is %v, want %v, with hook %q: %s", p.Name, p.Attached, want, p.Hook, p.Reason)
			continue
		}
		if p.Attached {
			if lacks(t, x.hook) != "" || p.Hook != x.hook.describe() {
				t.Errorf("probe %s is attached by %q, and this kernel lacks %q", p.Name, p.Hook, lacks(t, x.hook))
			}
			continue
		}
		if p.Reason == "" || strings.Contains(p.Reason, "\n") {
			t.Errorf("probe %s is not attached because of %q, want one line", p.Name, p.Reason)
		}
		if !strings.Contains(log, p.Name) {
			t.Errorf("nothing is logged about probe %s", p.Name)
		}
	}
}

func TestForcingAMissingFamilyLeavesTheOthersRunning(t *testing.T) {
	oncePerKernel(t) // it forces families itself
	n := testnet.New(t)
	for _, family := range HookFamilies {
		missing := make(map[string]bool)
		for _, p := range probes() {
			if hooks := p.ofFamily(family); hooks != nil && p.wanted(Config{}) && !possible(t, hooks) {
				missing[lacks(t, hooks[0])] = true
			}
		}
		if len(missing) == 0 {
			continue // forced by the lane of that family
		}
		t.Run(family.String(), func(t *testing.T) {
			e := openAs(t, n.Left, Config{OwnNamespaceOnly: true, Hooks: map[string]HookFamily{"": family}})
			e.wantHooks(t)
			lines := e.log.lines()
			if len(lines) == 0 || len(lines) > len(missing) {
				t.Errorf("%d lines for the lack of %v, want one each", len(lines), missing)
			}
			const count = 13
			got := e.count(t, func() {
				must(t, testnet.SendUDP(n.Left, n.Right, testnet.IPv4, count, 10))
				must(t, testnet.SendUDP(n.Right, n.Left, testnet.IPv4, count, 10))
			})
			for _, x := range e.fixtures {
				at, isStation := stationLabels[x.station]
				want := uint64(count)
				if !x.attached || at.Direction == Forward {
					want = 0
				}
				if v := got.at(at.Layer, at.Direction); isStation && v.Packets != want {
					t.Errorf("probe %s counted %d packets, want %d", x.name, v.Packets, want)
				}
			}
			// Stations that are not attached are not missed.
			for l, packets := range got.unmatched {
				if l.Cause != Departed {
					t.Errorf("%d packets unmatched: %v", packets, l)
				}
			}
		})
	}
}

func TestProbesAreForcedOneByOne(t *testing.T) {
	oncePerKernel(t) // it forces families itself
	n := testnet.New(t)
	e := openAs(t, n.Left, Config{OwnNamespaceOnly: true, Hooks: map[string]HookFamily{
		"":                   Tracepoint,
		"network_receive":    best(t, "network_receive", Kprobe, Net),
		"network_transmit":   best(t, "network_transmit", Trampoline, Net),
		"transport_transmit": Tracepoint, // has none
	}})
	e.wantHooks(t)
	out := e.probe(t, "transport_transmit")
	if want := `probe "transport_transmit" has no tracepoint hook`; out.Attached || out.Reason != want {
		t.Errorf("transport_transmit: attached is %v, reason %q, want %q", out.Attached, out.Reason, want)
	}
	const count = 101
	got := e.count(t, func() { must(t, testnet.SendUDP(n.Left, n.Right, testnet.IPv6, count, 10)) })
	for layer, want := range map[Layer]uint64{Transport: 0, Network: count, Qdisc: count, Driver: count} {
		if v := got.at(layer, Transmit); v.Packets != want {
			t.Errorf("%v transmit: %d packets, want %d", layer, v.Packets, want)
		}
	}
	// Nothing is missing at the station behind the one that is not attached.
	got.wantUnmatched(t, nil)
}

// best returns the first of families that a probe can have here.
func best(t *testing.T, probe string, families ...HookFamily) HookFamily {
	t.Helper()
	for _, f := range families {
		if possible(t, probeNamed(t, probe).ofFamily(f)) {
			return f
		}
	}
	t.Fatalf("probe %s can have none of %v", probe, families)
	return Auto
}
