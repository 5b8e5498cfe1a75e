//go:build bench

package bench

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/testnet"
)

// The programs that probes are compared with, by the start of their names in
// bench.bpf.c.
const (
	empty  = "empty_"
	clocks = "clocks_"
)

// open attaches the engine.
func open(t *testing.T, cfg stack.Config) *stack.Engine {
	t.Helper()
	e, err := stack.Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// probesHere returns the probes of the default configuration with the hooks that
// this kernel has for them.
func probesHere(t *testing.T) []stack.Probe {
	e := open(t, stack.Config{RunStats: stack.RunStatsOff})
	defer e.Close()
	self, err := e.Self()
	if err != nil {
		t.Fatal(err)
	}
	return self.Probes
}

// twins hang one of the programs of bench.bpf.c everywhere the probes do.
type twins struct {
	programs map[string][]*ebpf.Program // by the probe's name
	links    []link.Link
}

// attachTwins gives each attached probe a twin of the kind, a program of its own at
// each of its hooks. A probe that is not on a tracepoint, at the entry of a function
// or in netfilter has none.
func attachTwins(t *testing.T, n *testnet.Net, kind string, probes []stack.Probe) *twins {
	t.Helper()
	spec, err := bpf.LoadBench()
	if err != nil {
		t.Fatal(err)
	}
	w := &twins{programs: make(map[string][]*ebpf.Program)}
	for i, p := range probes {
		how, targets, _ := strings.Cut(p.Hook, ":")
		original := map[string]string{"tp_btf": "tracepoint", "fentry": "trampoline", "netfilter": "netfilter"}[how]
		if !p.Attached || original == "" || strings.Contains(targets, ":") {
			continue
		}
		for target := range strings.SplitSeq(targets, ",") {
			prog := loadTwin(t, spec.Programs[kind+original], spec, target)
			w.programs[p.Name] = append(w.programs[p.Name], prog)
			w.attach(t, n, prog, target, int32(i))
		}
	}
	return w
}

// loadTwin loads one program with a target of its own.
func loadTwin(t *testing.T, twin *ebpf.ProgramSpec, spec *ebpf.CollectionSpec, target string) *ebpf.Program {
	t.Helper()
	one := spec.Copy()
	twin = twin.Copy()
	if twin.Type == ebpf.Tracing {
		twin.AttachTo = target
	}
	one.Programs = map[string]*ebpf.ProgramSpec{twin.Name: twin}
	coll, err := ebpf.NewCollection(one)
	if err != nil {
		t.Fatal(err)
	}
	defer coll.Close()
	return coll.DetachProgram(twin.Name)
}

// attach attaches a program to a tracepoint or function, or to a netfilter hook of
// both namespaces, where no two programs may have the same priority.
func (w *twins) attach(t *testing.T, n *testnet.Net, prog *ebpf.Program, target string, priority int32) {
	t.Helper()
	keep := func(l link.Link, err error) {
		if err != nil {
			t.Fatal(err)
		}
		w.links = append(w.links, l)
	}
	if prog.Type() != ebpf.Netfilter {
		keep(link.AttachTracing(link.TracingOptions{Program: prog}))
		return
	}
	hook := map[string]link.NetfilterInetHook{
		"input": link.NetfilterInetLocalIn, "forward": link.NetfilterInetForward,
		"output": link.NetfilterInetLocalOut, "postrouting": link.NetfilterInetPostRouting,
	}[target]
	for _, ns := range []*testnet.Namespace{n.Left, n.Right} {
		ns.Do(t, func() {
			keep(link.AttachNetfilter(link.NetfilterOptions{
				Program: prog, ProtocolFamily: link.NetfilterProtoIPv4, Hook: hook, Priority: priority,
			}))
		})
	}
}

// Close detaches the twins.
func (w *twins) Close() {
	for _, l := range w.links {
		l.Close()
	}
	for _, programs := range w.programs {
		for _, p := range programs {
			p.Close()
		}
	}
}
