package bpf

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// TestLoopsAreClosedByJumps walks the programs of all objects as check_cfg of Linux
// 6.1 does (kernel/bpf/verifier.c): it accepts a loop that a jump closes, and refuses
// one that is closed by falling through from one instruction to the next, which later
// kernels accept. How a loop is laid out is up to the compiler.
func TestLoopsAreClosedByJumps(t *testing.T) {
	objects, err := filepath.Glob("*_bpfel.o")
	if err != nil || len(objects) == 0 {
		t.Fatal(objects, err)
	}
	for _, object := range objects {
		data, err := os.ReadFile(object)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", object, err)
		}
		for name, p := range spec.Programs {
			if at := fallenBack(p.Instructions); at >= 0 {
				t.Errorf("%s: %s closes a loop by falling through behind %v (%v)", object, name, p.Instructions[at], p.Instructions[at].Source())
			}
		}
	}
}

// fallenBack returns an instruction from which a loop is closed by falling through,
// or -1. Each function is walked from its first instruction.
func fallenBack(all asm.Instructions) int {
	const onWay, done = 1, 2
	state := make([]int, len(all))
	index := make(map[string]int) // of jump targets and functions
	for i, ins := range all {
		if name := ins.Symbol(); name != "" {
			index[name] = i
		}
	}
	offsets := make(map[asm.RawInstructionOffset]int)
	at := make([]asm.RawInstructionOffset, len(all))
	for iter := all.Iterate(); iter.Next(); {
		offsets[iter.Offset], at[iter.Index] = iter.Index, iter.Offset
	}
	target := func(i int) int {
		if to, ok := index[all[i].Reference()]; ok {
			return to
		}
		return offsets[at[i]+1+asm.RawInstructionOffset(all[i].Offset)]
	}
	fallen := -1
	var visit func(i int)
	push := func(from, to int, jump bool) {
		if state[to] == onWay && !jump && fallen < 0 {
			fallen = from
		}
		if state[to] == 0 {
			visit(to)
		}
	}
	visit = func(i int) {
		state[i] = onWay
		op := all[i].OpCode
		switch {
		case op.Class().IsJump() && op.JumpOp() == asm.Exit:
		case op.Class().IsJump() && op.JumpOp() == asm.Ja:
			push(i, target(i), true)
		case op.Class().IsJump() && op.JumpOp() != asm.Call:
			push(i, i+1, true)
			push(i, target(i), true)
		default:
			push(i, i+1, false)
		}
		state[i] = done
	}
	for i, ins := range all {
		if state[i] == 0 && (i == 0 || ins.Symbol() != "") {
			visit(i)
		}
	}
	return fallen
}
