package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// oldest is the oldest kernel that the probes are written for: it brought
// CAP_BPF, BPF_ENABLE_STATS and the ring buffer.
var oldest = Release{5, 8}

// Facts returns what the kernel can do and how it is set up, in a fixed order.
func (h Host) Facts() []Fact {
	facts := []Fact{h.releaseFact(), h.userNamespaceFact()}
	facts = append(facts, h.typeFacts()...)
	facts = append(facts, h.trampolineFact(), h.kprobeFact(), h.jitFact())
	facts = append(facts, h.mountFacts()...)
	return append(facts, h.unprivilegedFact(), h.perfFact(), h.lockdownFact(), h.memlockFact(), h.statsFact())
}

func (h Host) releaseFact() Fact {
	release, name, err := h.Release()
	if err != nil {
		return unknown("release", err)
	}
	f := Fact{Name: "release", Outcome: outcomeOf(release.AtLeast(oldest.Major, oldest.Minor)), Detail: "Linux " + name}
	if f.Outcome == No {
		f.Cure = "run Linux " + oldest.String() + " or newer"
	}
	return f
}

// userNamespaceFact tells whether capabilities count outside of a container: a
// process that is root in its own user namespace has them all and may do nothing.
func (h Host) userNamespaceFact() Fact {
	uidMap, err := h.read("proc/self/uid_map")
	if err != nil {
		return unknown("initial_user_namespace", err)
	}
	if strings.Join(strings.Fields(uidMap), " ") == "0 0 4294967295" {
		return Fact{Name: "initial_user_namespace", Outcome: Yes, Detail: "capabilities count"}
	}
	return Fact{
		Name: "initial_user_namespace", Outcome: No, Detail: "capabilities do not count outside of this user namespace",
		Cure: "run without a user namespace (not rootless, no userns-remap)",
	}
}

// typeFacts are those that can be read from the kernel's types, by anyone.
func (h Host) typeFacts() []Fact {
	types, err := h.BTF()
	switch {
	case errors.Is(err, ErrMissing), errors.Is(err, fs.ErrNotExist):
		f := Fact{Name: "btf", Outcome: No, Detail: err.Error(), Cure: btfCure}
		return []Fact{f, {Name: "netfilter_links", Detail: "needs btf"}, {Name: "tcx", Detail: "needs btf"}}
	case err != nil:
		return []Fact{unknown("btf", err), {Name: "netfilter_links", Detail: "needs btf"}, {Name: "tcx", Detail: "needs btf"}}
	}
	return []Fact{
		{Name: "btf", Outcome: Yes, Detail: "the kernel describes its types"},
		functionFact(types, "netfilter_links", "bpf_nf_link_attach", "6.4"),
		functionFact(types, "tcx", "tcx_link_attach", "6.6"),
	}
}

const btfCure = "use a kernel built with CONFIG_DEBUG_INFO_BTF=y; in a container, mount /sys/kernel/btf"

// functionFact tells whether the kernel has the function behind a feature.
func functionFact(types *BTF, name, function, since string) Fact {
	if types.HasFunction(function) {
		return Fact{Name: name, Outcome: Yes, Detail: "built in"}
	}
	return Fact{Name: name, Outcome: No, Detail: Missing(name, since).Error(), Cure: "run Linux " + since + " or newer"}
}

func (h Host) trampolineFact() Fact {
	err := h.Trampoline()
	switch {
	case err == nil:
		return Fact{Name: "trampolines", Outcome: Yes, Detail: "fentry can be attached"}
	case errors.Is(err, ErrMissing):
		return Fact{
			Name: "trampolines", Outcome: No, Detail: err.Error(),
			Cure: "use a kernel built with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y (Linux 5.5, on arm64 6.0)",
		}
	case !h.holds(CapBPF, CapPerfmon):
		return Fact{Name: "trampolines", Detail: firstLine(err), Cure: "try again with CAP_BPF and CAP_PERFMON"}
	}
	return Fact{
		Name: "trampolines", Outcome: No, Detail: firstLine(err),
		Cure: "use a kernel built with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y, and no security module that forbids fentry",
	}
}

func (h Host) kprobeFact() Fact {
	// The performance unit through which kprobes are made, since Linux 4.17.
	switch h.exists("sys/bus/event_source/devices", "kprobe") {
	case Yes:
		return Fact{Name: "kprobes", Outcome: Yes, Detail: "built in"}
	case No:
		return Fact{
			Name: "kprobes", Outcome: No, Detail: Missing("kprobes", "").Error(),
			Cure: "use a kernel built with CONFIG_KPROBE_EVENTS=y",
		}
	}
	return Fact{Name: "kprobes", Detail: "cannot look into /sys/bus/event_source", Cure: "mount sysfs at /sys"}
}

// unknown is the fact that could not be found out because of err.
func unknown(name string, err error) Fact {
	return Fact{Name: name, Detail: firstLine(err)}
}

// firstLine keeps a verifier log out of a table.
func firstLine(err error) string {
	line, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return line
}
