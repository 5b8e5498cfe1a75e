//go:build linux && kernel

package filter

import (
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/rlimit"
)

// A kernelFilter is a filter in the kernel.
type kernelFilter struct {
	program *ebpf.Program
	scratch *ebpf.Map
}

func newScratch(t testing.TB) *ebpf.Map {
	t.Helper()
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "trace_scratch", Type: ebpf.Array, KeySize: 4, ValueSize: uint32(unsafe.Sizeof(Scratch{})), MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// load makes a program that asks a filter about the only entry of a map.
func (f *Filter) load(t testing.TB, scratch *ebpf.Map) kernelFilter {
	t.Helper()
	code := asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word).WithSymbol("ask"),
		asm.LoadMapPtr(asm.R1, scratch.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JNE.Imm(asm.R0, 0, "there"),
		asm.Return(),
		asm.Mov.Reg(asm.R1, asm.R0).WithSymbol("there"),
		asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoCall, Constant: -1}.WithReference("filter"),
		asm.Return(),
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, License: "MIT", Instructions: append(code, f.BPF("filter")...)})
	if err != nil {
		t.Fatalf("%q: %+v", f, err)
	}
	t.Cleanup(func() { program.Close() })
	return kernelFilter{program, scratch}
}

func (k kernelFilter) match(t testing.TB, frame []byte, meta Meta) bool {
	t.Helper()
	s := Scratch{Length: uint32(len(frame)), Interface: meta.Interface, Process: meta.Process, Namespace: meta.Namespace, Cgroup: meta.Cgroup}
	s.Captured = uint32(copy(s.Data[:], frame))
	if err := k.scratch.Put(uint32(0), s); err != nil {
		t.Fatal(err)
	}
	got, err := k.program.Run(&ebpf.RunOptions{Data: make([]byte, 64)})
	if err != nil {
		t.Fatal(err)
	}
	return got == 1
}

// TestKernelChoosesTheSame runs all expressions in the kernel.
func TestKernelChoosesTheSame(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	var frames [][]byte
	for range 100 {
		frame := randomFrame(chance)
		frames = append(frames, frame[:min(len(frame), Snap)], frame[:chance.IntN(60)])
	}
	scratch := newScratch(t)
	meta := Meta{Interface: 3, Process: 42, Namespace: 4026531840, Cgroup: 7<<32 | 9}
	expressions := []string{"iface 3", "pid 42 and tcp", "netns 4026531840", "cgroup 30064771081", "cgroup 9", "iface 4 or udp", ""}
	for _, o := range oracles(t) {
		if o.program != nil {
			expressions = append(expressions, o.expression)
		}
	}
	asked, chosen := 0, 0
	for _, expression := range expressions {
		f, err := Compile(expression, testNames)
		if err != nil {
			t.Fatalf("%q: %v", expression, err)
		}
		k := f.load(t, scratch)
		for _, frame := range frames {
			want := f.Match(frame, meta)
			if got := k.match(t, frame, meta); got != want {
				t.Errorf("%q: the kernel says %v, want %v, of %x", expression, got, want, frame)
				break
			}
			asked++
			if want {
				chosen++
			}
		}
		k.program.Close()
	}
	if asked < 60_000 || chosen < asked/10 || chosen > asked/10*9 {
		t.Errorf("asked %d times, %d chosen", asked, chosen)
	}
	t.Logf("asked %d times, %d chosen", asked, chosen)
}
