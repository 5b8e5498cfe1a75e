package kernel

import (
	"fmt"
	"strings"
	"sync"

	"github.com/cilium/ebpf/btf"
)

// Numbers of drop reasons that mean that nothing was dropped, by name; kfree_skb
// passes them on in some kernels.
const (
	ReasonConsumed   = "SKB_CONSUMED"
	ReasonNotDropped = "SKB_NOT_DROPPED_YET"
)

// reasonPrefix begins the constants of enum skb_drop_reason, but for those above.
const reasonPrefix = "SKB_DROP_REASON_"

// subsystemPrefix begins the constants of enum skb_drop_reason_subsys.
const subsystemPrefix = reasonPrefix + "SUBSYS_"

// subsystemShift is SKB_DROP_REASON_SUBSYS_SHIFT: the upper half of a reason numbers
// the subsystem, 0 being the core (include/net/dropreason.h, Linux 6.4).
const subsystemShift = 16

// subsystemModules are the modules that may hold the reasons of a subsystem, by the
// beginning of its name.
var subsystemModules = map[string]string{"MAC80211": "mac80211", "OPENVSWITCH": "openvswitch"}

// subsystemEnums are what the enums of these reasons are called (net/mac80211/drop.h,
// net/openvswitch/drop.h).
var subsystemEnums = []string{"mac80211_drop_reason", "___mac80211_drop_reason", "ovs_drop_reason"}

// DropReasons gives the numbers of enum skb_drop_reason their names. They differ from
// kernel to kernel, so they are read from the kernel's own types.
//
// Its methods may be called from any goroutine.
type DropReasons struct {
	// modules are those that may hold the reasons of a subsystem, by its number.
	modules map[uint32]string
	// module returns the types of a kernel module.
	module func(name string) (*btf.Spec, error)

	mu    sync.Mutex
	names map[uint32]string
	// asked has the subsystems whose module has been looked at.
	asked map[uint32]bool
}

// DropReasons reads the names from the kernel's types. Where the kernel has no
// reasons (before Linux 5.17), no number has a name.
func (b *BTF) DropReasons() *DropReasons {
	return newDropReasons(b.spec, btf.LoadKernelModuleSpec)
}

func newDropReasons(spec *btf.Spec, module func(string) (*btf.Spec, error)) *DropReasons {
	r := &DropReasons{
		modules: make(map[uint32]string), module: module,
		names: make(map[uint32]string), asked: make(map[uint32]bool),
	}
	var core, subsystems *btf.Enum
	if spec.TypeByName("skb_drop_reason", &core) == nil {
		for _, v := range core.Values {
			if name, ok := coreReason(v.Name); ok {
				r.names[uint32(v.Value)] = name
			}
		}
	}
	if spec.TypeByName("skb_drop_reason_subsys", &subsystems) == nil {
		for _, v := range subsystems.Values {
			r.addSubsystem(uint32(v.Value), strings.TrimPrefix(v.Name, subsystemPrefix))
		}
	}
	r.addModule(spec) // built in
	return r
}

// coreReason returns the name of a constant; false if it is no reason but marks the
// end of the list or its layout.
func coreReason(constant string) (string, bool) {
	name, ok := strings.CutPrefix(constant, reasonPrefix)
	switch {
	case constant == ReasonConsumed, constant == ReasonNotDropped:
		return constant, true
	case !ok, name == "MAX", name == "SUBSYS_MASK":
		return "", false
	}
	return name, true
}

func (r *DropReasons) addSubsystem(number uint32, name string) {
	for prefix, module := range subsystemModules {
		if number > 0 && strings.HasPrefix(name, prefix) {
			r.modules[number] = module
		}
	}
}

// addModule adds the reasons of subsystems that spec has.
func (r *DropReasons) addModule(spec *btf.Spec) {
	for _, name := range subsystemEnums {
		types, err := spec.AnyTypesByName(name)
		if err != nil {
			continue
		}
		for _, t := range types {
			e, ok := t.(*btf.Enum)
			if !ok {
				continue
			}
			for _, v := range e.Values {
				// A leading underscore marks where the numbers of a subsystem begin.
				if uint32(v.Value)>>subsystemShift != 0 && !strings.HasPrefix(v.Name, "_") {
					r.names[uint32(v.Value)] = v.Name
				}
			}
		}
	}
}

// Name returns the name of a reason without its prefix, such as "NETFILTER_DROP", or
// "reason_<n>" if the kernel has no name for it.
func (r *DropReasons) Name(number uint32) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name, ok := r.names[number]; ok {
		return name
	}
	r.ask(number >> subsystemShift)
	if name, ok := r.names[number]; ok {
		return name
	}
	return fmt.Sprintf("reason_%d", number)
}

// ask looks for the reasons of a subsystem when the first one turns up: then its
// module is there, which it need not have been before.
func (r *DropReasons) ask(subsystem uint32) {
	module, ok := r.modules[subsystem]
	if !ok || r.asked[subsystem] {
		return
	}
	r.asked[subsystem] = true
	if spec, err := r.module(module); err == nil {
		r.addModule(spec)
	}
}

// Number returns the number of the reason with the given name.
func (r *DropReasons) Number(name string) (uint32, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for number, known := range r.names {
		if known == name {
			return number, true
		}
	}
	return 0, false
}

// Known returns the names by number. The caller may keep the map.
func (r *DropReasons) Known() map[uint32]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := make(map[uint32]string, len(r.names))
	for number, name := range r.names {
		known[number] = name
	}
	return known
}
