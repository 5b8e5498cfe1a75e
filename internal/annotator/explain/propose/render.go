package propose

import (
	"fmt"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
)

// render writes the rule. All words in it are ours, and all else is a number or an
// address that was parsed.
func (p Proposal) render() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Proposed by the annotator of PacketScope for the episode %s. It is meant to end\n# after %d minutes, which whoever adopts it sees to.\n",
		strings.TrimPrefix(p.Name, "ai-"), int(p.TTL.Minutes()))
	if p.Only != "" {
		fmt.Fprintf(&b, "# A rule with the action %s was asked for. This one only counts, as %s.\n", p.Asked, p.Only)
	}
	fmt.Fprintf(&b, "version: 1\ngroups:\n- name: %s\n  mode: %s\n  rules:\n  - rule: %s\n    match: {%s}\n", p.Name, p.mode(), p.Action, p.match())
	if p.Action == answer.RateLimit {
		fmt.Fprintf(&b, "    limit: {per: src, rate: %d/s}\n", p.Rate)
	}
	b.WriteString("    action: drop\n    labels: {origin: annotator}\n")
	fmt.Fprintf(&b, "    annotations: {summary: \"%s\"}\n", map[answer.Action]string{
		answer.Monitor:   "Counts what a rule against these sources would drop.",
		answer.RateLimit: "Lets these sources send only so much.",
		answer.Drop:      "Drops what these sources send.",
	}[p.Action])
	return []byte(b.String())
}

func (p Proposal) mode() string {
	if p.Action == answer.Monitor {
		return "audit"
	}
	return "enforce"
}

func (p Proposal) match() string {
	var sources []string
	for _, s := range p.Sources {
		// IPv6 in a flow of YAML needs quotes, as it has colons.
		sources = append(sources, `"`+s.String()+`"`)
	}
	parts := []string{"src: [" + strings.Join(sources, ", ") + "]"}
	switch {
	case p.Proto == answer.ICMP && p.Sources[0].Addr().Is6():
		parts = append(parts, "proto: icmpv6")
	case p.Proto != answer.AnyProto:
		parts = append(parts, "proto: "+string(p.Proto))
	case p.Port != 0:
		parts = append(parts, "proto: [tcp, udp]")
	}
	if p.Port != 0 {
		parts = append(parts, fmt.Sprintf("dst_port: %d", p.Port))
	}
	return strings.Join(parts, ", ")
}
