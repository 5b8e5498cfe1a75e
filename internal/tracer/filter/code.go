package filter

// An op is what an instruction does.
type op uint8

const (
	opSet     op = iota // a = k
	opLoad              // a = size bytes at k
	opIndex             // a = size bytes at a + k
	opLength            // a = length of the packet
	opMeta              // a = field k of Meta
	opStore             // slot k = a
	opAdd               // a += operand, as those that follow
	opSub               //
	opMul               //
	opDiv               // by 0: the packet is refused
	opMod               // by 0: the packet is refused
	opAnd               //
	opOr                //
	opXor               //
	opShl               //
	opShr               //
	opNeg               // a = -a
	opEqual             // goes to yes if a == operand, else to no, as those that follow
	opGreater           //
	opAtLeast           //
	opAnySet            // a & operand != 0
	opJump              // goes to yes
	opAccept            // the end
	opRefuse            // the end
)

// An instruction is one of a machine with one number, a, of 32 bits without sign, and slots.
type instruction struct {
	op   op
	size uint8 // bytes: 1, 2 or 4
	// slot says that the operand is slot k, not k.
	slot bool
	k    uint32
	// yes and no are labels.
	yes, no label
}

// A label is an index of labels, which hold the instruction that they stand for.
type label int

// slots is how many numbers can be put aside: the depth of the deepest sum.
const slots = 16

// A program ends with opAccept or opRefuse on all ways, and jumps only forwards.
type program struct {
	code   []instruction
	labels []int
}

func (p *program) add(i instruction) { p.code = append(p.code, i) }

// later returns a label that is not placed yet.
func (p *program) later() label {
	p.labels = append(p.labels, -1)
	return label(len(p.labels) - 1)
}

// place makes a label stand for what is added next.
func (p *program) place(l label) { p.labels[l] = len(p.code) }
