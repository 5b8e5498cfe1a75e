package wire

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// wholePacket is more than any packet has: a socket keeps so much of what passes.
const wholePacket = 1 << 18

// A step is an instruction, or what assemble makes one of: a label, a branch, or a
// range.
type step any

// A label is a place to go to, within the next 255 instructions.
type label string

// A branch goes on at a label; an empty one is the next instruction.
type branch struct {
	test    bpf.JumpTest
	value   uint32
	yes, no string
}

// when is a branch by equality.
func when(value uint32, yes, no string) branch {
	return branch{bpf.JumpEqual, value, yes, no}
}

// A rangeTest goes on at a label if a port is within a range, else drops.
type rangeTest struct {
	ports Ports
	yes   string
}

func (p Ports) within(yes string) rangeTest {
	return rangeTest{p, yes}
}

func (t rangeTest) branches() []branch {
	first := uint32(t.ports.First)
	if t.ports == (Ports{}) {
		first = 1 << 16 // no port is so high
	}
	return []branch{
		{bpf.JumpGreaterOrEqual, first, "", "drop"},
		{bpf.JumpGreaterThan, uint32(t.ports.Last), "drop", t.yes},
	}
}

// assemble turns steps into a program, with the places "accept" and "drop" at its end.
func assemble(steps ...step) ([]bpf.RawInstruction, error) {
	steps = append(steps,
		label("accept"), bpf.RetConstant{Val: wholePacket},
		label("drop"), bpf.RetConstant{Val: 0})

	var flat []step // without labels and ranges
	places := map[string]int{}
	for _, s := range steps {
		switch s := s.(type) {
		case label:
			places[string(s)] = len(flat)
		case rangeTest:
			for _, b := range s.branches() {
				flat = append(flat, b)
			}
		default:
			flat = append(flat, s)
		}
	}

	program := make([]bpf.Instruction, len(flat))
	for i, s := range flat {
		switch s := s.(type) {
		case branch:
			skip := func(to string) uint8 {
				if to == "" {
					return 0
				}
				return uint8(places[to] - i - 1)
			}
			program[i] = bpf.JumpIf{Cond: s.test, Val: s.value, SkipTrue: skip(s.yes), SkipFalse: skip(s.no)}
		case bpf.Instruction:
			program[i] = s
		default:
			return nil, fmt.Errorf("step %d of a socket filter is a %T", i, s)
		}
	}
	return bpf.Assemble(program)
}
