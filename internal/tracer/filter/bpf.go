package filter

import (
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf/asm"
)

// Snap is how many bytes of a frame the kernel half looks at. What is behind them counts as
// behind the end.
const Snap = 256

// Scratch is what the kernel half looks at: struct trace_scratch.
type Scratch struct {
	// Length is that of the whole frame, Captured of what is in Data.
	Length, Captured uint32
	Interface        uint32
	Process          uint32
	Namespace        uint32
	Family           uint32 // of the socket, which no filter asks for
	Cgroup           uint64
	Data             [Snap]byte
}

// What the code has in which register; r2 to r4 are for each instruction's own use.
const (
	number1 = asm.R0
	scratch = asm.R1
)

// BPF returns the body of a function of BPF that takes a pointer to a [Scratch] in a map and
// returns 1 for a frame that is chosen, else 0. It takes no more than 64 bytes of stack, calls
// nothing, and jumps only forwards. Its first instruction has the name as its symbol.
func (f *Filter) BPF(name string) asm.Instructions {
	b := &assembler{prefix: name, placed: make(map[int]bool)}
	for _, at := range f.program.labels {
		b.placed[at] = true
	}
	for at, i := range f.program.code {
		if b.placed[at] {
			b.next = b.label(at)
		}
		b.lower(&f.program, i)
	}
	if b.refuses { // code that nothing leads to is refused
		b.next = b.refuseLabel()
		b.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
	}
	b.code[0] = b.code[0].WithSymbol(name)
	return b.code
}

type assembler struct {
	prefix string
	code   asm.Instructions
	placed map[int]bool
	next   string // label of the next instruction, or ""
	// refuses says that some code goes to refuse.
	refuses bool
}

func (b *assembler) label(at int) string { return fmt.Sprintf("%s_%d", b.prefix, at) }

// refuse returns a label where the frame is refused.
func (b *assembler) refuse() string {
	b.refuses = true
	return b.refuseLabel()
}

func (b *assembler) refuseLabel() string { return b.prefix + "_refuse" }

// beyond refuses a frame for bytes that are never looked at, by a jump that only runs tell is
// always taken.
func (b *assembler) beyond() {
	b.add(asm.Mov.Imm32(number1, 0), asm.JEq.Imm(number1, 0, b.refuse()))
}

func (b *assembler) add(some ...asm.Instruction) {
	for _, i := range some {
		if b.next != "" && len(b.code) > 0 {
			i = i.WithSymbol(b.next)
		}
		b.next = ""
		b.code = append(b.code, i)
	}
}

func slotAt(k uint32) int16 { return -4 * int16(k+1) }

var calculations = map[op]asm.ALUOp{
	opAdd: asm.Add, opSub: asm.Sub, opMul: asm.Mul, opDiv: asm.Div, opMod: asm.Mod,
	opAnd: asm.And, opOr: asm.Or, opXor: asm.Xor, opShl: asm.LSh, opShr: asm.RSh,
}

var jumps = map[op]asm.JumpOp{opEqual: asm.JEq, opGreater: asm.JGT, opAtLeast: asm.JGE, opAnySet: asm.JSet}

var metaOffsets = map[metaField]uintptr{
	metaInterface: unsafe.Offsetof(Scratch{}.Interface),
	metaProcess:   unsafe.Offsetof(Scratch{}.Process),
	metaNamespace: unsafe.Offsetof(Scratch{}.Namespace),
	metaCgroupLow: unsafe.Offsetof(Scratch{}.Cgroup), // of a little-endian machine
	// The other half.
	metaCgroupHigh: unsafe.Offsetof(Scratch{}.Cgroup) + 4,
}

