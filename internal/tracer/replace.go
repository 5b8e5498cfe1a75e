package tracer

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// replaceFunction puts a body in the place of a function that a program calls.
func replaceFunction(program asm.Instructions, name string, body asm.Instructions) (asm.Instructions, error) {
	begin := slices.IndexFunc(program, func(i asm.Instruction) bool { return i.Symbol() == name })
	if begin < 0 {
		return nil, fmt.Errorf("it has no function %q", name)
	}
	function := btf.FuncMetadata(&program[begin])
	end := begin + 1
	for end < len(program) && btf.FuncMetadata(&program[end]) == nil {
		end++
	}
	body = slices.Clone(body)
	// The kernel wants a line of source for each function.
	body[0] = btf.WithFuncMetadata(body[0], function).WithSource(program[begin].Source())
	return slices.Concat(program[:begin], body, program[end:]), nil
}
