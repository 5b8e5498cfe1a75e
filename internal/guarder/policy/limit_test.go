package policy

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// limitOf returns the limit of the only rule of a policy.
func limitOf(t *testing.T, text string) *Limit {
	t.Helper()
	p, faults := load(t, Options{}, "groups: [{name: g, rules: [{rule: r, match: {proto: udp}, action: drop, limit: "+text+"}]}]\n")
	if p == nil || len(faults) > 0 {
		t.Fatal(faults)
	}
	return p.Rules[0].Limit
}

func TestLimitsAreRead(t *testing.T) {
	source := Level{PerSource, 32, 64}
	for text, want := range map[string]Limit{
		"{per: src, rate: 10/m, burst: 20}": {Level: source, Rate: 10. / 60, Burst: 20},
		"{per: src, rate: 3/m}":             {Level: source, Rate: 3. / 60, Burst: 1},
		"{per: rule, rate: 2k/s, when_full: pass}": {
			Level: Level{0, 32, 64}, Rate: 2000, Burst: 2000, WhenFull: PassAll,
		},
		"{per: [dst, src], rate: 2/s, prefix: {ipv4: 24, ipv6: 48}}": {
			Level: Level{PerSource | PerDestination, 24, 48}, Rate: 2, Burst: 2,
		},
		"{per: [interface, flow], rate: 2/s}": {Level: Level{PerFlow | PerInterface, 32, 64}, Rate: 2, Burst: 2},
		"{per: heavy-hitter, levels: [flow, src, src/24, rule], rate: 1/s}": {
			Level: Level{PerFlow, 32, 64}, Rate: 1, Burst: 2,
			Levels: []Level{{PerFlow, 32, 64}, source, {PerSource, 24, 48}, {0, 32, 64}},
		},
	} {
		if diff := cmp.Diff(&want, limitOf(t, text)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", text, diff)
		}
	}
}

func TestLimitsInWords(t *testing.T) {
	for text, want := range map[string]string{
		"{per: src, rate: 10/m, burst: 20}":                      "10/m per src (ipv4 /32, ipv6 /64), burst 20",
		"{per: [src, dst, interface], rate: 2/s}":                "2/s per src and dst and interface (ipv4 /32, ipv6 /64), burst 2",
		"{per: flow, rate: 0.5/s}":                               "30/m per flow, burst 1",
		"{per: rule, rate: 1/d}":                                 "1/d per rule, burst 1",
		"{per: heavy-hitter, levels: [flow, src], rate: 1000/s}": "1000/s per heavy hitter at 2 levels, burst 1000",
	} {
		if got := limitOf(t, text).String(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// story judges packets of one rule, at times in ms, and returns "." for each that passes
// and "x" for each that is dropped.
func story(t *testing.T, limit string, packets ...string) (story string) {
	t.Helper()
	p, faults := load(t, Options{}, "failsafe: {allow: [{name: arp, ethertype: arp}]}\ngroups: [{name: g, rules: [{rule: r, match: {proto: [udp, tcp]}, mode: enforce, action: drop, limit: "+limit+"}]}]\n")
	if p == nil {
		t.Fatal(faults)
	}
	var states States
	for _, text := range packets {
		var ms int
		var rest string
		if _, err := fmt.Sscanf(text, "%d %s", &ms, &rest); err != nil {
			t.Fatal(err)
		}
		s, err := ParseSpecimen(text[len(fmt.Sprint(ms))+1:])
		if err != nil {
			t.Fatal(err)
		}
		env := &Env{Own: func(netip.Addr) bool { return false }, Now: time.UnixMilli(int64(ms)), States: &states}
		story += map[Verdict]string{Passed: ".", Dropped: "x"}[p.Judge(&s.Packet, env).Verdict]
	}
	return story
}

func TestLimitsCountTogetherWhatTheySay(t *testing.T) {
	const a, b, near, other = "udp 192.0.2.1:1 > 198.51.100.1:2", "udp 192.0.2.1:7 > 198.51.100.1:2", "udp 192.0.2.2:1 > 198.51.100.1:2", "udp 203.0.113.1:1 > 198.51.100.2:2"
	all := []string{"1 " + a, "1 " + b, "1 " + near, "1 " + other, "1 " + a, "1 " + b, "1001 " + a, "1002 " + a}
	for limit, want := range map[string]string{
		"{per: src, rate: 1/s}":                                      ".x..xx.x",
		"{per: src, rate: 1/s, burst: 2}":                            "....xx.x",
		"{per: src, rate: 1/s, prefix: {ipv4: 24}}":                  ".xx.xx.x",
		"{per: dst, rate: 1/s}":                                      ".xx.xx.x",
		"{per: [src, dst], rate: 1/s}":                               ".x..xx.x",
		"{per: flow, rate: 1/s}":                                     "....xx.x",
		"{per: rule, rate: 1/s}":                                     ".xxxxx.x",
		"{per: interface, rate: 3/s}":                                "...xxx..",
		"{per: heavy-hitter, levels: [src, src/24], rate: 1/s}":      "....xx.x",
		"{per: heavy-hitter, levels: [flow, src, rule], rate: 1k/s}": "........",
	} {
		if got := story(t, limit, all...); got != want {
			t.Errorf("%s: %s, want %s", limit, got, want)
		}
	}
}