// lower adds what does the same as an instruction.
func (b *assembler) lower(p *program, i instruction) {
	switch i.op {
	case opSet:
		b.add(asm.Mov.Imm32(number1, int32(i.k)))
	case opLoad:
		b.load(i)
	case opIndex:
		b.index(i)
	case opLength:
		b.add(asm.LoadMem(number1, scratch, int16(unsafe.Offsetof(Scratch{}.Length)), asm.Word))
	case opMeta:
		b.add(asm.LoadMem(number1, scratch, int16(metaOffsets[metaField(i.k)]), asm.Word))
	case opStore:
		b.add(asm.StoreMem(asm.RFP, slotAt(i.k), number1, asm.Word))
	case opNeg:
		b.add(asm.Neg.Imm32(number1, 0))
	case opJump:
		b.add(asm.Ja.Label(b.label(p.labels[i.yes])))
	case opAccept:
		b.add(asm.Mov.Imm(asm.R0, 1), asm.Return())
	case opRefuse:
		b.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
	case opEqual, opGreater, opAtLeast, opAnySet:
		b.compare(i, b.label(p.labels[i.yes]), b.label(p.labels[i.no]))
	default:
		b.calculate(i)
	}
}

func (b *assembler) compare(i instruction, yes, no string) {
	if i.slot {
		b.add(asm.LoadMem(asm.R2, asm.RFP, slotAt(i.k), asm.Word), jumps[i.op].Reg32(number1, asm.R2, yes))
	} else {
		b.add(jumps[i.op].Imm32(number1, int32(i.k), yes))
	}
	b.add(asm.Ja.Label(no))
}

func (b *assembler) calculate(i instruction) {
	if !i.slot {
		b.add(calculations[i.op].Imm32(number1, int32(i.k)))
		return
	}
	b.add(asm.LoadMem(asm.R2, asm.RFP, slotAt(i.k), asm.Word))
	switch i.op {
	case opDiv, opMod:
		b.add(asm.JEq.Imm(asm.R2, 0, b.refuse()))
	case opShl, opShr:
		b.add(asm.And.Imm32(asm.R2, 31))
	}
	b.add(calculations[i.op].Reg32(number1, asm.R2))
}

var sizes = map[uint8]asm.Size{1: asm.Byte, 2: asm.Half, 4: asm.Word}

// load reads bytes at a place that is known.
func (b *assembler) load(i instruction) {
	last := uint64(i.k) + uint64(i.size)
	if last > Snap {
		b.beyond()
		return
	}
	b.add(
		asm.LoadMem(asm.R2, scratch, int16(unsafe.Offsetof(Scratch{}.Captured)), asm.Word),
		asm.JLT.Imm(asm.R2, int32(last), b.refuse()),
		asm.LoadMem(number1, scratch, int16(unsafe.Offsetof(Scratch{}.Data))+int16(i.k), sizes[i.size]),
	)
	b.order(i.size)
}

// index reads bytes at a place that the packet says.
func (b *assembler) index(i instruction) {
	if uint64(i.k)+uint64(i.size) > Snap {
		b.beyond()
		return
	}
	b.add(
		asm.Mov.Reg32(asm.R2, number1),
		asm.JGT.Imm(asm.R2, int32(Snap-uint32(i.size)-i.k), b.refuse()),
		asm.Mov.Reg(asm.R3, asm.R2),
		asm.Add.Imm(asm.R3, int32(i.k)+int32(i.size)),
		asm.LoadMem(asm.R4, scratch, int16(unsafe.Offsetof(Scratch{}.Captured)), asm.Word),
		asm.JGT.Reg(asm.R3, asm.R4, b.refuse()),
		asm.Mov.Reg(asm.R3, scratch),
		asm.Add.Reg(asm.R3, asm.R2),
		asm.LoadMem(number1, asm.R3, int16(unsafe.Offsetof(Scratch{}.Data))+int16(i.k), sizes[i.size]),
	)
	b.order(i.size)
}

// order makes a number of what was read in the order of networks.
func (b *assembler) order(size uint8) {
	if size > 1 {
		b.add(asm.HostTo(asm.BE, number1, sizes[size]))
	}
}
