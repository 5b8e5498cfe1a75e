//go:build linux

package guarder

import (
	"os"
	"path/filepath"
	"time"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Status tells what is in force and what it did.
func (e *Engine) Status() (Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status()
}

// Top is Status with whom it did it to: with up to so many sources, or all if that is
// 0.
func (e *Engine) Top(sources int) (Top, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.status()
	if err != nil {
		return Top{}, err
	}
	all, err := e.sources()
	if err != nil {
		return Top{}, err
	}
	return Top{Time: time.Now(), Status: s, Sources: most(all, sources), Samples: e.sampler.newest()}, nil
}

// status is Status; the lock is held.
func (e *Engine) status() (Status, error) {
	if err := e.running(); err != nil {
		return Status{}, err
	}
	c := e.current
	s := Status{
		Since: e.store.Meta.Since, AgentSince: e.since, Generation: e.store.Meta.Generation, Applied: c.applied, Files: e.cfg.Paths,
		Folders: folders(e.cfg.Paths),
		Ceiling: ceilingName(e.cfg.Ceiling), Tripped: c.tripped, Trips: e.trips, RulesExpired: e.store.Meta.Expired, ApplyFailed: e.failed,
		Verdicts: make(map[string]Counts), Unparsable: make(map[string]Counts), Sockets: make(map[string]Counts),
		KeptConnections: e.keeper.connections, NotKept: e.keeper.leftOut, ProtectedUntil: e.keeper.protectedUntil(),
		Sets: c.policy.Entries, Learning: e.bindings.Status(c.policy),
	}
	var err error
	if s.InForce, err = e.whose(); err != nil {
		return Status{}, err
	}
	if by, ok := e.trial.Ends(); ok {
		s.ConfirmBy = &by
	}
	if s.Rules, err = e.rules(time.Now()); err != nil {
		return Status{}, err
	}
	if s.Devices, err = e.attachments(); err != nil {
		return Status{}, err
	}
	if s.Program, err = e.programStatus(); err != nil {
		return Status{}, err
	}
	if s.ICMP, s.Quoted, err = e.store.icmp(); err != nil {
		return Status{}, err
	}
	if s.Sources, err = e.store.countSources(); err != nil {
		return Status{}, err
	}
	if s.Services, err = e.store.services(); err != nil {
		return Status{}, err
	}
	if s.Feeds, err = e.feedStatus(time.Now()); err != nil {
		return Status{}, err
	}
	s.FeedMemory = e.feeds.table.bytes
	if s.Floods, err = e.store.floodStatus(e.current.policy); err != nil {
		return Status{}, err
	}
	if err := e.addBans(&s); err != nil {
		return Status{}, err
	}
	s.Maps = e.maps(s.Sources)
	if s.Connections, err = e.current.census.status(); err != nil {
		return Status{}, err
	}
	return s, e.store.addTotals(&s)
}

// folders returns those among paths, absolute.
func folders(paths []string) (all []string) {
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			continue
		}
		if absolute, err := filepath.Abs(path); err == nil {
			all = append(all, absolute)
		}
	}
	return all
}

// whose tells whose policy is in force.
func (e *Engine) whose() (string, error) {
	switch id, err := e.store.programID(inForceEntry); {
	case err != nil || id == 0:
		return InForceNothing, err
	case e.current.generation == nil:
		return InForceEarlier, nil
	}
	return InForcePolicy, nil
}

func ceilingName(m policy.Mode) string {
	if m == policy.Off {
		return policy.Enforce.String()
	}
	return m.String()
}

// creditNames are those of enum guard_credit, as far as they are counted apart.
var creditNames = [4]string{
	compile.CreditPass: "pass", compile.CreditDrop: "drop", compile.CreditWouldDrop: "would_drop", compile.CreditCount: "count",
}

// rules returns the rules in force with their counters, and notes which of them have
// been credited since the last time.
func (e *Engine) rules(now time.Time) ([]RuleStatus, error) {
	c := e.current
	var all []RuleStatus
	for i := range c.policy.Rules {
		s, of, err := e.rule(i)
		if err != nil {
			return nil, err
		}
		s.LastMatch = e.matches.see(now, c.slots[i], of)
		all = append(all, s)
	}
	return all, nil
}

