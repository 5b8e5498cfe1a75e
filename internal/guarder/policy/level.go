package policy

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/bpf"
)

// heavyHitter is the word for a limit by levels.
const heavyHitter = "heavy-hitter"

// levels reads those of a limit.
func (r *reader) levels(n *yaml.Node, l *Limit) {
	for _, e := range r.oneOrMany(n, "levels") {
		text, ok := r.text(e)
		if !ok {
			continue
		}
		level, ok := r.level(e, text)
		switch {
		case !ok:
		case slices.Contains(l.Levels, level):
			r.fault(e, duplicate, "", "level %q is there already", text)
		default:
			l.Levels = append(l.Levels, level)
		}
	}
	if len(l.Levels) > bpf.GuardMaxLevels {
		r.fault(n, outOfRange, "", "%d levels, more than %d", len(l.Levels), bpf.GuardMaxLevels)
	}
	if len(l.Levels) > 0 {
		l.Level = l.Levels[0]
	}
}

// level reads one, such as src/24: then IPv6 addresses are told apart by twice as many
// bits, as a network of IPv6 has a /64 where one of IPv4 has an address.
func (r *reader) level(n *yaml.Node, text string) (Level, bool) {
	name, prefix, cut := strings.Cut(text, "/")
	i := slices.Index(perNames, name)
	if i < 0 {
		r.fault(n, unknownWord, suggest(name, perNames), "unknown level %q", text)
		return Level{}, false
	}
	level := Level{Per: perBits[i], Prefix4: 32, Prefix6: defaultPrefix6}
	if !cut {
		return level, true
	}
	bits, err := strconv.Atoi(prefix)
	if level.Per != PerSource && level.Per != PerDestination || err != nil || bits < 1 || bits > 32 {
		r.fault(n, outOfRange, "", "level %q: want src or dst with a prefix from /1 to /32", text)
		return Level{}, false
	}
	level.Prefix4, level.Prefix6 = bits, 2*bits
	return level, true
}

// heavyPer reports whether a limit says that it is by levels.
func heavyPer(n *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "per" {
			return n.Content[i+1].Value == heavyHitter
		}
	}
	return false
}
