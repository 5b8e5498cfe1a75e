package box

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// A Prober sends probes and joins their answers: one Answer for each Send that returned
// nil, in any order.
type Prober interface {
	Send(Probe) error
	Answers() <-chan Answer
}

// Flows returns the n-th flow of a run, as far as the prober chooses it: ports.
type Flows func(n int) wire.Flow

// Flows returns the flows of a run, as [Network.Flow] chooses them.
func (s *Scenario) Flows(r Run) Flows {
	return func(n int) wire.Flow {
		f := flow(r.Protocol, s.Destination(r), Port(r), n)
		f.Source = s.Address(Host, r)
		return f
	}
}

// Port returns the port that a run asks, 0 for ICMP.
func Port(r Run) uint16 {
	switch r.Protocol {
	case wire.UDP:
		return 33434
	case wire.TCP:
		return 443
	}
	return 0
}

// Destination returns the address that is asked for.
func (s *Scenario) Destination(r Run) netip.Addr {
	return s.Address(s.Hops[len(s.Hops)-1].Routers[0], r)
}

// A timed probe is one and when it goes, after the start.
type timed struct {
	at time.Duration
	Probe
}

// probes returns all of a run in the order of their times. The tag is the number of the
// flow.
func (s *Scenario) probes(flows Flows) (all []timed) {
	for _, b := range s.Probes {
		at := b.At
		for ttl := b.FirstTTL; ttl <= b.LastTTL; ttl++ {
			for n := range b.Flows * b.Count {
				flow := n % b.Flows
				p := Probe{Flow: flows(flow), TTL: ttl, TOS: b.TOS, DontFragment: b.DontFragment, Tag: flow}
				if p.Protocol != wire.TCP {
					p.Size = b.Size // a SYN has no data
				}
				all = append(all, timed{at, p})
				at += b.Every
			}
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return int(a.at - b.at) })
	return all
}

// Ask sends the probes of a scenario, each at its time, and returns all answers. It waits
// for the last with the patience given, once all are sent.
func (s *Scenario) Ask(p Prober, flows Flows, patience time.Duration) ([]Answer, error) {
	probes := s.probes(flows)
	start := time.Now()
	sent := make(chan error, 1)
	go func() {
		for _, q := range probes {
			time.Sleep(time.Until(start.Add(q.at)))
			if err := p.Send(q.Probe); err != nil {
				sent <- fmt.Errorf("send %s probe with TTL %d: %w", q.Protocol, q.TTL, err)
				return
			}
		}
		sent <- nil
	}()
	var answers []Answer
	var impatient <-chan time.Time
	for len(answers) < len(probes) {
		select {
		case a := <-p.Answers():
			answers = append(answers, a)
		case err := <-sent:
			if err != nil {
				return answers, err
			}
			impatient = time.After(patience)
		case <-impatient:
			return answers, fmt.Errorf("%d of %d probes have no answer %v after the last", len(probes)-len(answers), len(probes), patience)
		}
	}
	return answers, nil
}

// Summary tells answers in the words of [Expect], sorted: lines that are equal as one
// with their number before it, as "3x 2: nobody", and where routers share the load a line
// more on how they do:
//
//	2: 8 flows, 2 routers, 1 of a flow
func (s *Scenario) Summary(answers []Answer) (lines []string) {
	count := make(map[string]int)
	for _, a := range answers {
		count[s.Line(a)]++
	}
	lines = append(counted(count), s.shares(answers)...)
	slices.SortFunc(lines, compareLines)
	return lines
}

// shares tells of each TTL at which routers share the load how they do.
func (s *Scenario) shares(answers []Answer) (lines []string) {
	type flow struct {
		ttl uint8
		tag any
	}
	routers := make(map[uint8]map[netip.Addr]bool)
	of := make(map[flow]map[netip.Addr]bool)
	for _, a := range answers {
		if a.Reply == nil || int(a.TTL) > len(s.Hops) || len(s.Hops[a.TTL-1].Routers) < 2 {
			continue
		}
		f := flow{a.TTL, a.Tag}
		if routers[a.TTL] == nil {
			routers[a.TTL] = make(map[netip.Addr]bool)
		}
		if of[f] == nil {
			of[f] = make(map[netip.Addr]bool)
		}
		routers[a.TTL][a.Reply.From], of[f][a.Reply.From] = true, true
	}
	for ttl, all := range routers {
		flows, most := 0, 0
		for f, some := range of {
			if f.ttl == ttl {
				flows, most = flows+1, max(most, len(some))
			}
		}
		lines = append(lines, fmt.Sprintf("%d: %d flows, %d routers, %d of a flow", ttl, flows, len(all), most))
	}
	return lines
}
