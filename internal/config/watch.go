package config

import (
	"fmt"
	"net/netip"
	"regexp"

	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"golang.org/x/sys/unix"
	"gopkg.in/yaml.v3"
)

// maxWatchName is the longest name of a watch, that of a DNS label.
const maxWatchName = 63

var watchName = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)

// otherLabel is the label value that takes what does not fit under the series
// limit.
const otherLabel = "other"

func decodeWatches(d *decoder, n *yaml.Node) []stack.Watch {
	var watches []stack.Watch
	first := map[string]int{}
	for i, element := range d.Sequence(n, "watches") {
		if i == stack.MaxWatches {
			d.Fault(element, "join some by a shorter prefix or a port range", "more than %d watches", stack.MaxWatches)
		}
		watches = append(watches, decodeWatch(d, element, first))
	}
	return watches
}

// watchNodes remembers where the parts of a watch stand, for the checks that
// compare two of them.
type watchNodes struct {
	name, prefix, peerPrefix, ports, peerPorts, protocol *yaml.Node
}

// decodeWatch decodes one watch; first holds the line of each name seen so far.
func decodeWatch(d *decoder, n *yaml.Node, first map[string]int) stack.Watch {
	var (
		watch stack.Watch
		at    watchNodes
		found = d.Found()
	)
	if yamlfile.IsNull(n) {
		d.Fault(n, "remove the \"-\"", "empty watch")
		return watch
	}
	d.Mapping(n, "a watch", yamlfile.Keys{
		"name":        func(n *yaml.Node) { at.name, watch.Name = n, d.watchName(n, first) },
		"prefix":      func(n *yaml.Node) { at.prefix, watch.Prefix = n, d.prefix(n) },
		"peer_prefix": func(n *yaml.Node) { at.peerPrefix, watch.PeerPrefix = n, d.prefix(n) },
		"ports":       func(n *yaml.Node) { at.ports, watch.Ports = n, d.ports(n) },
		"peer_ports":  func(n *yaml.Node) { at.peerPorts, watch.PeerPorts = n, d.ports(n) },
		"protocol":    func(n *yaml.Node) { at.protocol, watch.Protocol = n, d.protocol(n) },
		"device":      func(n *yaml.Node) { watch.Device = d.device(n) },
	})
	if n.Kind == yaml.MappingNode && at.name == nil {
		d.Fault(n, "it becomes the label value", "watch without a name")
	}
	// A part that is wrong in itself says nothing about the others.
	if d.Found() == found {
		d.checkWatch(watch, at)
	}
	return watch
}

// checkWatch records what cannot be true of one packet.
func (d *decoder) checkWatch(watch stack.Watch, at watchNodes) {
	family, familyAt := watch.Prefix, at.prefix
	if !family.IsValid() {
		family, familyAt = watch.PeerPrefix, at.peerPrefix
	}
	if at.prefix != nil && at.peerPrefix != nil && watch.Prefix.Addr().Is4() != watch.PeerPrefix.Addr().Is4() {
		d.Fault(at.peerPrefix, "make one watch for IPv4 and one for IPv6",
			"peer_prefix %v and prefix %v are of different IP families", watch.PeerPrefix, watch.Prefix)
	}
	if familyAt != nil && at.protocol != nil {
		switch {
		case watch.Protocol == unix.IPPROTO_ICMP && !family.Addr().Is4():
			d.Fault(at.protocol, "use icmpv6", "protocol icmp does not go with the IPv6 prefix %v", family)
		case watch.Protocol == unix.IPPROTO_ICMPV6 && family.Addr().Is4():
			d.Fault(at.protocol, "use icmp", "protocol icmpv6 does not go with the IPv4 prefix %v", family)
		}
	}
	if at.protocol != nil && !hasPorts(watch.Protocol) {
		for _, ports := range []*yaml.Node{at.ports, at.peerPorts} {
			if ports != nil {
				d.Fault(ports, "remove the ports, or use tcp, udp or sctp",
					"protocol %s has no ports", at.protocol.Value)
			}
		}
	}
}

// watchName returns a usable label value that no earlier watch has.
func (d *decoder) watchName(n *yaml.Node, first map[string]int) string {
	name, ok := d.Text(n)
	if !ok {
		return ""
	}
	switch line, taken := first[name]; {
	case taken:
		d.Fault(n, "", "duplicate watch name %q, first on line %d", name, line)
	case !watchName.MatchString(name):
		d.Fault(n, "use letters, digits, _ . and -", "bad watch name %q", name)
	case len(name) > maxWatchName:
		d.Fault(n, "", "watch name of %d characters: at most %d are allowed", len(name), maxWatchName)
	case name == otherLabel:
		d.Fault(n, "", "watch name %q is taken by what exceeds the series limit", name)
	}
	if _, taken := first[name]; !taken {
		first[name] = n.Line
	}
	return name
}

// prefix returns an address range; a single address is a range of one.
func (d *decoder) prefix(n *yaml.Node) netip.Prefix {
	text, ok := d.Text(n)
	if !ok {
		return netip.Prefix{}
	}
	prefix, err := netip.ParsePrefix(text)
	if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
		prefix, err = netip.PrefixFrom(addr.WithZone(""), addr.BitLen()), nil
		if addr.Zone() != "" {
			d.Fault(n, fmt.Sprintf("write %v and device: %s", addr.WithZone(""), addr.Zone()), "address %q has a zone", text)
		}
	}
	switch {
	case err != nil:
		d.Fault(n, "write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32",
			"bad prefix %q", text)
	case prefix.Addr().Is4In6():
		d.Fault(n, "write it as IPv4", "prefix %q is an IPv4 address inside IPv6", text)
	case prefix != prefix.Masked():
		d.Fault(n, fmt.Sprintf("write %v", prefix.Masked()), "prefix %q has bits set behind its length", text)
	}
	return prefix
}
