//go:build bench

package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
	"github.com/packetscope/packetscope/internal/testnet"
)

// What dropping a packet by the last of 10,000 rules may cost on its whole way, in
// units of dropping all; and how many times more nftables takes.
const (
	aimedDropAll = 1.2
	aimedSet     = 1.5
	aimedLinear  = 500
)

// A barrier is a wire at whose end packets are dropped.
type barrier struct {
	name string
	net  *testnet.Net
	send *ebpf.Program
	// many is how many packets are sent in a turn.
	many uint32
	// leaks has packets get past the barrier.
	leaks bool
	// data is the packet that the program is given.
	data []byte
}

// The intruder is whom all barriers drop.
var (
	intruder = netip.MustParseAddr("198.51.100.7")
	frame    = padded(packet.Frame{
		Source: intruder, Destination: netip.MustParseAddr("203.0.113.1"),
		Protocol: packet.UDP, SourcePort: 40_000, DestinationPort: 7, Payload: make([]byte, 32),
	})
)

// dropLive sends packets over wires whose ends drop them.
func dropLive(t *testing.T) section {
	m := workload.New(guardSeed)
	barriers := []*barrier{
		dropAll(t), guarded(t, m, 1), guarded(t, m, 10_000),
		nftLinear(t, m, 1), nftSet(t, m, 10_000), nftLinear(t, m, 100), nftLinear(t, m, 1000), nftLinear(t, m, 10_000),
	}
	all := make([][]float64, len(barriers))
	for range *rounds {
		for i, b := range barriers {
			all[i] = append(all[i], b.perPacket(t, *slice))
		}
	}
	const floor, guarder, set, linear = 0, 2, 4, 7
	ratio := func(i, to int) spread {
		var values []float64
		for round := range all[i] {
			values = append(values, all[i][round]/all[to][round])
		}
		return spreadOf(values)
	}
	rows := table{{"barrier", "ns per packet", "times of XDP_DROP", "times of Guarder"}}
	for i, b := range barriers {
		rows = append(rows, []string{b.name, spreadOf(slices.Clone(all[i])).text(0), ratio(i, floor).text(2), ratio(i, guarder).text(2)})
	}
	return section{
		title: "Guarder: dropping packets that arrive",
		text: `Live frames of BPF_PROG_TEST_RUN, each sent over a veth pair to a barrier that drops it by its last
rule: the CPU time of the whole way of a packet, that of its sender included. Guarder drops by its entry program in native XDP,
counters included; nftables on the ingress hook of a device that has no XDP program and receives by NAPI.
The rules of Guarder are those of the sections above, those of nftables are addresses of sources.`,
		table: rows,
		verdict: fmt.Sprintf(`Dropping by the last of 10,000 rules takes %s of what dropping all does: the aim of %.1f is %s. A set of
nftables takes %s as long: the aim of %.1f is %s. A list of 10,000 rules of nftables takes %s as long: the aim of %d is %s.`,
			ratio(guarder, floor).text(2), aimedDropAll, met(ratio(guarder, floor).median <= aimedDropAll),
			ratio(set, guarder).text(2), aimedSet, met(ratio(set, guarder).median >= aimedSet),
			ratio(linear, guarder).text(0), aimedLinear, met(ratio(linear, guarder).median >= aimedLinear)),
	}
}

// newBarrier makes a wire; its end drops nothing yet.
func newBarrier(t *testing.T, name string) *barrier { return newBarrierTo(t, name, "bench_send", nil) }

// newBarrierTo makes one to which a program sends packets; trace is nil unless it is one that
// sends a trace.
func newBarrierTo(t *testing.T, name, program string, trace func(*barrier) []packet.Frame) *barrier {
	b := &barrier{name: name, net: testnet.New(t), data: frame}
	if trace == nil {
		b.send = b.sender(t, program, nil)
	} else {
		b.send = b.sender(t, program, trace(b))
		// The kernel uses the memory of a frame again, and with it the size that an answer
		// has left there, unless the program changes the size itself (xdp_test_run_batch in
		// net/bpf/test_run.c).
		b.data = append(slices.Clone(frame), 0)
	}
	return b
}

