package kernel

import (
	"slices"
	"strings"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// The capabilities that the exporter can make use of.
const (
	CapBPF         = "CAP_BPF"
	CapPerfmon     = "CAP_PERFMON"
	CapNetAdmin    = "CAP_NET_ADMIN"
	CapNetRaw      = "CAP_NET_RAW"
	CapSyslog      = "CAP_SYSLOG"
	CapSysAdmin    = "CAP_SYS_ADMIN"
	CapSysResource = "CAP_SYS_RESOURCE"
	CapSysPtrace   = "CAP_SYS_PTRACE"
)

// A Capability is a privilege, what it is good for, and whether it is there.
type Capability struct {
	// Name is as in capabilities(7), such as "CAP_BPF".
	Name string `json:"name"`
	// Effective is whether the process has it.
	Effective bool `json:"effective"`
	// CoveredBy names another effective capability that the kernel takes in its
	// place, or is "".
	CoveredBy string `json:"covered_by,omitempty"`
	// For is what it is needed for.
	For string `json:"for"`
	// Without is what is lost for want of it, "" if nothing.
	Without string `json:"without,omitempty"`
}

// capabilityUses lists what each capability is needed for. Sources: bpf(2),
// capabilities(7), and bpf_capable(), perfmon_capable() and bpf_net_capable()
// in the kernel's include/linux/capability.h.
var capabilityUses = []struct {
	name, use, without string
	// covered is whether CAP_SYS_ADMIN does as well.
	covered bool
	// before is the first kernel that does without it, zero if none does.
	before Release
}{
	{name: CapBPF, use: "load programs and create maps", without: "no probe can run", covered: true},
	{name: CapPerfmon, use: "attach to tracepoints, trampolines and kprobes, and read kernel memory",
		without: "only netfilter, TCX and cgroup hooks remain", covered: true},
	{name: CapNetAdmin, use: "attach to netfilter, TCX and cgroups",
		without: "no hook of the family net", covered: true},
	{name: CapNetRaw, use: "measure paths by raw sockets",
		without: "paths are measured by sockets that everybody may open, which cannot do everything"},
	{name: CapSyslog, use: "read the addresses of kernel symbols",
		without: "the functions that drop packets stay unknown"},
	{name: CapSysAdmin, use: "enter other network namespaces and switch on the accounting of run time",
		without: "sockets, TCP's counters and the hooks of the family net are of one network namespace, and the cost of the probes stays unknown"},
	{name: CapSysResource, use: "raise the limit of locked memory",
		without: "maps may not fit under the limit", before: Release{5, 11}},
	{name: CapSysPtrace, use: "find the network namespaces of other users' processes",
		without: "sockets and the hooks of the family net miss namespaces without a name under /run/netns"},
}

// Capabilities lists the capabilities that the exporter can make use of, the
// most important first.
func (h Host) Capabilities() []Capability {
	release, _, err := h.Release()
	list := make([]Capability, 0, len(capabilityUses))
	for _, use := range capabilityUses {
		c := Capability{Name: use.name, Effective: h.Held[use.name], For: use.use}
		superfluous := err == nil && use.before != Release{} && release.AtLeast(use.before.Major, use.before.Minor)
		switch {
		case c.Effective || superfluous:
		case use.covered && h.Held[CapSysAdmin]:
			c.CoveredBy = CapSysAdmin
		default:
			c.Without = use.without
		}
		if superfluous {
			c.For += " (only before Linux " + use.before.String() + ")"
		}
		list = append(list, c)
	}
	return list
}

// holds reports whether the kernel would let the process do what each of the
// capabilities is for.
func (h Host) holds(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		return !h.Held[name] && !h.Held[CapSysAdmin]
	})
}

// heldCapabilities returns the effective capabilities of the process by name.
func heldCapabilities() map[string]bool {
	held := map[string]bool{}
	set := cap.GetProc()
	for value := cap.Value(0); value < cap.MaxBits(); value++ {
		if on, err := set.GetFlag(cap.Effective, value); err == nil && on {
			held[capabilityName(value)] = true
		}
	}
	return held
}

// capabilityName returns the name as in capabilities(7).
func capabilityName(value cap.Value) string { return strings.ToUpper(value.String()) }
