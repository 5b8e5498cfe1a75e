package config

import (
	"bytes"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// A Storm is when so many episodes are open that one summary says more.
type Storm struct {
	// Episodes are how many that is, Asked of how many of them models are asked.
	Episodes, Asked int
}

func (d *decoder) storm(n *yaml.Node, s *Storm) {
	d.Mapping(n, "storm", yamlfile.Keys{
		"episodes": func(n *yaml.Node) { s.Episodes = d.Integer(n, 2, 10_000) },
		"asked":    func(n *yaml.Node) { s.Asked = d.Integer(n, 1, 100) },
	})
}

// Suggest says which rules may be proposed.
type Suggest struct {
	Enabled bool
	// MaxTTL is how long a rule may live, MaxOpen how many proposals may wait.
	MaxTTL  time.Duration
	MaxOpen int
	// IPv4Bits and IPv6Bits are the shortest prefixes of a source.
	IPv4Bits, IPv6Bits int
	// Protected are never in a rule. [Load] has put those of the file into it, [Parse] has
	// not.
	Protected []netip.Prefix
}

func (d *decoder) suggest(n *yaml.Node, s *Suggest) {
	d.Mapping(n, "suggest", yamlfile.Keys{
		"enabled":  func(n *yaml.Node) { s.Enabled = d.Boolean(n) },
		"max_ttl":  func(n *yaml.Node) { s.MaxTTL = d.Duration(n, time.Minute, 7*24*time.Hour) },
		"max_open": func(n *yaml.Node) { s.MaxOpen = d.Integer(n, 1, 1000) },
		"min_prefix": func(n *yaml.Node) {
			d.Mapping(n, "suggest.min_prefix", yamlfile.Keys{
				"ipv4": func(n *yaml.Node) { s.IPv4Bits = d.Integer(n, 8, 32) },
				"ipv6": func(n *yaml.Node) { s.IPv6Bits = d.Integer(n, 16, 128) },
			})
		},
		"protected": func(n *yaml.Node) {
			for _, element := range d.Sequence(n, "suggest.protected") {
				if text, ok := d.Text(element); ok {
					prefix, message, cure := network(text)
					if message != "" {
						d.Fault(element, cure, "%s", message)
						continue
					}
					s.Protected = append(s.Protected, prefix)
				}
			}
		},
		"protected_file": func(n *yaml.Node) {
			if path := d.Path(n); path != "" {
				d.reads = append(d.reads, func() { s.Protected = append(s.Protected, d.networks(path)...) })
			}
		},
	})
}

// network returns an address range; a single address is one of one. It returns what is
// wrong with the text and a cure, or "".
func network(text string) (prefix netip.Prefix, message, cure string) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	} else if prefix, err = netip.ParsePrefix(text); err != nil {
		return prefix, "bad network " + strconv.Quote(text), "write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32"
	}
	switch {
	case prefix.Addr().Is4In6():
		return prefix, "network " + strconv.Quote(text) + " is of IPv4 inside IPv6", "write it as IPv4"
	case prefix != prefix.Masked():
		return prefix, "network " + strconv.Quote(text) + " has bits set behind its length", "write " + prefix.Masked().String()
	}
	return prefix, "", ""
}

// networks reads a file with one network a line.
func (d *decoder) networks(path string) (all []netip.Prefix) {
	data, err := os.ReadFile(path)
	if err != nil {
		d.Unreadable(path, err)
		return nil
	}
	var faults []yamlfile.Fault
	for i, line := range bytes.Split(data, []byte("\n")) {
		code, _, _ := strings.Cut(string(line), "#")
		text := strings.TrimSpace(code)
		if text == "" {
			continue
		}
		prefix, message, cure := network(text)
		if message != "" {
			faults = append(faults, yamlfile.Fault{Line: i + 1, Column: 1 + strings.Index(code, text), Message: message, Cure: cure})
			continue
		}
		all = append(all, prefix)
	}
	if faults != nil {
		d.Join(&yamlfile.Error{File: path, Faults: faults})
	}
	return all
}
