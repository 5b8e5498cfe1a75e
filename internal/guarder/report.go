//go:build linux

package guarder

import (
	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Status tells what is in force and what it did.
func (e *Engine) Status() (Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return Status{}, err
	}
	c := e.current
	s := Status{
		Since: e.store.Meta.Since, Generation: e.store.Meta.Generation, Applied: c.applied, Files: e.cfg.Paths,
		Ceiling: ceilingName(e.cfg.Ceiling), Tripped: c.tripped, Trips: e.trips, ApplyFailed: e.failed,
		Verdicts: make(map[string]Counts), Unparsable: make(map[string]Counts),
		KeptConnections: e.keeper.connections, NotKept: e.keeper.leftOut, ProtectedUntil: e.keeper.protectedUntil(),
	}
	var err error
	if s.InForce, err = e.whose(); err != nil {
		return Status{}, err
	}
	if by, ok := e.trial.Ends(); ok {
		s.ConfirmBy = &by
	}
	for _, d := range c.devices {
		s.Devices = append(s.Devices, DeviceStatus{d.Name, d.Hook, d.Why})
	}
	for i := range c.policy.Rules {
		r, err := e.rule(i)
		if err != nil {
			return Status{}, err
		}
		s.Rules = append(s.Rules, r)
	}
	return s, e.store.addTotals(&s)
}

// whose tells whose policy is in force.
func (e *Engine) whose() (string, error) {
	if e.current.generation != nil {
		return InForcePolicy, nil
	}
	p, err := e.store.Running()
	if err != nil || p == nil {
		return InForceNothing, err
	}
	return InForceEarlier, p.Close()
}

func ceilingName(m policy.Mode) string {
	if m == policy.Off {
		return policy.Enforce.String()
	}
	return m.String()
}

// creditNames are those of enum guard_credit, as far as they are counted apart.
var creditNames = map[compile.Credit]string{
	compile.CreditPass: "pass", compile.CreditDrop: "drop", compile.CreditWouldDrop: "would_drop", compile.CreditCount: "count",
}

func (e *Engine) rule(i int) (RuleStatus, error) {
	r := &e.current.policy.Rules[i]
	s := RuleStatus{
		Group: r.Group, Rule: r.Name, Stage: r.Stage.String(), Mode: r.Mode.String(), Action: r.Action.String(), Place: r.At.String(),
	}
	counts, err := e.store.Counts(e.current.slots[i])
	if err != nil {
		return s, err
	}
	for credit, name := range creditNames {
		if n := counts.Of[credit]; n.Packets > 0 {
			if s.Counts == nil {
				s.Counts = make(map[string]Counts)
			}
			s.Counts[name] = Counts{n.Packets, n.Bytes}
		}
	}
	return s, nil
}

// addTotals adds what is counted beside the rules.
func (s *Store) addTotals(to *Status) (err error) {
	read := func(i uint32) (n Counts) {
		if err == nil {
			n, err = s.Total(i)
		}
		return n
	}
	to.Kept = read(uint32(bpf.GuardTotalKept))
	to.Verdicts["pass"], to.Verdicts["drop"] = read(uint32(bpf.GuardTotalPassed)), read(uint32(bpf.GuardTotalDropped))
	for reason := packet.OK + 1; reason < packet.Reasons; reason++ {
		if n := read(uint32(bpf.GuardTotalUnparsable) + uint32(reason)); n.Packets > 0 {
			to.Unparsable[reason.String()] = n
		}
	}
	return err
}
