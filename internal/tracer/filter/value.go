package filter

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// parseNumber reads a number as C does: decimal, hexadecimal or octal.
func parseNumber(text string, highest uint64) (uint64, error) {
	if strings.ContainsAny(text, "_oObB") && !strings.HasPrefix(strings.ToLower(text), "0x") || strings.Contains(text, "_") {
		return 0, errors.New("no number")
	}
	n, err := strconv.ParseUint(text, 0, 64)
	if err == nil && n > highest {
		err = errors.New("too large")
	}
	return n, err
}

func (p *parser) number(highest uint64) (uint64, error) {
	t := p.take()
	n, err := parseNumber(t.text, highest)
	if t.kind != word || err != nil {
		return 0, fault(t, "%v is no number from 0 to %d", t, highest)
	}
	return n, nil
}

// value reads a value of what a head says, or "not" and one.
func (p *parser) value(h head) (condition, error) {
	if p.skip("not", "!") != "" {
		t := p.peek()
		if t.kind == end || !p.isValue() {
			return nil, fault(t, "%v where the value of %q should be", t, h.what)
		}
		c, err := p.value(h)
		return not{c}, err
	}
	t := p.take()
	if t.kind == end || t.kind == sign {
		return nil, fault(t, "%v where the value of %q should be", t, h.what)
	}
	switch h.what {
	case "host", "net":
		return p.hostOrNet(h, t)
	case "port", "portrange":
		return p.portRange(h, t)
	}
	return p.proto(h, t)
}

func (p *parser) hostOrNet(h head, t token) (condition, error) {
	if h.protocol == "ether" || t.kind == hardware {
		mac, err := net.ParseMAC(t.text)
		switch {
		case h.what == "net" || err != nil:
			return nil, fault(t, "%v is no MAC address, which %q needs", t, "ether "+h.what)
		case h.protocol != "ether":
			return nil, fault(t, `%v is a MAC address: write "ether host" before it`, t)
		}
		return hardwareAddress(h.direction, mac), nil
	}
	if _, ok := abbreviations[h.protocol]; ok {
		return nil, fault(t, `"%s %s" is not possible: write "%s and %s %s"`, h.protocol, h.what, h.protocol, h.what, t.text)
	}
	prefix, err := p.prefix(h, t)
	if err != nil {
		return nil, err
	}
	if prefix.Addr().Is6() {
		if h.protocol != "" && h.protocol != "ip6" {
			return nil, fault(t, "%v is an IPv6 address, and not of %s", t, h.protocol)
		}
		return p.place.host6(h.direction, prefix), nil
	}
	switch h.protocol {
	case "ip":
		return p.place.host4(h.direction, prefix), nil
	case "arp", "rarp":
		return p.place.hostARP(etherNames[h.protocol], h.direction, prefix), nil
	case "ip6":
		return nil, fault(t, "%v is an IPv4 address, and not of ip6", t)
	}
	return oneOf(p.place.host4(h.direction, prefix), p.place.hostARP(etherARP, h.direction, prefix),
		p.place.hostARP(etherRARP, h.direction, prefix)), nil
}

// prefix reads an address, or one with a mask.
func (p *parser) prefix(h head, t token) (netip.Prefix, error) {
	a, bits, ok := parseAddress(t)
	if !ok {
		return netip.Prefix{}, fault(t, "%v is no address; names are not looked up", t)
	}
	whole := a.BitLen()
	switch {
	case p.skip("/") != "":
		if h.what != "net" {
			return netip.Prefix{}, fault(t, `a prefix needs "net" instead of "host"`)
		}
		n, err := p.number(uint64(whole))
		if err != nil {
			return netip.Prefix{}, err
		}
		bits = int(n)
	case a.Is4() && h.what == "net" && p.skip("mask") != "":
		m := p.take()
		mask, full, ok := parseAddress(m)
		ones, size := 0, 0
		if ok && mask.Is4() && full == 32 {
			ones, size = net.IPMask(mask.AsSlice()).Size()
		}
		if size == 0 {
			return netip.Prefix{}, fault(m, "%v is no mask of IPv4 that is a prefix", m)
		}
		bits = ones
	}
	prefix := netip.PrefixFrom(a, bits)
	if prefix.Masked() != prefix {
		return netip.Prefix{}, fault(t, "%v has bits that its mask of %d does not have; write %v", t, bits, prefix.Masked().Addr())
	}
	return prefix, nil
}

