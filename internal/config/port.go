package config

import (
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"golang.org/x/sys/unix"
	"gopkg.in/yaml.v3"
)

// ports returns the range "443" or "8000-8099".
func (d *decoder) ports(n *yaml.Node) stack.PortRange {
	text, ok := d.Word(n)
	if !ok {
		return stack.PortRange{}
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	first, okFirst := parsePort(low)
	last, okLast := parsePort(high)
	switch {
	case !okFirst || !okLast:
		d.Fault(n, "write a port from 1 to 65535 or a range such as 8000-8099", "bad port range %q", text)
	case first > last:
		d.Fault(n, "write "+high+"-"+low, "port range %q ends before it begins", text)
	}
	return stack.PortRange{First: first, Last: last}
}

// parsePort parses a decimal port. Port 0 is refused: no packet has it, and in
// [stack.PortRange] the range 0-0 stands for every port.
func parsePort(text string) (uint16, bool) {
	port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	return uint16(port), err == nil && port != 0
}

// protocols are the names of the IP protocols, by the IANA registry "Assigned
// Internet Protocol Numbers", in the order in which a fault lists them.
var protocols = []struct {
	name   string
	number uint8
}{
	{"tcp", unix.IPPROTO_TCP},
	{"udp", unix.IPPROTO_UDP},
	{"icmp", unix.IPPROTO_ICMP},
	{"icmpv6", unix.IPPROTO_ICMPV6},
	{"sctp", unix.IPPROTO_SCTP},
	{"gre", unix.IPPROTO_GRE},
	{"esp", unix.IPPROTO_ESP},
	{"ipip", unix.IPPROTO_IPIP},
}

// protocol returns the number of a protocol that is given by name or number.
func (d *decoder) protocol(n *yaml.Node) uint8 {
	word, ok := d.Word(n)
	if !ok {
		return 0
	}
	names := make([]string, 0, len(protocols))
	for _, p := range protocols {
		if p.name == word {
			return p.number
		}
		names = append(names, p.name)
	}
	// 0 is the IPv6 hop-by-hop option; in stack.Watch it stands for any.
	if number, err := strconv.ParseUint(word, 10, 8); err == nil && number != 0 {
		return uint8(number)
	}
	d.Fault(n, yamlfile.Suggest(word, append(names, "a number from 1 to 255")), "unknown protocol %q", word)
	return 0
}

func hasPorts(protocol uint8) bool {
	switch protocol {
	case unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP:
		return true
	}
	return false
}

// device returns the name of a network interface, by the rules of
// dev_valid_name() in the kernel's net/core/dev.c. The interface need not exist.
func (d *decoder) device(n *yaml.Node) string {
	name, ok := d.Text(n)
	if !ok {
		return ""
	}
	switch {
	case name == "", name == ".", name == "..", strings.ContainsAny(name, "/: \t\n\v\f\r"):
		d.Fault(n, "", "bad device name %q", name)
	case len(name) >= unix.IFNAMSIZ:
		d.Fault(n, "", "device name %q is longer than %d characters", name, unix.IFNAMSIZ-1)
	}
	return name
}
