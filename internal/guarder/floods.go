//go:build linux

package guarder

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/flood"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// floodStatus returns the rules of a policy that answer SYNs.
func (s *Store) floodStatus(p *policy.Policy) (all []FloodStatus, err error) {
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.SYNCookie == nil {
			continue
		}
		var f bpf.GuardFlood
		if err := s.state[compile.MapFloods].Lookup(r.ID(), &f); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil, fmt.Errorf("read the flood of rule %q: %w", r.Name, err)
		}
		all = append(all, FloodStatus{
			Group: r.Group, Rule: r.Name, Mode: r.Mode.String(), OnAbove: r.SYNCookie.Rates.On, OffBelow: r.SYNCookie.Rates.Off,
			Active: f.Active != 0 && monotonic()-f.Began < 2*flood.Second,
			Sent:   f.Sent, Left: f.Left, Valid: f.Valid, Invalid: f.Invalid,
		})
	}
	return all, nil
}