// parseAddress reads an address, whose last bytes may be left out if it is of IPv4, and returns
// how many bits are there.
func parseAddress(t token) (netip.Addr, int, bool) {
	if t.kind == address {
		a, err := netip.ParseAddr(t.text)
		return a, 128, err == nil && a.Is6()
	}
	parts := strings.Split(t.text, ".")
	if t.kind != word || len(parts) > 4 {
		return netip.Addr{}, 0, false
	}
	var bytes [4]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return netip.Addr{}, 0, false
		}
		bytes[i] = byte(n)
	}
	return netip.AddrFrom4(bytes), 8 * len(parts), true
}

// port reads a port, and which protocols have it.
func (p *parser) port(t token) (port uint32, of Service, err error) {
	if n, err := parseNumber(t.text, 65535); err == nil {
		return uint32(n), Service{uint16(n), true, true}, nil
	}
	if t.text == "" || isDigit(t.text[0]) || p.names.Port == nil {
		return 0, of, fault(t, "%v is no port from 0 to 65535", t)
	}
	if of, err = p.names.Port(t.text); err != nil || !of.TCP && !of.UDP {
		return 0, of, fault(t, "%v is no port, and no service that is known here", t)
	}
	return uint32(of.Port), of, nil
}

// portRange is packets from or to a port or, behind "portrange", one from two.
func (p *parser) portRange(h head, t token) (condition, error) {
	from, to := t.text, t.text
	if low, high, ok := strings.Cut(t.text, "-"); ok && h.what == "portrange" {
		from, to = low, high
	}
	low, of, err := p.port(token{t.kind, from, t.column})
	if err != nil {
		return nil, err
	}
	high, alsoOf, err := p.port(token{t.kind, to, t.column + len(t.text) - len(to)})
	if err != nil {
		return nil, err
	}
	of.TCP, of.UDP = of.TCP && alsoOf.TCP, of.UDP && alsoOf.UDP
	return p.ports(h, t, of, min(low, high), max(low, high))
}

// ports is packets from or to ports, of one protocol or all that have them.
func (p *parser) ports(h head, t token, of Service, low, high uint32) (condition, error) {
	protocols := map[string][]uint32{"tcp": {ipTCP}, "udp": {ipUDP}, "sctp": {ipSCTP}, "": {ipTCP, ipUDP, ipSCTP}}[h.protocol]
	switch {
	case protocols == nil:
		return nil, fault(t, "%s has no ports: tcp, udp and sctp have", h.protocol)
	case of.TCP && of.UDP:
	case h.protocol == "":
		protocols = []uint32{ipTCP}
		if of.UDP {
			protocols = []uint32{ipUDP}
		}
	case h.protocol == "sctp" || h.protocol == "tcp" && !of.TCP || h.protocol == "udp" && !of.UDP:
		return nil, fault(t, "%v is no service of %s", t, h.protocol)
	}
	var some []condition
	for _, protocol := range protocols {
		some = append(some, p.place.ports(protocol, h.direction, low, high))
	}
	return oneOf(some...), nil
}

// proto is packets that carry a protocol, by name or number.
func (p *parser) proto(h head, t token) (condition, error) {
	if h.direction != anyDirection {
		return nil, fault(t, "a protocol has no direction")
	}
	if h.protocol == "ether" {
		n, ok := etherNames[t.text]
		if !ok {
			m, err := parseNumber(t.text, 65535)
			if err != nil || m < 1536 {
				return nil, fault(t, "%v is no protocol of Ethernet: a number from 1536 to 65535, or ip, ip6, arp, rarp", t)
			}
			n = uint32(m)
		}
		return p.place.ether(n), nil
	}
	n := abbreviations[t.text].number
	if n == 0 {
		m, err := parseNumber(t.text, 255)
		if err != nil {
			return nil, fault(t, "%v is no protocol of IP: a number from 0 to 255, or a name such as tcp", t)
		}
		n = uint32(m)
	}
	switch h.protocol {
	case "ip":
		return p.place.ip4(n), nil
	case "ip6":
		return p.place.ip6(n), nil
	case "":
		return p.place.carries(n, true, true), nil
	}
	return nil, fault(t, "%s carries no protocols that have numbers", h.protocol)
}
