package propose

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
)

// TestMatchedShareIsOfWhatTheRuleMatches has a stranger who only sends, and one that is
// answered, beside traffic that the rule is not about.
func TestMatchedShareIsOfWhatTheRuleMatches(t *testing.T) {
	flow := func(remote, protocol, role string, port uint16, received, sent uint64) Flow {
		return Flow{Remote: netip.MustParsePrefix(remote), Protocol: protocol, Role: role, Port: port, Received: received, Sent: sent}
	}
	flood := flow("203.0.113.66/32", "tcp", "server", 443, 9950, 0)
	talk := flow("203.0.113.66/32", "tcp", "server", 443, 50, 40)
	for name, c := range map[string]struct {
		proto answer.Proto
		port  uint16
		flows []Flow
		want  float64
	}{
		"nothing is known of it":          {answer.AnyProto, 0, nil, 0},
		"others talk":                     {answer.AnyProto, 0, []Flow{flow("192.0.2.0/24", "tcp", "server", 443, 9, 9)}, 0},
		"it only sends":                   {answer.AnyProto, 0, []Flow{flood}, 0},
		"it is only sent to":              {answer.AnyProto, 0, []Flow{flow("203.0.113.66/32", "udp", "client", 53, 0, 9)}, 0},
		"half a percent talks":            {answer.AnyProto, 0, []Flow{flood, talk}, 0.005},
		"it is answered":                  {answer.AnyProto, 0, []Flow{talk}, 1},
		"a wider network may be it":       {answer.AnyProto, 0, []Flow{flow("203.0.113.0/24", "tcp", "server", 443, 5, 5)}, 1},
		"a network next to it":            {answer.AnyProto, 0, []Flow{flow("203.0.112.0/24", "tcp", "server", 443, 5, 5)}, 0},
		"the rule is about UDP":           {answer.UDP, 0, []Flow{talk, flow("203.0.113.66/32", "udp", "server", 53, 5, 0)}, 0},
		"the rule is about TCP":           {answer.TCP, 0, []Flow{talk, flow("203.0.113.66/32", "udp", "server", 53, 5, 0)}, 1},
		"both kinds of ICMP":              {answer.ICMP, 0, []Flow{flow("203.0.113.66/32", "icmp", "peer", 0, 1, 1), flow("203.0.113.66/32", "icmpv6", "peer", 0, 1, 0)}, 0.5},
		"another port":                    {answer.TCP, 22, []Flow{talk}, 0},
		"its port":                        {answer.TCP, 443, []Flow{talk}, 1},
		"a port of any protocol":          {answer.AnyProto, 443, []Flow{talk, flow("203.0.113.66/32", "icmp", "peer", 0, 50, 50)}, 1},
		"a port that a client may have":   {answer.TCP, 40000, []Flow{flow("203.0.113.66/32", "tcp", "client", 443, 5, 5)}, 1},
		"a port that no client would get": {answer.TCP, 80, []Flow{flow("203.0.113.66/32", "tcp", "client", 443, 5, 5)}, 0},
	} {
		p := Proposal{Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.66/32")}, Proto: c.proto, Port: c.port}
		if got := p.MatchedShare(c.flows); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestARuleThatWouldHitTalkOnlyCounts(t *testing.T) {
	share := func(v float64) *float64 { return &v }
	for name, c := range map[string]struct {
		action answer.Action
		share  *float64
		want   answer.Action
		says   string
	}{
		"it is not known":          {answer.Drop, nil, answer.Monitor, "# A rule with the action drop was asked for. This one only counts, as whether it would hit established traffic is not known.\n"},
		"more than one in hundred": {answer.Drop, share(0.010001), answer.Monitor, "# A rule with the action drop was asked for. This one only counts, as it would hit established traffic.\n"},
		"one in hundred":           {answer.Drop, share(0.01), answer.Drop, ""},
		"none":                     {answer.Drop, share(0), answer.Drop, ""},
		"it only counts anyway":    {answer.Monitor, share(1), answer.Monitor, ""},
		"it counts, not known":     {answer.Monitor, nil, answer.Monitor, ""},
	} {
		r := form(func(r *answer.Rule) { r.Action = c.action })
		p, code := Defaults.Make(r, answer.High, observed(t, "203.0.113.66"), episode)
		if code != OK {
			t.Fatal(code)
		}
		got, code := Defaults.Rehearsed(p, c.share)
		mode := map[answer.Action]string{answer.Monitor: "mode: audit", answer.Drop: "mode: enforce"}[c.want]
		if code != OK || got.Action != c.want || !strings.Contains(string(got.YAML), mode) || !strings.Contains(string(got.YAML), c.says) || strings.Contains(string(got.YAML), "asked for") != (c.says != "") {
			t.Errorf("%s: %q, %+v\n%s", name, code, got, got.YAML)
		}
		if (got.Asked == answer.Drop) != (c.says != "") {
			t.Errorf("%s: asked for was %q", name, got.Asked)
		}
	}
}
