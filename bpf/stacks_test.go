package bpf

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// Limits of check_max_stack_depth of Linux 6.1 (kernel/bpf/verifier.c), which rounds
// the stack of each function up to 32 bytes; later kernels round less.
const (
	maxStack  = 512 // bytes, of all functions that call each other
	maxFrames = 8
	roundedTo = 32
)

// TestStacksFit adds up the stacks of functions that call each other. The kernel does
// so too, but a test on a later kernel, or with tables that leave calls out, does not
// tell what 6.1 will say of others.
func TestStacksFit(t *testing.T) {
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
			bytes, chain := deepest(p.Instructions)
			if bytes > maxStack || len(chain) > maxFrames {
				t.Errorf("%s: %s takes %d bytes of stack in %v", object, name, bytes, chain)
			}
		}
	}
}

// deepest returns the chain of calls that takes the most stack.
func deepest(all asm.Instructions) (bytes int, chain []string) {
	type function struct {
		stack int
		calls []string
	}
	functions := make(map[string]*function)
	var f *function
	first := ""
	copied := make(map[asm.Register]bool) // registers that are the frame pointer
	for i, ins := range all {
		if name := ins.Symbol(); i == 0 || name != "" && functions[name] == nil && isFunction(all, name) {
			f = new(function)
			functions[name] = f
			if i == 0 {
				first = name
			}
		}
		switch op := ins.OpCode; {
		case ins.IsFunctionReference():
			f.calls = append(f.calls, ins.Reference())
		case op.Class() == asm.ALU64Class && op.ALUOp() == asm.Mov:
			copied[ins.Dst] = op.Source() == asm.RegSource && ins.Src == asm.RFP
		case op.Class() == asm.ALU64Class && op.ALUOp() == asm.Add && op.Source() == asm.ImmSource && copied[ins.Dst]:
			f.stack = max(f.stack, int(-ins.Constant))
			copied[ins.Dst] = false
		case op.Class().IsLoad() && ins.Src == asm.RFP, op.Class().IsStore() && ins.Dst == asm.RFP:
			f.stack = max(f.stack, int(-ins.Offset))
		}
	}
	var visit func(name string) (int, []string)
	visit = func(name string) (int, []string) {
		f := functions[name]
		below, deepest := 0, []string(nil)
		for _, call := range f.calls {
			if n, chain := visit(call); n > below {
				below, deepest = n, chain
			}
		}
		own := max((f.stack+roundedTo-1)/roundedTo, 1) * roundedTo
		return own + below, append([]string{name}, deepest...)
	}
	return visit(first)
}

// isFunction tells whether a symbol is called, or passed to a helper, somewhere.
func isFunction(all asm.Instructions, name string) bool {
	for _, ins := range all {
		if ins.IsFunctionReference() && ins.Reference() == name {
			return true
		}
	}
	return false
}