// sender loads a program that sends to the wire.
func (b *barrier) sender(t *testing.T, program string, trace []packet.Frame) *ebpf.Program {
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	b.net.Left.Do(t, func() {
		device, err := net.InterfaceByName(b.net.Left.Device)
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.Variables["bench_device"].Set(uint32(device.Index)); err != nil {
			t.Fatal(err)
		}
	})
	spec.Programs = map[string]*ebpf.ProgramSpec{program: spec.Programs[program]}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(coll.Close)
	fillTrace(t, coll.Maps["bench_frames"], trace)
	return coll.Programs[program]
}

// perPacket sends packets for about some time and returns how many ns each took, less
// what sending any takes. It fails if packets are lost on the wire, or get past the
// barrier.
func (b *barrier) perPacket(t *testing.T, d time.Duration) float64 {
	const few = 64
	if b.many == 0 {
		for b.many = 16 * few; b.quickest(t, b.many) < d/2; b.many *= 2 {
		}
	}
	received, _ := b.net.Right.Packets(t)
	past := b.past(t)
	overhead := b.quickest(t, few)
	took := b.run(t, b.many)
	now, _ := b.net.Right.Packets(t)
	if got, sent := now-received, uint64(3*few+b.many); got < sent*99/100 {
		t.Fatalf("%s: %d of %d packets arrived", b.name, got, sent)
	}
	if now := b.past(t); now != past && !b.leaks {
		t.Fatalf("%s: %d packets got past it", b.name, now-past)
	}
	return float64(took-overhead) / float64(b.many-few)
}

// quickest returns how long sending takes if nothing comes between.
func (b *barrier) quickest(t *testing.T, packets uint32) time.Duration {
	return min(b.run(t, packets), b.run(t, packets), b.run(t, packets))
}

// run sends packets and returns the CPU time of the thread, which carries each of them to
// its end: other work on the machine does not count. (A kernel that accounts for softirqs
// apart, by CONFIG_IRQ_TIME_ACCOUNTING, would leave out the receiver.)
func (b *barrier) run(t *testing.T, packets uint32) (took time.Duration) {
	const liveFrames = 2 // BPF_F_TEST_XDP_LIVE_FRAMES
	b.net.Left.Do(t, func() {
		defer onOneCPU(t)()
		begin := threadTime()
		if _, err := b.send.Run(&ebpf.RunOptions{Data: b.data, Repeat: packets, Flags: liveFrames}); err != nil {
			t.Fatalf("send live frames: %v (needs Linux 5.18)", err)
		}
		took = threadTime() - begin
	})
	return took
}

// past returns how many packets the stack behind the barrier has seen.
func (b *barrier) past(t *testing.T) (n uint64) {
	b.net.Right.Do(t, func() {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			t.Fatal(err)
		}
		var head []string
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if words[0] != "Ip:" {
				continue
			}
			if head == nil {
				head = words
				continue
			}
			if _, err := fmt.Sscan(words[slices.Index(head, "InReceives")], &n); err != nil {
				t.Fatal(err)
			}
		}
	})
	return n
}

