package policy

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/guarder/flood"
	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A SYNCookie says when a rule answers SYNs in the kernel's place, with cookies of the
// kernel. Its action is [Drop], as what it answers does not arrive, and its match holds
// for nothing but segments to this host that may open a connection: SYNs, and those with
// an ACK. While there is a flood, it drops ACKs to a listener that have no cookie.
type SYNCookie struct {
	// Rates are those of the SYNs that the rule matches, of all sources together.
	Rates flood.Hysteresis
}

// String returns "on above 20k/s, off below 10k/s".
func (c *SYNCookie) String() string {
	return fmt.Sprintf("on above %d/s, off below %d/s", c.Rates.On, c.Rates.Off)
}

// Flags of TCP.
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// opening is what a rule that answers SYNs is about: what opens a connection to this
// host. A kernel that forwards listens to none of the addresses behind it.
var opening = All{
	Own{Of: Destination},
	Any{
		Bits{Of: TCPFlags, All: flagSYN, None: flagACK | flagRST | flagFIN},
		Bits{Of: TCPFlags, All: flagACK, None: flagSYN | flagRST},
	},
}

// IsSYN reports whether a packet asks for a connection.
func IsSYN(p *packet.Packet) bool {
	return p.Protocol == packet.TCP && p.HasPorts && p.Flags&(flagSYN|flagACK) == flagSYN
}

// maxSYNs is the most SYNs per second that a rule can count.
const maxSYNs = 1e9

// synCookieOf reads when a rule answers SYNs.
func (r *reader) synCookieOf(rule *Rule, n *yaml.Node) {
	c := rule.SYNCookie
	if c == nil {
		if rule.Action < 254 {
			r.fault(n, wrongAction, "have action: syncookie", "a rule with action %v answers no SYNs", rule.Action)
		}
		return
	}
	if rule.Limit != nil {
		r.fault(n, wrongAction, "have two rules", "a rule that answers SYNs has no limit")
	}
	faults := len(r.faults)
	r.mapping(n, "syncookie", r.synCookieFields(c))
	if n.Kind != yaml.MappingNode || Failed(r.faults[faults:]) {
		return
	}
	switch {
	case !has(n, "on_above"):
		r.fault(n, missingKey, "add on_above:", "syncookie has no on_above")
	case !has(n, "off_below"):
		c.Rates.Off = (c.Rates.On + 1) / 2
	case c.Rates.Off > c.Rates.On:
		r.fault(n, outOfRange, "have a lower rate", "off_below: %d/s is above on_above, %d/s", c.Rates.Off, c.Rates.On)
	}
}

func (r *reader) synCookieFields(c *SYNCookie) []field {
	perSecond := func(what string, to *uint64) func(*yaml.Node) {
		return func(n *yaml.Node) {
			faults := len(r.faults)
			rate := r.rate(n, what)
			if len(r.faults) == faults && (rate < 1 || rate > maxSYNs) {
				r.fault(n, outOfRange, "", "%s: want from 1/s to 1000M/s, as SYNs are counted by the second", what)
			}
			*to = uint64(rate)
		}
	}
	return []field{
		{"on_above", "The first SYN beyond so many in a second is answered with a cookie, and those behind it.", plain("string"), perSecond("on_above", &c.Rates.On)},
		{"off_below", "After a second with fewer SYNs they are left to the kernel again; without it, half of on_above.", plain("string"), perSecond("off_below", &c.Rates.Off)},
	}
}

// answers tells whether a rule that answers SYNs does so, or drops the packet, which
// is then an ACK of no connection and without a cookie.
func (s *States) answers(r *Rule, p *packet.Packet, env *Env) bool {
	f := s.floods[r.ID()]
	if f == nil {
		f = &flood.Flood{}
		if s.floods == nil {
			s.floods = make(map[uint64]*flood.Flood)
		}
		s.floods[r.ID()] = f
	}
	now := env.nanoseconds()
	switch {
	case !IsSYN(p):
		return f.Active(now) && env.Truth(Outer, p).State == SocketListen
	case !f.Packet(now, r.SYNCookie.Rates):
		return false
	case r.Mode == Audit:
		return env.Truth(Outer, p).State == SocketListen
	}
	return env.Cookie != nil && env.Cookie(p)
}

// Answers reports whether what the rule does with a packet that it drops is to answer it.
func (r *Rule) Answers(p *packet.Packet) bool { return r.SYNCookie != nil && IsSYN(p) }

// withinText says why the state of a rule has it do nothing.
func (r *Rule) withinText() string {
	if r.SYNCookie != nil {
		return "there is no flood (" + r.SYNCookie.String() + "), or the kernel has room"
	}
	return "it is within its limit: " + r.Limit.String()
}

// ratesOfSYNs has the schema of a rule ask for the rates of a rule that answers SYNs.
func ratesOfSYNs(rule shape) shape {
	rule["if"] = shape{"properties": shape{"action": shape{"const": "syncookie"}}, "required": []string{"action"}}
	rule["then"] = shape{"required": []string{"syncookie"}}
	return rule
}
