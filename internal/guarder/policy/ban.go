package policy

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A Banning says that a rule has the sources banned that it drops packets of.
type Banning struct {
	// After is how many packets of a source the rule may drop within Per before the source
	// is banned; 0 bans it with the first. The next ones may come as fast as that, or
	// that many at once.
	After float64
	Per   time.Duration
	// TTL is how long the first ban is. Each further one is Factor times as long, until Max.
	TTL    time.Duration
	Factor float64
	Max    time.Duration
	// Bits4 and Bits6 are how long the prefix is that is banned with the source.
	Bits4, Bits6 int
	// Renew has a ban end TTL after the last packet of the source.
	Renew bool
	// Spoofable accepts that sources may be banned that others forge.
	Spoofable bool
}

// String returns what becomes of a source, such as "bans its source for 10m after 5 packets
// in 1m".
func (b *Banning) String() string {
	text := "bans its source for " + model.Duration(b.TTL).String()
	if b.Bits4 != banDefaults.Bits4 || b.Bits6 != banDefaults.Bits6 {
		text = fmt.Sprintf("bans the /%d of its source (ipv6: /%d) for %s", b.Bits4, b.Bits6, model.Duration(b.TTL))
	}
	if b.After > 0 {
		text += fmt.Sprintf(" after %.6g packets in %s", b.After, model.Duration(b.Per))
	}
	return text
}

// Limits of what may be asked for.
const (
	leastBan, mostBan = time.Second, 366 * 24 * time.Hour
	// The widest prefixes that a rule bans with a source.
	widestBan4, widestBan6 = 16, 32
)

// banDefaults ban an address of IPv4, and of IPv6 what a subscriber has at least.
var banDefaults = Banning{Bits4: 32, Bits6: 64}

func (r *reader) banning(n *yaml.Node) *Banning {
	b := banDefaults
	faults := len(r.faults)
	r.mapping(n, "ban", r.banFields(&b))
	switch {
	case len(r.faults) > faults || n.Kind != yaml.MappingNode:
	case b.TTL == 0:
		r.fault(n, missingKey, "add ttl: 10m", "the ban has no ttl")
	case b.Max != 0 && b.Max < b.TTL:
		r.fault(n, outOfRange, "", "max is below ttl")
	}
	return &b
}

func (r *reader) banFields(b *Banning) []field {
	return []field{
		{"key", "Who is banned: src, the source of the packet.", words("src"), func(n *yaml.Node) { r.word(n, "key", []string{"src"}) }},
		{"after", "How many packets of a source the rule may drop, such as 100/s, before the source is banned; without it the first one is enough.", plain("string"), func(n *yaml.Node) { b.After, b.Per = r.amount(n, "after") }},
		{"ttl", "How long the first ban is.", plain("string"), func(n *yaml.Node) { b.TTL = r.banTime(n, "ttl") }},
		{"grow", "How much longer each further ban is.", refer("grow"), func(n *yaml.Node) {
			faults := len(r.faults)
			r.mapping(n, "grow", r.growFields(b))
			if len(r.faults) == faults && n.Kind == yaml.MappingNode && (b.Factor == 0 || b.Max == 0) {
				r.fault(n, missingKey, "have factor: and max:", "grow is incomplete")
			}
		}},
		{"prefix", "How many bits of the source are banned: 32 of IPv4 and 64 of IPv6, unless said otherwise.", refer("ban_prefix"), func(n *yaml.Node) { r.mapping(n, "prefix", r.banPrefixFields(b)) }},
		{"renew_while_active", "The ban ends ttl after the last packet of the source.", plain("boolean"), func(n *yaml.Node) { b.Renew, _ = r.boolean(n) }},
		{"spoofable", "accept: sources may be banned that others forge. Whoever can send such packets then decides who is banned.", words("accept"), func(n *yaml.Node) { b.Spoofable = r.word(n, "word", []string{"accept"}) == 0 }},
	}
}

func (r *reader) growFields(b *Banning) []field {
	return []field{
		{"factor", "How many times as long as the one before each ban is, from 1 to 100.", plain("number"), func(n *yaml.Node) {
			f, err := strconv.ParseFloat(n.Value, 64)
			if n.Kind != yaml.ScalarNode || err != nil || !(f >= 1 && f <= 100) {
				r.fault(n, badQuantity, "", "factor: want a number from 1 to 100, not %s", describe(n))
				return
			}
			b.Factor = f
		}},
		{"max", "How long a ban is at most, and for how long it is remembered after its end.", plain("string"), func(n *yaml.Node) { b.Max = r.banTime(n, "max") }},
	}
}

func (r *reader) banPrefixFields(b *Banning) []field {
	bits := func(to *int, what string, least, most uint32) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if value, ok := r.number(n, what, least, most); ok {
				*to = int(value)
			}
		}
	}
	return []field{
		{"ipv4", "Bits of an IPv4 address, from 16 to 32.", plain("integer"), bits(&b.Bits4, "ipv4", widestBan4, 32)},
		{"ipv6", "Bits of an IPv6 address, from 32 to 128.", plain("integer"), bits(&b.Bits6, "ipv6", widestBan6, 128)},
	}
}

