package compile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
)

// answers tells whether a rule answers SYNs.
func (t *Tables) answers() bool {
	return slices.ContainsFunc(t.States, func(s bpf.GuardState) bool { return s.Kind == uint8(bpf.GuardStateSYNCookie) })
}

// addFloods gives each rule that answers SYNs an entry, unless it has one. Those of rules
// that are not in the policy go if there is no room; a policy before that comes back
// without them leaves SYNs to the kernel.
func (t *Tables) addFloods(m *ebpf.Map) error {
	for _, s := range t.States {
		if s.Kind != uint8(bpf.GuardStateSYNCookie) {
			continue
		}
		err := m.Update(s.Identity, bpf.GuardFlood{}, ebpf.UpdateNoExist)
		if errors.Is(err, ebpf.ErrKeyExist) {
			continue
		}
		if err != nil {
			if err = t.forgetFloods(m); err == nil {
				err = m.Update(s.Identity, bpf.GuardFlood{}, ebpf.UpdateNoExist)
			}
		}
		if err != nil {
			return fmt.Errorf("fill %s, which has room for %d rules: %w", MapFloods, m.MaxEntries(), err)
		}
	}
	return nil
}

// forgetFloods removes the entries of rules that are not in the policy.
func (t *Tables) forgetFloods(m *ebpf.Map) error {
	var gone []uint64
	var identity uint64
	var flood bpf.GuardFlood
	all := m.Iterate()
	for all.Next(&identity, &flood) {
		if !slices.ContainsFunc(t.States, func(s bpf.GuardState) bool { return s.Identity == identity }) {
			gone = append(gone, identity)
		}
	}
	err := all.Err()
	for _, identity := range gone {
		err = errors.Join(err, m.Delete(identity))
	}
	return err
}
