package policy

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A namedSet is a set of one of the types, as it stands under "sets:".
type namedSet struct {
	name, kind string
	at         *yaml.Node
	file       string
	until      time.Time // of the file
	prefixes   []netip.Prefix
	ports      []Range
	bindings   map[netip.Addr][][6]byte
	learn      bool
	open       map[netip.Addr]*yaml.Node // addresses whose MAC address is to be learnt
	used       bool
}

var setKinds = []string{"prefix", "port", "ip-mac"}

// sets reads the sets of a file, before all rules of all files.
func (r *reader) sets(root *yaml.Node) {
	if root.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if value := resolve(root.Content[i+1]); root.Content[i].Value == "sets" && !isNull(value) {
			for key, value := range r.entries(value, "sets") {
				r.set(key, value)
			}
			return // a second key of that name is a fault of its own
		}
	}
}

func (r *reader) set(key, value *yaml.Node) {
	r.in = key.Value
	defer func() { r.in = "" }()
	name := r.name(key, "set")
	if name == "" {
		return
	}
	if old := r.named[name]; old != nil {
		r.fault(key, duplicate, "", "set %q is already at %v", name, Position{old.file, old.at.Line, old.at.Column})
		return
	}
	s := &namedSet{name: name, at: key, file: r.file, until: r.until, bindings: map[netip.Addr][][6]byte{}, open: map[netip.Addr]*yaml.Node{}}
	r.named[name] = s
	if !r.until.IsZero() {
		r.policy.setEnds[name] = r.until
	}
	faults := len(r.faults)
	r.mapping(value, "a set", r.setFields(s))
	if len(r.faults) == faults && s.kind == "" {
		r.fault(key, missingKey, "have "+strings.Join(setKinds, ", "), "set has no type")
	}
	if len(r.faults) == faults {
		r.learns(key, s)
	}
	s.prefixes = merged(s.prefixes)
	r.policy.Entries[name] = s.entries()
	if s.empty() && len(r.faults) == faults {
		r.fault(key, inertSet, "", "set %q is empty; rules that need it never match", name)
	}
	switch s.kind {
	case "prefix":
		if len(s.prefixes) >= LargeSet {
			r.policy.Sets[name] = &Set{Name: name, Prefixes: s.prefixes, At: r.position(key)}
		}
	case "ip-mac":
		r.policy.Bindings[name] = &BindingSet{Name: name, MACs: s.bindings, Learn: s.learn, Open: slices.SortedFunc(maps.Keys(s.open), netip.Addr.Compare), At: r.position(key)}
	}
}

// haveFeed is said of keys that are about lists that others keep.
const haveFeed = "a list that others keep, and that is fetched again, is an entry of feeds:"

// learns takes note of addresses without a MAC address, which only a set that learns has.
func (r *reader) learns(key *yaml.Node, s *namedSet) {
	if s.learn && s.kind != "ip-mac" {
		r.fault(key, wrongType, "only ip-mac has it", "a set of type %s learns nothing", s.kind)
	}
	for ip, at := range s.open {
		switch _, pinned := s.bindings[ip]; {
		case pinned:
			delete(s.open, ip)
		case !s.learn:
			r.fault(at, missingKey, "add mac: or learn: true to the set", "%v has no mac", ip)
		}
	}
}

func (s *namedSet) entries() int {
	return len(s.prefixes) + len(s.ports) + len(s.bindings) + len(s.open)
}

// empty tells that nothing can ever be in a set.
func (s *namedSet) empty() bool { return s.entries() == 0 && !s.learn }

// addresses returns those that a set of pairs names.
func (s *namedSet) addresses() (all []netip.Prefix) {
	for ip := range s.bindings {
		all = append(all, netip.PrefixFrom(ip, ip.BitLen()))
	}
	for ip := range s.open {
		all = append(all, netip.PrefixFrom(ip, ip.BitLen()))
	}
	return all
}

