package config

import (
	"net/netip"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/target"
	"github.com/packetscope/packetscope/internal/wire"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

func decodeDestinations(d *decoder, n *yaml.Node) {
	for _, element := range d.Sequence(n, "locator.destinations") {
		found := d.Found()
		dest := d.destination(element)
		if d.Found() > found {
			continue
		}
		if message, cure := d.destinations.add(dest, place{d.File(), element.Line}); message != "" {
			d.Fault(element, cure, "%s", message)
		}
	}
}

// destination decodes the short form, which is an address, or the long one.
func (d *decoder) destination(n *yaml.Node) locator.Destination {
	switch {
	case yamlfile.IsNull(n):
		d.Fault(n, "remove the \"-\"", "empty destination")
		return locator.Destination{}
	case n.Kind == yaml.ScalarNode:
		return d.address(n)
	case n.Kind == yaml.SequenceNode:
		d.Fault(n, `quote an address in brackets: "[2001:db8::1]:443"`, "a destination must be an address or a mapping, not a list")
		return locator.Destination{}
	}
	var (
		dest            locator.Destination
		name            string
		address, family *yaml.Node
		families        = []string{"any", "ipv4", "ipv6"}
	)
	d.Mapping(n, "a destination", yamlfile.Keys{
		"name":    func(n *yaml.Node) { name = d.destinationName(n) },
		"address": func(n *yaml.Node) { address, dest = n, d.address(n) },
		"family":  func(n *yaml.Node) { family = n },
	})
	if n.Kind == yaml.MappingNode && address == nil {
		d.Fault(n, "such as address: tcp://example.com:443", "destination without an address")
	}
	if family != nil {
		dest.Family = []int{0, 4, 6}[d.Choice(family, "family", families...)]
		d.checkFamily(family, dest)
	}
	if name != "" {
		dest.Name = name
	}
	return dest
}

// address decodes a destination that is named by its host.
func (d *decoder) address(n *yaml.Node) locator.Destination {
	text, ok := d.Text(n)
	if !ok {
		return locator.Destination{}
	}
	t, err := target.Parse(text, wire.ICMP)
	if err != nil {
		d.Fault(n, "", "%v", err) // with its cure
	}
	return named(t)
}

// named returns the destination of a target, which is named by its host.
func named(t target.Target) locator.Destination {
	return locator.Destination{Name: t.Host, Host: t.Host, Protocol: t.Protocol, Port: t.Port}
}

// destinationName returns a usable label value.
func (d *decoder) destinationName(n *yaml.Node) string {
	name, ok := d.Text(n)
	switch {
	case !ok:
		return ""
	case !watchName.MatchString(name):
		d.Fault(n, "use letters, digits, _ . and -", "bad destination name %q", name)
	case len(name) > maxWatchName:
		d.Fault(n, "", "destination name of %d characters: at most %d are allowed", len(name), maxWatchName)
	}
	return name
}

// checkFamily records an address that is not of the family.
func (d *decoder) checkFamily(n *yaml.Node, dest locator.Destination) {
	addr, err := netip.ParseAddr(dest.Host)
	if err != nil || dest.Family == 0 || addr.Is4() == (dest.Family == 4) {
		return
	}
	d.Fault(n, "remove the family", "address %v is not of family %s", addr, n.Value)
}
