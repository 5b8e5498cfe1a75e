package compile

import (
	"testing"

	"github.com/packetscope/packetscope/bpf"
)

// TestProgramAsksForEachOperand looks for the operands in the instructions.
func TestProgramAsksForEachOperand(t *testing.T) {
	spec, err := bpf.LoadGuard()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[int64]bool)
	for _, ins := range spec.Programs["guard_policy"].Instructions {
		found[ins.Constant-bpf.Operand] = true
	}
	for operand := range bpf.GuardOperands {
		if !found[int64(operand)] {
			t.Errorf("no instruction has operand %d", operand)
		}
	}
}
