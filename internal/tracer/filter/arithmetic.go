package filter

// comparisons are the signs that compare; those with a "no" are the others turned around.
var comparisons = map[string]struct {
	op op
	no bool
}{
	"=": {opEqual, false}, "==": {opEqual, false}, "!=": {opEqual, true},
	">": {opGreater, false}, "<=": {opGreater, true}, ">=": {opAtLeast, false}, "<": {opAtLeast, true},
}

// isComparison tells whether a comparison of numbers comes next.
func (p *parser) isComparison() bool {
	t := p.peek()
	if t.kind == word && p.tokens[p.at+1].text == "[" {
		return true
	}
	if t.kind != word && t.text != "(" && t.text != "-" {
		return false
	}
	back, depth := p.at, p.depth
	defer func() { p.at, p.depth = back, depth }()
	_, _, err := p.sum(0)
	_, ok := comparisons[p.peek().text]
	return err == nil && ok && p.peek().kind == sign
}

// comparison reads two numbers that are compared. The protocols of which it reads bytes have
// to be there.
func (p *parser) comparison() (condition, error) {
	t := p.peek()
	left, needs, err := p.sum(0)
	if err != nil {
		return nil, err
	}
	c, ok := comparisons[p.peek().text]
	if !ok {
		return nil, fault(p.peek(), `%v instead of a comparison: =, !=, <, <=, > or >=`, p.peek())
	}
	p.at++
	right, more, err := p.sum(0)
	if err != nil {
		return nil, err
	}
	if max(left.deep(), right.deep()+1) > slots {
		return nil, fault(t, "it is too long: put fewer numbers on the right of each other")
	}
	var result condition = comparison{c.op, left, right}
	if c.no {
		result = not{result}
	}
	return allOf(append(append(needs, more...), result)...), nil
}

// operations are the signs between numbers, by how tightly they bind.
var operations = []map[string]op{
	{"|": opOr, "&": opAnd, "^": opXor},
	{"<<": opShl, ">>": opShr},
	{"+": opAdd, "-": opSub},
	{"*": opMul, "/": opDiv, "%": opMod},
}

// sum reads numbers joined by operations that bind at least as tightly as level.
func (p *parser) sum(level int) (n number, needs []condition, err error) {
	if level == len(operations) {
		return p.operand()
	}
	n, needs, err = p.sum(level + 1)
	for err == nil {
		t := p.peek()
		operation, ok := operations[level][t.text]
		if !ok || t.kind != sign {
			break
		}
		p.at++
		var right number
		var more []condition
		if right, more, err = p.sum(level + 1); err != nil {
			break
		}
		if k, known := right.(constant); known {
			switch {
			case k == 0 && (operation == opDiv || operation == opMod):
				return nil, nil, fault(t, "division by zero")
			case k > 31 && (operation == opShl || operation == opShr):
				return nil, nil, fault(t, "shift by %d: numbers have 32 bits", k)
			}
		}
		n, needs = sum{operation, n, right}, append(needs, more...)
	}
	return n, needs, err
}

func (p *parser) operand() (number, []condition, error) {
	if p.depth++; p.depth > deepest {
		return nil, nil, fault(p.peek(), "more than %d parentheses within each other", deepest)
	}
	defer func() { p.depth-- }()
	t := p.take()
	switch {
	case t.kind == sign && t.text == "-":
		n, needs, err := p.operand()
		return negative{n}, needs, err
	case t.kind == sign && t.text == "(":
		n, needs, err := p.sum(0)
		if err == nil && p.skip(")") == "" {
			err = fault(p.peek(), `%v instead of ")"`, p.peek())
		}
		return n, needs, err
	case t.kind == word && t.text == "len":
		return length{}, nil, nil
	case t.kind == word && p.peek().text == "[":
		return p.bytes(t)
	}
	if k, ok := constants[t.text]; ok {
		return constant(k), nil, nil
	}
	k, err := parseNumber(t.text, 1<<32-1)
	if err != nil || t.kind != word {
		return nil, nil, fault(t, "%v is no number", t)
	}
	return constant(k), nil, nil
}

// bytes reads protocol[index] or protocol[index:size].
func (p *parser) bytes(protocol token) (number, []condition, error) {
	p.at++
	index, needs, err := p.sum(0)
	if err != nil {
		return nil, nil, err
	}
	size := uint64(1)
	if p.skip(":") != "" {
		t := p.peek()
		if size, err = p.number(4); err != nil || size == 0 || size == 3 {
			return nil, nil, fault(t, "%v is no size: 1, 2 or 4 bytes", t)
		}
	}
	if p.skip("]") == "" {
		return nil, nil, fault(p.peek(), `%v instead of "]"`, p.peek())
	}
	n, more, err := p.place.bytesOf(protocol, index, uint8(size))
	return n, append(needs, more...), err
}

// bytesOf returns bytes of a protocol, and what has to be true for that.
func (at place) bytesOf(protocol token, index number, size uint8) (number, []condition, error) {
	if protocol.text == "ether" {
		return at.bytesAt(index, 0, size), nil, nil
	}
	if ether, ok := etherNames[protocol.text]; ok {
		return at.bytesAt(index, at.network(0, 1).at, size), []condition{at.ether(ether)}, nil
	}
	a, ok := abbreviations[protocol.text]
	switch {
	case !ok:
		return nil, nil, fault(protocol, "there are no bytes of %v", protocol)
	case !a.four:
		return at.bytesAt(index, at.network(40, 1).at, size), []condition{at.ether(etherIPv6), is(at.network(6, 1), a.number)}, nil
	}
	needs := []condition{at.ip4(a.number), at.first()}
	words := sum{opShl, masked(at.network(0, 1), 0xf), constant(2)}
	if k, known := index.(constant); known {
		return indexed{words, uint32(k) + at.network(0, 1).at, size}, needs, nil
	}
	return indexed{sum{opAdd, index, words}, at.network(0, 1).at, size}, needs, nil
}

func (at place) bytesAt(index number, base uint32, size uint8) number {
	if k, ok := index.(constant); ok && uint64(k)+uint64(base) < 1<<32 {
		return field{uint32(k) + base, size}
	}
	return indexed{index, base, size}
}
