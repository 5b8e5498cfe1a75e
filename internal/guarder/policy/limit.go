package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/guarder/limit"
)

// A Limit is a rate up to which a rule does nothing with what it matches.
type Limit struct {
	Level
	// Levels, if not nil, are those of heavy hitters: a packet is counted at all of them,
	// up to the first where its key is not light (limit.Light), which decides. Level is
	// then the first of them.
	Levels []Level
	// Rate is how many packets per second there may be, and Burst how many at once.
	Rate  float64
	Burst int
	// WhenFull says what becomes of packets for whose bucket the kernel has no room.
	WhenFull WhenFull
	// Distinct, if not DistinctNothing, has different ports counted instead of packets:
	// there may be Most within a time, and what comes after that is over until nothing
	// was there for as long. Then there are no Rate and no Burst.
	Distinct Distinct
	Most     int
	Within   time.Duration
}

// A Level says of whom packets are counted together.
type Level struct {
	Per Per
	// Prefix4 and Prefix6 are how many bits of addresses are told apart.
	Prefix4, Prefix6 int
}

// All returns the levels, from the first to be asked; most limits have one.
func (l *Limit) All() []Level {
	if l.Levels == nil {
		return []Level{l.Level}
	}
	return l.Levels
}

// Distinct is what is counted if not packets.
type Distinct uint8

// What there is.
const (
	DistinctNothing Distinct = iota
	DistinctDestinationPort
	DistinctSourcePort
)

// Per is whose packets are counted together, as bits; 0 is all that the rule matches.
type Per uint8

// Parts of Per. What is not IP has MAC addresses for the others.
const (
	PerSource Per = 1 << iota
	PerDestination
	PerPorts // and protocol
	PerInterface

	PerFlow = PerSource | PerDestination | PerPorts
)

// WhenFull is what becomes of packets for whose bucket the kernel has no room.
type WhenFull uint8

// The ways. Aggregate counts them by wider prefixes (Wider), and lets them pass if there is no
// room for these either; PassAll lets them pass.
const (
	Aggregate WhenFull = iota
	PassAll
)

var (
	perNames      = []string{"src", "dst", "flow", "interface", "rule"}
	perBits       = []Per{PerSource, PerDestination, PerFlow, PerInterface, 0}
	distinctNames = []string{"", "dst_port", "src_port"}
	whenFullNames = []string{"aggregate", "pass"}
)

// Bounds of limits.
const (
	maxRate  = 10e6 // packets per second
	maxBurst = 1_000_000
	// maxTolerance bounds how long a burst lasts.
	maxTolerance = 30 * 24 * time.Hour
	// maxDistinct is how many of 64 bits may be set: more of them say too little of the
	// number of ports.
	maxDistinct = 40
	maxWithin   = time.Hour
	// defaultPrefix6 is the prefix of one network, whose hosts choose the rest freely.
	defaultPrefix6 = 64
)

// GCRA returns the rate as it is counted.
func (l *Limit) GCRA() limit.Rate { return limit.RateOf(l.Rate, l.Burst) }

// Wider is the level at which packets are counted for which there is no room: all from one
// /16 of IPv4 or /32 of IPv6, or all that the rule matches if the prefixes are as wide
// already.
func (l Level) Wider() Level {
	const wide4, wide6 = 16, 32
	l.Per &^= PerPorts
	if l.Prefix4 <= wide4 || l.Prefix6 <= wide6 {
		l.Per &^= PerSource | PerDestination
	}
	l.Prefix4, l.Prefix6 = wide4, wide6
	return l
}

// String returns "10/s per src (ipv4 /32, ipv6 /64), burst 20".
func (l *Limit) String() string {
	text := fmt.Sprintf("%s per %s", rateText(l.Rate), l.Per)
	switch {
	case l.Distinct != DistinctNothing:
		text = fmt.Sprintf("%d different %s in %v per %s", l.Most, distinctNames[l.Distinct], l.Within, l.Per)
	case l.Levels != nil:
		text = fmt.Sprintf("%s per heavy hitter at %d levels", rateText(l.Rate), len(l.Levels))
	}
	if l.Levels == nil && l.Per&(PerSource|PerDestination) != 0 && l.Per&PerPorts == 0 {
		text += fmt.Sprintf(" (ipv4 /%d, ipv6 /%d)", l.Prefix4, l.Prefix6)
	}
	if l.Distinct != DistinctNothing {
		return text
	}
	return fmt.Sprintf("%s, burst %d", text, l.Burst)
}

// rateText writes a rate with the first unit by which it is at least 1.
func rateText(perSecond float64) string {
	for i, seconds := range []float64{1, 60, 3600} {
		if perSecond*seconds >= 1 {
			return fmt.Sprintf("%.6g/%c", perSecond*seconds, "smh"[i])
		}
	}
	return fmt.Sprintf("%.6g/d", perSecond*86400)
}

// String returns the words of the language.
func (p Per) String() string {
	if p == 0 {
		return "rule"
	}
	var all []string
	if p&PerFlow == PerFlow {
		all, p = append(all, "flow"), p&^PerFlow
	}
	for i, name := range perNames {
		if bit := perBits[i]; bit != PerFlow && p&bit != 0 {
			all = append(all, name)
		}
	}
	return strings.Join(all, " and ")
}

