//go:build kernel && linux

package stack

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A witness is the shortest program that can count packets at the driver. Some
// virtual machines have kernels that run no tracing program while a process of
// the machine's owner is current, and so none in a softirq on top of it. What a
// witness did not see either, no probe could.
type witness struct {
	seen *ebpf.Map
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	seen, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	must(t, err)
	t.Cleanup(func() { must(t, seen.Close()) })
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:       ebpf.Tracing,
		AttachType: ebpf.AttachTraceRawTp,
		AttachTo:   "net_dev_start_xmit",
		License:    "MIT",
		Instructions: asm.Instructions{
			asm.LoadMapValue(asm.R1, seen.FD(), 0),
			asm.Mov.Imm(asm.R2, 1),
			asm.AddAtomic.Mem(asm.R1, asm.R2, asm.DWord, 0),
			asm.Mov.Imm(asm.R0, 0),
			asm.Return(),
		},
	})
	must(t, err)
	t.Cleanup(func() { must(t, program.Close()) })
	attached, err := link.AttachTracing(link.TracingOptions{Program: program})
	must(t, err)
	t.Cleanup(func() { must(t, attached.Close()) })
	return &witness{seen}
}

// sawAll runs load and reports whether the witness saw no fewer packets than the device
// of ns sent. It may see more, for it counts those of the whole host.
func (w *witness) sawAll(t *testing.T, ns *testnet.Namespace, load func()) bool {
	t.Helper()
	before := w.count(t)
	_, sentBefore := ns.Packets(t)
	load()
	_, sentAfter := ns.Packets(t)
	return w.count(t)-before >= sentAfter-sentBefore
}

func (w *witness) count(t *testing.T) (n uint64) {
	t.Helper()
	must(t, w.seen.Lookup(uint32(0), &n))
	return n
}

// countWitnessed is count for a load in which many packets are sent from softirqs on
// top of whatever process is current. A load that the witness did not see all of says
// nothing; it is repeated, with a new engine that does not remember it.
func (l *lab) countWitnessed(t *testing.T, load func()) (got tally) {
	t.Helper()
	const attempts = 5
	w := newWitness(t)
	for range attempts {
		if w.sawAll(t, l.ns, func() { got = l.count(t, load) }) {
			return got
		}
		t.Log("this kernel ran no program for a packet; once more")
		l = open(t, l.ns, l.cfg)
	}
	t.Fatalf("this kernel ran no program for some packets of each of %d loads", attempts)
	return got
}
