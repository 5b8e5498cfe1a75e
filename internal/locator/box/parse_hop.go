package box

import (
	"encoding/hex"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/wire"
)

func (d *scenarioDecoder) hops(n *yaml.Node) (hops []Hop) {
	d.list(n, "hops", func(n *yaml.Node) { hops = append(hops, d.hop(n)) })
	if len(hops) > maxHops {
		d.fault(n, "%d hops are more than %d", len(hops), maxHops)
	}
	if len(hops) > 0 && hops[0].MTU > 0 {
		d.fault(n, "the first link is the host's own and has no mtu here (put a router before it)")
	}
	if len(hops) > 0 && len(hops[len(hops)-1].Routers) > 1 {
		d.fault(n, "the last hop is the destination, which is one")
	}
	if len(n.Content) > 0 {
		d.ends = append(d.ends, n.Content[len(n.Content)-1])
	}
	return hops
}

func (d *scenarioDecoder) hop(n *yaml.Node) (h Hop) {
	known := d.linkKeys(&h)
	for key, decode := range d.answerKeys(&h) {
		known[key] = decode
	}
	for key, decode := range d.quoteKeys(&h) {
		known[key] = decode
	}
	known["router"] = func(n *yaml.Node) {
		d.list(n, "router", func(n *yaml.Node) { h.Routers = append(h.Routers, d.name(n)) })
	}
	known["per_packet"] = d.boolean(&h.PerPacket)
	d.mapping(n, "a hop", known)
	if size := h.Extensions.size(); size > maxExtensions {
		d.fault(n, "extensions of up to %d bytes are more than the %d that an error has room for", size, maxExtensions)
	}
	if len(h.Routers) == 0 && n.Kind == yaml.MappingNode {
		d.fault(n, "the hop has no router")
	}
	return h
}

// name reads the name of an address.
func (d *scenarioDecoder) name(n *yaml.Node) string {
	name := d.text(n, "a name of an address")
	if d.names[name] == nil && name != "" {
		d.names[name] = n
	}
	return name
}

func (d *scenarioDecoder) named(field *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *field = d.name(n) }
}

// linkKeys are of the link before the router.
func (d *scenarioDecoder) linkKeys(h *Hop) keys {
	return keys{
		"delay":  d.duration(&h.Delay),
		"jitter": d.duration(&h.Jitter),
		"loss": func(n *yaml.Node) {
			d.mapping(n, "loss", keys{
				"forward": number(&d.decoder, &h.LossForward, 0, 100),
				"return":  number(&d.decoder, &h.LossReturn, 0, 100),
			})
		},
		"mtu":        number(&d.decoder, &h.MTU, wire.MinMTUv4, 65535),
		"hide_mtu":   d.boolean(&h.HideMTU),
		"black_hole": d.boolean(&h.BlackHole),
	}
}

// answerKeys are of whether, when, and from where a router answers.
func (d *scenarioDecoder) answerKeys(h *Hop) keys {
	return keys{
		"silent": d.boolean(&h.Silent),
		"limit": func(n *yaml.Node) {
			h.Limit = &Limit{}
			d.mapping(n, "limit", keys{
				"every": d.duration(&h.Limit.Every),
				"burst": number(&d.decoder, &h.Limit.Burst, 1, 1000),
			})
			if h.Limit.Every == 0 || h.Limit.Burst == 0 {
				d.fault(n, "a limit needs both every and burst")
			}
		},
		"slow":            d.duration(&h.Slow),
		"duplicates":      number(&d.decoder, &h.Duplicates, 1, 100),
		"source":          d.named(&h.Source),
		"initial_ttl":     number(&d.decoder, &h.Initial, maxHops+1, 255),
		"return_hops":     number(&d.decoder, &h.ReturnHops, 1, maxHops),
		"forward_expired": d.boolean(&h.ForwardExpired),
		"open":            d.boolean(&h.Open),
		"garbage": func(n *yaml.Node) {
			d.list(n, "garbage", func(n *yaml.Node) {
				var g Garbage
				word(&d.decoder, &g, Noise, NoiseMessage, CutQuote, CutPacket, BadChecksum, BadHeader, Stranger)(n)
				h.Garbage = append(h.Garbage, g)
			})
		},
		"reject": func(n *yaml.Node) {
			h.Reject = d.text(n, "a reason")
			if d.rejects[h.Reject] == nil {
				d.rejects[h.Reject] = n
			}
		},
	}
}