func (r *reader) setFields(s *namedSet) []field {
	return []field{
		{"type", "What the entries are: addresses and prefixes, ports, or the MAC addresses that IP addresses may have.", words(setKinds...), func(n *yaml.Node) {
			if i := r.word(n, "type", setKinds, "mac"); i >= 0 {
				s.kind = setKinds[i]
			}
		}},
		{"entries", "The entries: prefixes, ports (22, 8000-8099), or mappings {ip, mac}.", shape{"type": "array", "items": shape{"anyOf": []shape{textShape(), refer("pair")}}}, func(n *yaml.Node) { r.setEntries(n, s) }},
		{"file", "A text file with one prefix per line; what follows # or ; is a comment. Its path is relative to this file.", plain("string"), func(n *yaml.Node) { r.setFile(n, s) }},
		{name: "source", doc: haveFeed}, {name: "refresh", doc: haveFeed}, {name: "max_entries", doc: haveFeed},
		{name: "widest_prefix", doc: haveFeed}, {name: "stale_after", doc: haveFeed}, {name: "on_error", doc: haveFeed},
		{name: "subtract"},
		{"learn", "Whether the agent learns the MAC addresses of the default gateways, and of entries without mac, from the kernel, and then locks them. For sets of type ip-mac.", plain("boolean"), func(n *yaml.Node) {
			if yes, ok := r.boolean(n); ok {
				s.learn = yes
			}
		}},
	}
}

func (r *reader) setEntries(n *yaml.Node, s *namedSet) {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		return // warned of as an empty set
	}
	for _, entry := range r.sequence(n, "entries") {
		switch s.kind {
		case "prefix":
			if text, ok := r.text(entry); ok {
				if p, ok := r.prefix(entry, text); ok {
					s.prefixes = append(s.prefixes, p)
				}
			}
		case "port":
			s.ports = append(s.ports, r.ranges(entry, "port", 0, 65535)...)
		case "ip-mac":
			r.binding(entry, s)
		}
	}
}

func (r *reader) binding(n *yaml.Node, s *namedSet) {
	var ip netip.Addr
	var macs [][6]byte
	r.mapping(n, "an entry", r.bindingFields(&ip, &macs))
	switch {
	case ip.IsValid() && macs != nil:
		s.bindings[ip] = append(s.bindings[ip], macs...)
	case ip.IsValid():
		s.open[ip] = n
	}
}

func (r *reader) bindingFields(ip *netip.Addr, macs *[][6]byte) []field {
	return []field{
		{"ip", "An address.", plain("string"), func(n *yaml.Node) {
			text, _ := r.text(n)
			if p, ok := r.prefix(n, text); ok && p.IsSingleIP() {
				*ip = p.Addr()
			} else if ok {
				r.fault(n, badAddress, "name one address", "%s is no single address", text)
			}
		}},
		{"mac", "The MAC addresses that it may have. A set that learns finds the one that it has.", severalOf(plain("string")), func(n *yaml.Node) {
			for _, e := range r.oneOrMany(n, "mac") {
				text, _ := r.text(e)
				mac, err := net.ParseMAC(text)
				if err != nil || len(mac) != 6 {
					r.fault(e, badAddress, "want 6 bytes such as 52:54:00:aa:bb:cc", "bad MAC address %q", text)
					continue
				}
				*macs = append(*macs, [6]byte(mac))
			}
		}},
	}
}

// use returns a set of one of the types that a rule names, or nil with a fault recorded.
func (r *reader) use(n *yaml.Node, kinds ...string) *namedSet {
	name, ok := r.text(n)
	if !ok {
		return nil
	}
	s := r.named[name]
	switch {
	case s == nil:
		r.fault(n, missingSet, suggest(name, known(r.named)), "there is no set %q", name)
		return nil
	case !s.until.IsZero() && s.file != r.file:
		r.fault(n, missingSet, "put the set in a file without until", "set %q is of a temporary file, and no other can use it", name)
		return nil
	case !slices.Contains(kinds, s.kind) && s.kind != "":
		r.fault(n, missingSet, "", "set %q is of type %s, not %s", name, s.kind, strings.Join(kinds, " or "))
		return nil
	}
	s.used = true
	r.usesEmpty = r.usesEmpty || s.empty()
	return s
}

// unusedSets warns of sets that no rule names.
func (l *loader) unusedSets() {
	for _, name := range known(l.named) {
		if s := l.named[name]; !s.used && s.kind != "" {
			r := reader{loader: l, file: s.file, in: name}
			r.fault(s.at, inertSet, "remove it, or name it in a rule", "set %q is not used by any rule", name)
		}
	}
}