// onOneCPU keeps the thread, and with it what its packets raise, on one CPU.
func onOneCPU(t *testing.T) (restore func()) {
	runtime.LockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	for cpu := range 8 * int(unsafe.Sizeof(before)) {
		if before.IsSet(cpu) {
			one.Zero()
			one.Set(cpu) // the last one
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	return func() {
		unix.SchedSetaffinity(0, &before)
		runtime.UnlockOSThread()
	}
}

// attach has the end of the wire run a program in native XDP.
func (b *barrier) attach(t *testing.T, p *ebpf.Program) { b.attachAt(t, b.net.Right, p) }

func (b *barrier) attachAt(t *testing.T, ns *testnet.Namespace, p *ebpf.Program) {
	ns.Do(t, func() {
		device, err := net.InterfaceByName(ns.Device)
		if err != nil {
			t.Fatal(err)
		}
		l, err := link.AttachXDP(link.XDPOptions{Program: p, Interface: device.Index, Flags: link.XDPDriverMode})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	})
}

func dropAll(t *testing.T) *barrier {
	b := newBarrier(t, "XDP_DROP and nothing else")
	b.attach(t, guardProgram(t, "bench_drop"))
	return b
}

// guarded drops by the last of n rules of Guarder.
func guarded(t *testing.T, m *workload.Maker, n int) *barrier {
	b := newBarrier(t, fmt.Sprintf("Guarder, %d rules", n))
	p := workload.Policy(append(m.Rules(n-1), workload.Rule{Source: netip.PrefixFrom(intruder, 32), Protocol: packet.UDP}))
	p.Rules[n-1].Action = policy.Drop
	pkt := packet.Parse(frame)
	if j := p.Judge(&pkt, &policy.Env{}); j.By != n-1 {
		t.Fatalf("rule %d judges the packet, not the last one", j.By)
	}
	b.guard(t, p, compile.LoadOptions{})
	return b
}

// guard has the end of the wire judge packets by a policy, and returns what outlives it.
func (b *barrier) guard(t *testing.T, p *policy.Policy, o compile.LoadOptions) map[string]*ebpf.Map {
	tables, err := compile.Compile(p, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if o.State, err = compile.NewState(len(p.Rules)); err != nil {
		t.Fatal(err)
	}
	for _, m := range o.State {
		t.Cleanup(func() { m.Close() })
	}
	g, err := tables.Load(o)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(g.Close)
	if err := o.State[compile.MapGeneration].Put(uint32(0), g.Program); err != nil {
		t.Fatal(err)
	}
	entry, err := compile.LoadEntry(o.State)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { entry.Close() })
	b.attach(t, entry)
	return o.State
}

// nftLinear drops by the last of n rules of nftables, as "ip saddr A drop".
func nftLinear(t *testing.T, m *workload.Maker, n int) *barrier {
	b := newBarrier(t, fmt.Sprintf("nftables, %d rules", n))
	conn, table, chain := b.ingress(t)
	for part := range slices.Chunk(addresses(m, n), 40) {
		for _, a := range part {
			conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(sourceOf(),
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.AsSlice()}, &expr.Verdict{Kind: expr.VerdictDrop})})
		}
		// The answers to all at once do not fit the socket's buffer.
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// nftSet drops by a rule of nftables with a set, as "ip saddr @set drop".
func nftSet(t *testing.T, m *workload.Maker, n int) *barrier {
	b := newBarrier(t, fmt.Sprintf("nftables, a set of %d addresses", n))
	conn, table, chain := b.ingress(t)
	set := &nftables.Set{Table: table, Name: "sources", KeyType: nftables.TypeIPAddr}
	if err := conn.AddSet(set, nil); err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(addresses(m, n), 500) {
		var elements []nftables.SetElement
		for _, a := range part {
			elements = append(elements, nftables.SetElement{Key: a.AsSlice()})
		}
		if err := conn.SetAddElements(set, elements); err != nil {
			t.Fatal(err)
		}
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(sourceOf(),
		&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID}, &expr.Verdict{Kind: expr.VerdictDrop})})
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return b
}

// addresses returns different addresses, of which the last one is the intruder's.
func addresses(m *workload.Maker, n int) []netip.Addr {
	seen := map[netip.Addr]bool{intruder: true}
	var all []netip.Addr
	for len(all) < n-1 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], m.Uint32())
		if a := netip.AddrFrom4(b); !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	return append(all, intruder)
}

// sourceOf loads the source of an IPv4 packet, as the command nft has it done.
func sourceOf() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{8, 0}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
	}
}

// ingress makes the hook of nftables at the end of the wire, which gets packets by NAPI
// as those of most network cards do.
func (b *barrier) ingress(t *testing.T) (*nftables.Conn, *nftables.Table, *nftables.Chain) {
	var conn *nftables.Conn
	b.net.Right.Do(t, func() {
		receiveByNAPI(t, b.net.Right.Device)
		var err error
		if conn, err = nftables.New(nftables.AsLasting()); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { conn.CloseLasting() })
	accept := nftables.ChainPolicyAccept
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: "bench"})
	chain := conn.AddChain(&nftables.Chain{
		Name: "ingress", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress,
		Priority: nftables.ChainPriorityFilter, Policy: &accept, Device: b.net.Right.Device,
	})
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return conn, table, chain
}

// receiveByNAPI turns generic receive offload on, which a veth device needs for it.
func receiveByNAPI(t *testing.T, device string) {
	const setGRO = 0x2c // ETHTOOL_SGRO of include/uapi/linux/ethtool.h
	value := struct{ command, data uint32 }{setGRO, 1}
	request := struct {
		name  [unix.IFNAMSIZ]byte
		value unsafe.Pointer
		_     [16]byte
	}{value: unsafe.Pointer(&value)}
	copy(request.name[:], device)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatalf("turn generic receive offload of %q on: %v", device, errno)
	}
}