// quoteKeys are of what a router quotes and adds.
func (d *scenarioDecoder) quoteKeys(h *Hop) keys {
	return keys{
		"rewrite": func(n *yaml.Node) { h.Rewrite = d.rewrite(n, "rewrite") },
		"restore": word(&d.decoder, &h.Restore, RestoreAddress, RestoreNothing),
		"quote":   number(&d.decoder, &h.Quote, 8, 1500),
		"swapped": d.boolean(&h.Swapped),
		"quoted":  func(n *yaml.Node) { h.Quoted = d.rewrite(n, "quoted") },
		"style": word(&d.decoder, &h.Style, StyleOld, StyleUnsummed, StyleBadChecksum, StyleBadVersion,
			StyleLongObject, StyleShortObject, StyleCutObject, StyleLongQuote),
		"mpls": func(n *yaml.Node) {
			d.list(n, "mpls", func(n *yaml.Node) { h.Extensions.MPLS = append(h.Extensions.MPLS, d.label(n)) })
			if stack := h.Extensions.MPLS; len(stack) > 0 {
				stack[len(stack)-1].Bottom = true
			}
		},
		"interfaces": func(n *yaml.Node) {
			d.list(n, "interfaces", func(n *yaml.Node) {
				h.Extensions.Interfaces = append(h.Extensions.Interfaces, d.iface(n))
			})
		},
		"objects": func(n *yaml.Node) {
			d.list(n, "objects", func(n *yaml.Node) {
				h.Extensions.Objects = append(h.Extensions.Objects, d.object(n))
			})
		},
	}
}

func (d *scenarioDecoder) rewrite(n *yaml.Node, what string) (w Rewrite) {
	d.mapping(n, what, keys{
		"source":           d.named(&w.Source),
		"destination":      d.named(&w.Destination),
		"ttl":              optional(&d.decoder, &w.TTL, 255),
		"tos":              optional(&d.decoder, &w.TOS, 255),
		"source_port":      optional(&d.decoder, &w.SourcePort, 65535),
		"destination_port": optional(&d.decoder, &w.DestinationPort, 65535),
		"checksum":         optional(&d.decoder, &w.Checksum, 65535),
		"id":               optional(&d.decoder, &w.ID, 65535),
		"label":            optional(&d.decoder, &w.Label, 1<<20-1),
		"dont_fragment": func(n *yaml.Node) {
			w.DontFragment = new(bool)
			d.boolean(w.DontFragment)(n)
		},
	})
	return w
}

func (d *scenarioDecoder) label(n *yaml.Node) (l wire.Label) {
	d.mapping(n, "a label", keys{
		"label": number(&d.decoder, &l.Value, 0, 1<<20-1),
		"class": number(&d.decoder, &l.Class, 0, 7),
		"ttl":   number(&d.decoder, &l.TTL, 0, 255),
	})
	return l
}

func (d *scenarioDecoder) iface(n *yaml.Node) (i Interface) {
	d.mapping(n, "an interface", keys{
		"role":    func(n *yaml.Node) { i.Role = d.role(n) },
		"index":   number(&d.decoder, &i.Index, 1, 1<<32-1),
		"address": d.named(&i.Address),
		"name": func(n *yaml.Node) {
			const longest = 63 // RFC 5837 section 4.3
			if i.Name = d.text(n, "a name"); len(i.Name) > longest {
				d.fault(n, "a name has at most %d bytes", longest)
				i.Name = ""
			}
		},
		"mtu": number(&d.decoder, &i.MTU, 1, 1<<32-1),
	})
	return i
}

func (d *scenarioDecoder) role(n *yaml.Node) wire.Role {
	var names []string
	for role := wire.Incoming; role <= wire.NextHop; role++ {
		if role.String() == n.Value {
			return role
		}
		names = append(names, role.String())
	}
	d.fault(n, "unknown role %s (known: %s)", describe(n), strings.Join(names, ", "))
	return 0
}

func (d *scenarioDecoder) object(n *yaml.Node) (o wire.Object) {
	d.mapping(n, "an object", keys{
		"class": number(&d.decoder, &o.Class, 0, 255),
		"type":  number(&d.decoder, &o.Type, 0, 255),
		"payload": func(n *yaml.Node) {
			b, err := hex.DecodeString(d.text(n, "a payload"))
			if err != nil || len(b)%4 != 0 || len(b) > wire.MaxObjectSize {
				d.fault(n, "%q is not up to %d bytes in hexadecimal, four by four", n.Value, wire.MaxObjectSize)
				return
			}
			o.Payload = b
		},
	})
	return o
}
