package filter

// primitive reads a term that neither joins others nor compares numbers.
func (p *parser) primitive(before head) (condition, head, error) {
	t := p.peek()
	if t.kind == word {
		if cure, ok := refused[t.text]; ok {
			return nil, head{}, fault(t, "%v is not supported: %s", t, cure)
		}
	}
	if p.isValue() {
		if before.what == "" {
			if t.kind == word {
				return nil, head{}, fault(t, `%v is no keyword; write "host", "net", "port" or another before it`, t)
			}
			return nil, head{}, fault(t, `%v says not of what; write "host", "net" or "ether host" before it`, t)
		}
		return p.values(before)
	}
	if c, ok, err := p.special(); ok {
		return c, head{}, err
	}
	h, err := p.head()
	if err != nil {
		return nil, h, err
	}
	if h.what == "" {
		c, err := p.abbreviation(t, h.protocol)
		return c, h, err
	}
	if p.skip("(") != "" {
		c, _, err := p.values(h)
		if err == nil && p.skip(")") == "" {
			err = fault(p.peek(), `%v instead of ")"`, p.peek())
		}
		return c, h, err
	}
	c, err := p.value(h)
	return c, h, err
}

// special reads a term that has a form of its own.
func (p *parser) special() (c condition, ok bool, err error) {
	t := p.peek()
	if t.kind != word {
		return nil, false, nil
	}
	p.at++
	switch t.text {
	case "broadcast":
		return hardwareAddress(destination, broadcast), true, nil
	case "multicast":
		return multicast, true, nil
	case "less":
		n, err := p.number(1<<32 - 1)
		return not{comparison{opGreater, length{}, constant(n)}}, true, err
	case "greater":
		n, err := p.number(1<<32 - 1)
		return comparison{opAtLeast, length{}, constant(n)}, true, err
	case "vlan":
		c, err = p.vlan()
		return c, true, err
	case "iface", "pid", "netns", "cgroup":
		c, err = p.meta(t.text)
		return c, true, err
	}
	p.at--
	return nil, false, nil
}

var (
	broadcast = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	multicast = comparison{opAnySet, field{0, 1}, constant(1)}
)

// vlan is packets with a tag, or one of a number; what follows is about what is behind it.
func (p *parser) vlan() (condition, error) {
	at := p.place
	c := oneOf(at.ether(0x8100), at.ether(0x88a8), at.ether(0x9100))
	if t := p.peek(); t.kind == word && isDigit(t.text[0]) {
		id, err := p.number(4095)
		if err != nil {
			return nil, err
		}
		c = both{c, is(masked(at.network(0, 2), 0xfff), uint32(id))}
	}
	p.place.tags++
	return c, nil
}

// head reads what stands before a value: protocol, direction and what it is.
func (p *parser) head() (h head, err error) {
	t := p.peek()
	if t.kind == word {
		_, abbreviation := abbreviations[t.text]
		if _, ether := etherNames[t.text]; ether || abbreviation || t.text == "ether" {
			h.protocol = t.text
			p.at++
		}
	}
	if h.direction, err = p.direction(); err != nil {
		return h, err
	}
	h.what = p.skip("host", "net", "portrange", "port", "proto")
	switch next := p.peek(); {
	case h.what != "":
	case h.direction != anyDirection:
		h.what = "host"
	case h.protocol == "":
		return h, fault(next, "%v is not expected", next)
	case next.kind == word && refused[next.text] != "":
		return h, fault(next, "%v is not supported: %s", next, refused[next.text])
	}
	return h, nil
}

// direction reads "src", "dst" or both of them.
func (p *parser) direction() (direction, error) {
	first := p.skip("src", "dst")
	if first == "" {
		return anyDirection, nil
	}
	one := source
	if first == "dst" {
		one = destination
	}
	back := p.at
	join := p.skip("and", "or", "&&", "||")
	if second := p.skip("src", "dst"); join != "" && second != "" && second != first {
		if join == "and" || join == "&&" {
			return bothDirections, nil
		}
		return anyDirection, nil
	}
	p.at = back
	return one, nil
}

// abbreviation is all packets of a protocol, or broadcast and multicast ones of it.
func (p *parser) abbreviation(t token, protocol string) (condition, error) {
	at := p.place
	switch cast := p.skip("broadcast", "multicast"); {
	case cast == "multicast" && protocol == "ip":
		return both{at.ether(etherIPv4), comparison{opAtLeast, at.network(16, 1), constant(224)}}, nil
	case cast == "multicast" && protocol == "ip6":
		return both{at.ether(etherIPv6), is(at.network(24, 1), 255)}, nil
	case cast == "multicast" && protocol == "ether":
		return multicast, nil
	case cast == "broadcast" && protocol == "ether":
		return hardwareAddress(destination, broadcast), nil
	case cast == "broadcast" && protocol == "ip":
		return nil, fault(t, `"ip broadcast" is not supported, as it depends on the network's mask: write "dst host" with the address`)
	case cast != "":
		return nil, fault(t, "there is no %s of %v", cast, t)
	}
	if n, ok := etherNames[protocol]; ok {
		return at.ether(n), nil
	}
	if a, ok := abbreviations[protocol]; ok {
		return at.carries(a.number, a.four, a.six), nil
	}
	return nil, fault(p.peek(), `%v instead of "host", "proto", "broadcast" or "multicast"`, p.peek())
}

// carries is packets of one IP or of both that carry a protocol.
func (at place) carries(protocol uint32, four, six bool) condition {
	switch {
	case !six:
		return at.ip4(protocol)
	case !four:
		return at.ip6(protocol)
	}
	return either{at.ip4(protocol), at.ip6(protocol)}
}