// limit reads the limit of a rule.
func (r *reader) limit(n *yaml.Node) *Limit {
	l := &Limit{Level: Level{Prefix4: 32, Prefix6: defaultPrefix6}}
	faults := len(r.faults)
	r.mapping(n, "limit", r.limitFields(l))
	if n.Kind != yaml.MappingNode || Failed(r.faults[faults:]) {
		return nil
	}
	needs := []string{"per", "rate"}
	if heavyPer(n) {
		needs = append(needs, "levels")
	}
	for _, key := range needs {
		if !has(n, key) {
			r.fault(n, missingKey, "add "+key+":", "the limit has no %s", key)
		}
	}
	if l.Distinct != DistinctNothing {
		return r.distinctLimit(n, l)
	}
	if l.Rate == 0 {
		return nil
	}
	if l.Burst == 0 {
		l.Burst = max(1, int(l.Rate))
	}
	if l.Levels != nil {
		l.Burst = max(2, l.Burst) // one is never light
	}
	if g := l.GCRA(); time.Duration(l.Burst-1) > maxTolerance/g.Interval {
		r.fault(n, outOfRange, "have a smaller burst", "at %s, a burst of %d is more than 30 days' worth", rateText(l.Rate), l.Burst)
	}
	return l
}

func (r *reader) limitFields(l *Limit) []field {
	heavy := false
	return []field{
		{"per", "Whose packets are counted together: src, dst, both, flow, interface; rule, all that it matches; or heavy-hitter, by levels.", severalOf(words(append(slices.Clone(perNames), heavyHitter)...)), func(n *yaml.Node) {
			if heavy = n.Value == heavyHitter; heavy {
				return
			}
			for _, e := range r.oneOrMany(n, "per") {
				if i := r.word(e, "per", perNames); i >= 0 {
					l.Per |= perBits[i]
				}
			}
		}},
		{"levels", "Of heavy hitters: whose packets are counted together, from the narrowest to the widest, such as [flow, src, src/24, src/16].", listOf(plain("string")), func(n *yaml.Node) {
			if !heavy {
				r.fault(n, noProtocol, "have per: heavy-hitter", "a limit per %v has no levels", l.Per)
				return
			}
			r.levels(n, l)
		}},
		{"prefix", "How many bits of addresses are told apart.", refer("prefix"), func(n *yaml.Node) {
			if heavy {
				r.fault(n, noProtocol, "give each level its own, such as src/24", "a limit per heavy-hitter has no prefix")
				return
			}
			if l.Per&(PerSource|PerDestination) == 0 || l.Per&PerPorts != 0 {
				r.fault(n, noProtocol, "remove it", "a limit per %v has no prefix", l.Per)
				return
			}
			r.mapping(n, "prefix", r.limitPrefixFields(l))
		}},
		{"distinct", "What is counted instead of packets: different ports. The rate is then how many in what time, such as 20/10s.", words(distinctNames[1:]...), func(n *yaml.Node) {
			if i := r.word(n, "distinct", distinctNames[1:]); i >= 0 {
				l.Distinct = Distinct(i + 1)
			}
		}},
		{"rate", "How many packets there may be, such as 10/s or 30/m; the action is for those beyond it.", plain("string"), func(n *yaml.Node) {
			before := len(r.faults)
			if l.Distinct != DistinctNothing {
				r.distinctRate(n, l)
				return
			}
			if l.Rate = r.rate(n, "rate"); len(r.faults) == before && (l.Rate <= 0 || l.Rate > maxRate) {
				r.fault(n, outOfRange, "", "rate %s: want more than 0, and at most 10M/s", n.Value)
			}
		}},
		{"burst", "How many may come at once; without it, as many as in a second.", plain("integer"), func(n *yaml.Node) {
			burst, _ := r.number(n, "burst", 1, maxBurst)
			l.Burst = int(burst)
		}},
		{"when_full", "What becomes of packets when the kernel has no room to count those of one more: aggregate counts them by wider prefixes, pass lets them pass.", words(whenFullNames...), func(n *yaml.Node) {
			if i := r.word(n, "when_full", whenFullNames); i >= 0 {
				l.WhenFull = WhenFull(i)
			}
		}},
	}
}

func (r *reader) limitPrefixFields(l *Limit) []field {
	bits := func(to *int, most uint32) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if bits, ok := r.number(n, "prefix", 1, most); ok {
				*to = int(bits)
			}
		}
	}
	return []field{
		{"ipv4", "Bits of an IPv4 address; without it 32.", plain("integer"), bits(&l.Prefix4, 32)},
		{"ipv6", "Bits of an IPv6 address; without it 64, the prefix of one network.", plain("integer"), bits(&l.Prefix6, 128)},
	}
}

// modifies refuses keys that a rule's action cannot have.
func (r *reader) modifies(rule *Rule, limit *yaml.Node) {
	if limit != nil && !slices.Contains([]Action{Drop, Count, Sample}, rule.Action) && rule.Action < 254 {
		r.fault(limit, wrongAction, "limit what is dropped, counted or sampled", "a rule with action %v has no limit", rule.Action)
	}
}
