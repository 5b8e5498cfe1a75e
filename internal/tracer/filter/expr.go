package filter

// A condition is true of a packet or not.
type condition interface {
	// emit adds code that goes to one of two labels.
	emit(p *program, yes, no label)
}

type both struct{ a, b condition }

func (c both) emit(p *program, yes, no label) {
	more := p.later()
	c.a.emit(p, more, no)
	p.place(more)
	c.b.emit(p, yes, no)
}

type either struct{ a, b condition }

func (c either) emit(p *program, yes, no label) {
	more := p.later()
	c.a.emit(p, yes, more)
	p.place(more)
	c.b.emit(p, yes, no)
}

type not struct{ of condition }

func (c not) emit(p *program, yes, no label) { c.of.emit(p, no, yes) }

// allOf is true if all of some are, oneOf if one of them is; of none both are false.
func allOf(some ...condition) condition {
	return fold(some, func(a, b condition) condition { return both{a, b} })
}
func oneOf(some ...condition) condition {
	return fold(some, func(a, b condition) condition { return either{a, b} })
}

func fold(some []condition, with func(a, b condition) condition) condition {
	if len(some) == 0 {
		return comparison{op: opEqual, left: constant(0), right: constant(1)}
	}
	result := some[0]
	for _, c := range some[1:] {
		result = with(result, c)
	}
	return result
}

// A comparison compares two numbers.
type comparison struct {
	op          op // from opEqual to opAnySet
	left, right number
}

func (c comparison) emit(p *program, yes, no label) {
	slot, k := operand(p, c.right, 0)
	c.left.emit(p, 1)
	p.add(instruction{op: c.op, slot: slot, k: k, yes: yes, no: no})
}

// A number is a sum, what is in a packet, or known.
type number interface {
	// emit adds code that leaves the number in a. Slots below depth are in use.
	emit(p *program, depth int)
	// deep is how many slots it takes.
	deep() int
}

// operand returns what stands behind an operation: a constant, or a slot that it fills.
func operand(p *program, n number, depth int) (slot bool, k uint32) {
	if k, ok := n.(constant); ok {
		return false, uint32(k)
	}
	n.emit(p, depth)
	p.add(instruction{op: opStore, k: uint32(depth)})
	return true, uint32(depth)
}

type constant uint32

func (n constant) emit(p *program, _ int) { p.add(instruction{op: opSet, k: uint32(n)}) }
func (n constant) deep() int              { return 0 }

// A field is bytes at a place that is known.
type field struct {
	at   uint32
	size uint8
}

func (n field) emit(p *program, _ int) { p.add(instruction{op: opLoad, size: n.size, k: n.at}) }
func (n field) deep() int              { return 0 }

// An indexed is bytes at a place that the packet says.
type indexed struct {
	index number
	at    uint32
	size  uint8
}

func (n indexed) emit(p *program, depth int) {
	n.index.emit(p, depth)
	p.add(instruction{op: opIndex, size: n.size, k: n.at})
}
func (n indexed) deep() int { return n.index.deep() }

type length struct{}

func (length) emit(p *program, _ int) { p.add(instruction{op: opLength}) }
func (length) deep() int              { return 0 }

type metaField uint32

func (n metaField) emit(p *program, _ int) { p.add(instruction{op: opMeta, k: uint32(n)}) }
func (n metaField) deep() int              { return 0 }

type negative struct{ of number }

func (n negative) emit(p *program, depth int) {
	n.of.emit(p, depth)
	p.add(instruction{op: opNeg})
}
func (n negative) deep() int { return n.of.deep() }

// A sum is two numbers with an operation from opAdd to opShr.
type sum struct {
	op          op
	left, right number
}

func (n sum) emit(p *program, depth int) {
	slot, k := operand(p, n.right, depth)
	n.left.emit(p, depth+1)
	p.add(instruction{op: n.op, slot: slot, k: k})
}

func (n sum) deep() int { return max(n.right.deep(), n.left.deep()) + 1 }
