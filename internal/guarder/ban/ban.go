package ban

import (
	"math"
	"net/netip"
	"strings"
	"time"
)

// A Ban is one that is, or was.
type Ban struct {
	// Prefix is who is banned; masked.
	Prefix netip.Prefix
	// Since and Until are times of CLOCK_BOOTTIME; Since may be before the boot.
	Since, Until time.Duration
	// TTL is how long it was for, and what Until is put off by while it is renewed.
	TTL time.Duration
	// Renew has it end TTL after the last packet.
	Renew bool
	// Count is how often the prefix was banned, as far as is remembered; this time included.
	Count int
	// Remember is for how long after its end it counts for the next one.
	Remember time.Duration
	Origin   Origin
	Reason   string
	// Audit tells that the rule is only audited, so that nobody is banned.
	Audit bool
}

// Over tells whether the ban is over at a time of CLOCK_BOOTTIME.
func (b *Ban) Over(now time.Duration) bool { return now >= b.Until }

// An Origin is who decided: one of the constants, or what [Rule] returns.
type Origin string

// The origins that are no rule.
const (
	Operator Origin = "operator"
	API      Origin = "api"
	CrowdSec Origin = "crowdsec"
)

// rulePrefix begins the origins that are rules.
const rulePrefix = "rule:"

// Rule is the origin that is a rule of a policy.
func Rule(group, name string) Origin { return Origin(rulePrefix + group + "/" + name) }

// Classes are what origins are counted by; all rules are one. Their order is that of the
// kernel's counters.
var Classes = [...]string{"rule", string(Operator), string(API), string(CrowdSec)}

// Class returns the index in Classes.
func (o Origin) Class() int {
	for i, name := range Classes {
		if string(o) == name {
			return i
		}
	}
	return 0
}

// OfRule returns the group and the name of the rule, if it is one.
func (o Origin) OfRule() (group, name string, ok bool) {
	text, ok := strings.CutPrefix(string(o), rulePrefix)
	if !ok {
		return "", "", false
	}
	group, name, ok = strings.Cut(text, "/")
	return group, name, ok
}

// Terms say how long a ban is.
type Terms struct {
	// TTL is how long the first one is.
	TTL time.Duration
	// Factor is how many times as long as the one before each further one is, until Max is
	// reached; 1 or less means that all are as long as the first. A ban is remembered for
	// Max after its end.
	Factor float64
	Max    time.Duration
	Renew  bool
}

// grows tells whether one ban is longer than another.
func (t Terms) grows() bool { return t.Factor > 1 && t.Max > t.TTL }

// For returns how long a ban is that is one of so many: TTL times Factor to the power of
// count less 1, and Max at most.
func (t Terms) For(count int) time.Duration {
	if !t.grows() {
		return t.TTL
	}
	d := float64(t.TTL) * math.Pow(t.Factor, float64(count-1))
	if d >= float64(t.Max) { // also if it is infinite
		return t.Max
	}
	return time.Duration(d)
}

// remember is for how long a ban counts after its end.
func (t Terms) remember() time.Duration {
	if !t.grows() {
		return 0
	}
	return t.Max
}
