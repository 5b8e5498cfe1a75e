package policy

import (
	"regexp"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

var distinctForm = regexp.MustCompile(`^([0-9]+)/([0-9]*(?:s|m|h))$`)

// distinctRate reads how many different ports there may be in what time, such as 20/10s.
func (r *reader) distinctRate(n *yaml.Node, l *Limit) {
	text, ok := r.text(n)
	if !ok {
		return
	}
	m := distinctForm.FindStringSubmatch(text)
	if m == nil {
		r.fault(n, badQuantity, "", "rate %q of different ports: want <number>/<time>, such as 20/10s", text)
		return
	}
	if len(m[2]) == 1 {
		m[2] = "1" + m[2]
	}
	most, err := strconv.Atoi(m[1])
	within, errTime := time.ParseDuration(m[2])
	if err != nil || errTime != nil || most < 1 || most > maxDistinct || within < time.Second || within > maxWithin {
		r.fault(n, outOfRange, "", "rate %s: want from 1 to %d different ports, in 1s to %v", text, maxDistinct, maxWithin)
		return
	}
	l.Most, l.Within = most, within
}

// distinctLimit checks a limit of different ports.
func (r *reader) distinctLimit(n *yaml.Node, l *Limit) *Limit {
	l.WhenFull = PassAll // who was not seen for longest is forgotten
	switch {
	case has(n, "burst") || has(n, "when_full"):
		r.fault(n, contradiction, "remove burst and when_full", "a limit of different ports has no burst, and always room")
	case l.Per&PerPorts != 0:
		r.fault(n, contradiction, "have per: src", "a flow has no different ports")
	case l.Most != 0:
		return l
	}
	return nil
}

// A spread is the ports that a key was seen with.
type spread struct {
	since int64 // the first port, or when it was over, the last packet
	ports map[uint16]bool
}

// take counts a port, and returns whether there are too many.
func (s *spread) take(l *Limit, port uint16, now int64) (over bool) {
	if s.ports == nil || now-s.since > int64(l.Within) {
		s.since, s.ports = now, make(map[uint16]bool)
	}
	s.ports[port] = true
	if over = len(s.ports) > l.Most; over {
		s.since = now
	}
	return over
}

// isSpread counts the port of a packet.
func (s *States) isSpread(r *Rule, p *packet.Packet, env *Env) (over bool) {
	if !p.HasPorts {
		return false
	}
	port := p.DestinationPort
	if r.Limit.Distinct == DistinctSourcePort {
		port = p.SourcePort
	}
	if s.SamePort != nil {
		port = s.SamePort(port)
	}
	if s.spreads == nil {
		s.spreads = make(map[limitKey]*spread)
	}
	key := keyOf(r, r.Limit.Level, p, env)
	if s.spreads[key] == nil {
		s.spreads[key] = &spread{}
	}
	return s.spreads[key].take(r.Limit, port, env.nanoseconds())
}