// rule returns a rule in force with its counters, also by credit.
func (e *Engine) rule(i int) (RuleStatus, [4]Counts, error) {
	c := e.current
	r, number := &c.policy.Rules[i], c.slots[i]
	of, err := e.store.Counts(number)
	if err != nil {
		return RuleStatus{}, of, err
	}
	s := RuleStatus{
		Group: r.Group, Rule: r.Name, Number: &number, Stage: r.Stage.String(), Mode: r.Mode.String(), Asks: r.Asks.String(),
		Action: r.Action.String(), Labels: r.Labels, Place: r.At.String(), Alert: AlertOf(r),
		Limit: r.LimitOf(), Connections: c.census.of(r),
	}
	if !r.Until.IsZero() {
		s.Until = &r.Until
	}
	for credit, n := range of {
		if n.Packets == 0 {
			continue
		}
		if s.Counts == nil {
			s.Counts = make(map[string]Counts)
		}
		name := creditNames[credit]
		if r.Action == policy.Sample && compile.Credit(credit) == compile.CreditCount {
			name = r.Action.String()
		}
		s.Counts[name] = n
	}
	return s, of, nil
}

// Alerts returns the rules that somebody is to be told of, and nothing else of Status.
func (e *Engine) Alerts() (AlertList, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return AlertList{}, err
	}
	list := AlertList{Rules: []RuleStatus{}}
	var err error
	if list.InForce, err = e.whose(); err != nil {
		return AlertList{}, err
	}
	for i := range e.current.policy.Rules {
		if e.current.policy.Rules[i].Alert == nil {
			continue
		}
		s, _, err := e.rule(i)
		if err != nil {
			return AlertList{}, err
		}
		list.Rules = append(list.Rules, s)
	}
	return list, nil
}

// attachments returns what is attached, and what became of its packets.
func (e *Engine) attachments() ([]DeviceStatus, error) {
	var all []DeviceStatus
	for _, d := range e.current.devices {
		s := DeviceStatus{Name: d.Name, Hook: d.Hook, Why: d.Why}
		if d.Index < bpf.GuardMaxDevices {
			of, err := e.store.Fates(uint32(d.Index))
			if err != nil {
				return nil, err
			}
			s.Verdicts = verdicts(of)
		}
		all = append(all, s)
	}
	return all, nil
}

func verdicts(of [4]Counts) map[string]Counts {
	return map[string]Counts{"pass": of[bpf.GuardFatePassed], "drop": of[bpf.GuardFateDropped]}
}

// maps returns the tables that can fill up.
func (e *Engine) maps(sources int) []MapStatus {
	all := []MapStatus{
		{"counters", uint64(e.store.slotted), uint64(e.store.counters)},
		{"kept", uint64(e.keeper.connections), uint64(e.store.state[compile.MapKept].MaxEntries())},
	}
	all = append(all, MapStatus{"sources", uint64(sources), uint64(bpf.GuardMaxHits)})
	if g := e.current.generation; g != nil {
		own, room := g.Own()
		all = append(all, MapStatus{"own_addresses", uint64(own), uint64(room)})
	}
	if bans := e.bans.store.Len(); bans > 0 {
		all = append(all, MapStatus{"bans", uint64(bans), ban.Room})
	}
	if c := e.current.census; c != nil {
		all = append(all, MapStatus{"connections", uint64(c.prefixes), uint64(c.objects.GuardConnections.MaxEntries())})
	}
	return all
}

// addTotals adds what is counted beside the rules.
func (s *Store) addTotals(to *Status) error {
	all, err := s.fates()
	if err != nil {
		return err
	}
	to.Verdicts = verdicts(all)
	to.WouldDrop, to.Unmatched = all[bpf.GuardFateWouldDrop], all[bpf.GuardFateUnmatched]
	if to.Kept, err = s.Total(uint32(bpf.GuardTotalKept)); err != nil {
		return err
	}
	if to.LimitsFull, err = s.Total(uint32(bpf.GuardTotalLimitFull)); err != nil {
		return err
	}
	taken, err := s.Total(uint32(bpf.GuardTotalSampled))
	if err != nil {
		return err
	}
	lost, err := s.Total(uint32(bpf.GuardTotalSamplesLost))
	if err != nil {
		return err
	}
	to.Samples = SampleStatus{taken.Packets, lost.Packets}
	for reason := packet.OK + 1; reason < packet.Reasons; reason++ {
		n, err := s.Total(uint32(bpf.GuardTotalUnparsable) + uint32(reason))
		if err != nil {
			return err
		}
		if n.Packets > 0 {
			to.Unparsable[reason.String()] = n
		}
	}
	for socket, name := range SocketNames {
		n, err := s.Total(uint32(bpf.GuardTotalSocket) + uint32(socket))
		if err != nil {
			return err
		}
		if n.Packets > 0 {
			to.Sockets[name] = n
		}
	}
	return nil
}