// banTime reads how long a ban may be.
func (r *reader) banTime(n *yaml.Node, what string) time.Duration {
	faults := len(r.faults)
	d := r.duration(n, what)
	if len(r.faults) == faults && (d < leastBan || d > mostBan) {
		r.fault(n, outOfRange, "", "%s %s: want a time from 1s to 366d", what, n.Value)
	}
	return d
}

// amount reads how many within which time: 100/s is 100, and a second.
func (r *reader) amount(n *yaml.Node, what string) (float64, time.Duration) {
	rate := r.rate(n, what)
	if rate == 0 {
		return 0, 0
	}
	per := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[n.Value[len(n.Value)-1]]
	return max(rate*per.Seconds(), 1), per
}

// checkBan refuses bans of sources that somebody may have forged.
func (l *loader) checkBan(rules []checked) {
	for _, r := range rules {
		if r.Ban == nil || r.Ban.Spoofable {
			continue
		}
		if !r.known {
			l.about(r.Rule, spoofableBan, "split it, or set ban.spoofable: accept", "the rule is too complex to tell whether the sources that it bans can be forged")
			continue
		}
		for _, c := range r.cubes {
			if why := c.forgeable(); why != "" {
				l.about(r.Rule, spoofableBan, "match TCP with socket: {is: established} and seq: next, or set ban.spoofable: accept", "bans sources that can be forged: %s", why)
				break
			}
		}
	}
}

// forgeable says why a packet of the cube may have a source that did not send it, or "". Who
// does not see the packets of a connection does not know its sequence numbers; that there
// is a connection can be guessed. So can a number in its window: with one of 64 KiB, one
// packet of 65,000 has such a number, and with one of 6 MiB one of 700. The number that
// comes next is one of 2^32.
func (c cube) forgeable() string {
	if !c.kind.within(tcpKinds) {
		return "anybody can send what is not TCP in their name"
	}
	connected, awaited := false, false
	for _, t := range c.tests {
		switch leaf := t.leaf.(type) {
		case Socket:
			connected = connected || t.want && leaf == Socket{Outer, SocketEstablished}
		case Sequence:
			awaited = awaited || t.want && leaf == Sequence{Outer, NextInWindow}
		}
	}
	switch {
	case !connected:
		return "the packet need not be of an established connection"
	case !awaited:
		return "the packet need not have the next sequence number, which only the peer knows"
	}
	return ""
}

// A Banned is whether somebody is banned.
type Banned struct {
	// Enforced tells that there is a ban, and Audited that there would be one.
	Enforced, Audited bool
}

// A BanVerdict is what a ban did to a packet.
type BanVerdict uint8

// What it does. A ban by itself drops; one that would, or that did not as the packet is
// kept, is as that of an audited feed, or a feed.
const (
	NotBanned BanVerdict = iota
	BanDropped
	BanWouldDrop
	BanKept      // it would have dropped, enforced
	BanWouldKept // the same, audited
)

// ends tells whether a ban ends the search.
func (v BanVerdict) ends() bool { return v == BanDropped || v == BanKept }

// judgeBan judges a packet by its source address, between the failsafe and feeds, as if a
// ban were a rule of the policy stage; it returns whether that ended the search.
func (p *Policy) judgeBan(pkt *packet.Packet, env *Env, j *Judgement) bool {
	if pkt.Family == 0 { // ARP has addresses too
		return false
	}
	b := env.Banned(pkt.Source)
	kept := func() bool { return env.Kept != nil && env.Kept(pkt) }
	switch {
	case !b.Enforced && (!b.Audited || j.WouldDrop != None):
		return false
	case b.Enforced && kept():
		j.Ban = BanKept
		return true
	case b.Enforced:
		j.Ban, j.Verdict = BanDropped, verdictOf(Drop, Enforce)
		return true
	case kept():
		j.Ban = BanWouldKept
	default:
		j.Ban = BanWouldDrop
	}
	return false
}

// Pace returns how a rule counts the packets that it may drop before it bans, as by
// package limit: the time that each of them takes, and how far ahead of time they may be.
// Without an interval the first packet is too many.
func (b *Banning) Pace() (interval, tolerance time.Duration) {
	if b.After <= 0 {
		return 0, 0
	}
	interval = time.Duration(math.Ceil(float64(b.Per) / b.After))
	return interval, time.Duration((b.After - 1) * float64(interval))
}

// BanRequest is what a rule with a ban asks for.
func (r *Rule) BanRequest(prefix netip.Prefix, audit bool) ban.Request {
	return ban.Request{
		Prefix: prefix, Origin: ban.Rule(r.Group, r.Name), Reason: strings.TrimSpace(r.Labels["attack"]), Audit: audit,
		Terms: ban.Terms{TTL: r.Ban.TTL, Factor: r.Ban.Factor, Max: r.Ban.Max, Renew: r.Ban.Renew},
	}
}
