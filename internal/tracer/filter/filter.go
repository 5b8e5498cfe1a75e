package filter

// A Filter chooses packets.
type Filter struct {
	text    string
	program program
}

// Compile reads an expression; an empty one chooses all packets. The error is an [Error].
func Compile(text string, names Names) (*Filter, error) {
	c, err := parse(text, names)
	if err != nil {
		return nil, err
	}
	f := &Filter{text: text}
	p := &f.program
	yes, no := p.later(), p.later()
	if c != nil {
		c.emit(p, yes, no)
		p.place(no)
		p.add(instruction{op: opRefuse})
	}
	p.place(yes)
	p.add(instruction{op: opAccept})
	return f, nil
}

// String returns the expression.
func (f *Filter) String() string { return f.text }

// Match tells whether a frame of Ethernet is chosen, as the kernel would.
func (f *Filter) Match(frame []byte, meta Meta) bool {
	m := machine{frame: frame, meta: meta}
	for at := 0; ; {
		i := f.program.code[at]
		at++
		switch i.op {
		case opAccept:
			return true
		case opRefuse:
			return false
		case opJump:
			at = f.program.labels[i.yes]
		case opEqual, opGreater, opAtLeast, opAnySet:
			to := i.no
			if m.compares(i) {
				to = i.yes
			}
			at = f.program.labels[to]
		default:
			if !m.step(i) {
				return false
			}
		}
	}
}

// A machine runs a program.
type machine struct {
	frame []byte
	meta  Meta
	a     uint32
	slots [slots]uint32
}

func (m *machine) operand(i instruction) uint32 {
	if i.slot {
		return m.slots[i.k]
	}
	return i.k
}

func (m *machine) compares(i instruction) bool {
	k := m.operand(i)
	switch i.op {
	case opEqual:
		return m.a == k
	case opGreater:
		return m.a > k
	case opAtLeast:
		return m.a >= k
	}
	return m.a&k != 0
}

// load reads bytes; false if they are not there.
func (m *machine) load(at uint64, size uint8) bool {
	if at+uint64(size) > uint64(len(m.frame)) {
		return false
	}
	m.a = 0
	for _, b := range m.frame[at : at+uint64(size)] {
		m.a = m.a<<8 | uint32(b)
	}
	return true
}

// step does what is neither the end nor a jump; false if the packet is refused.
func (m *machine) step(i instruction) bool {
	k := m.operand(i)
	switch i.op {
	case opSet:
		m.a = i.k
	case opLoad:
		return m.load(uint64(i.k), i.size)
	case opIndex:
		return m.load(uint64(m.a)+uint64(i.k), i.size)
	case opLength:
		m.a = uint32(len(m.frame))
	case opMeta:
		m.a = m.meta.field(i.k)
	case opStore:
		m.slots[i.k] = m.a
	case opNeg:
		m.a = -m.a
	case opDiv, opMod:
		if k == 0 {
			return false
		}
		if i.op == opDiv {
			m.a /= k
		} else {
			m.a %= k
		}
	default:
		m.a = calculate(i.op, m.a, k)
	}
	return true
}

func calculate(o op, a, k uint32) uint32 {
	switch o {
	case opAdd:
		return a + k
	case opSub:
		return a - k
	case opMul:
		return a * k
	case opAnd:
		return a & k
	case opOr:
		return a | k
	case opXor:
		return a ^ k
	case opShl:
		return a << (k & 31) // as the kernel's 32-bit shifts do
	}
	return a >> (k & 31)
}
