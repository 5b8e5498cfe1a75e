package kernel

import (
	"errors"
	"fmt"
	"strings"
)

func (h Host) jitFact() Fact {
	on, err := h.sysctl("net.core.bpf_jit_enable")
	switch {
	case err != nil:
		// Only root may read it.
		return unknown("jit", err)
	case on == 0:
		return Fact{
			Name: "jit", Outcome: No, Detail: "programs are interpreted, several times slower",
			Cure: "sysctl -w net.core.bpf_jit_enable=1",
		}
	}
	return Fact{Name: "jit", Outcome: Yes, Detail: "programs run as machine code"}
}

// mounts are the file systems of interest, and how to mount what is absent.
// Nothing is pinned, and kprobes are made by perf_event_open, so that two of
// them are only worth knowing.
var mounts = []struct{ name, fsType, absent, cure string }{
	{"cgroup2", "cgroup2", "not mounted: no cgroup hooks", "mount -t cgroup2 none /sys/fs/cgroup"},
	{"bpffs", "bpf", "not mounted, not needed", ""},
	{"tracefs", "tracefs", "not mounted, not needed", ""},
}

func (h Host) mountFacts() []Fact {
	facts := make([]Fact, 0, len(mounts))
	for _, m := range mounts {
		switch point, err := h.MountPoint(m.fsType); {
		case err == nil:
			facts = append(facts, Fact{Name: m.name, Outcome: Yes, Detail: "mounted at " + point})
		case errors.Is(err, ErrNotMounted):
			facts = append(facts, Fact{Name: m.name, Outcome: No, Detail: m.absent, Cure: m.cure})
		default:
			facts = append(facts, unknown(m.name, err))
		}
	}
	return facts
}

func (h Host) unprivilegedFact() Fact {
	const name = "unprivileged_bpf_disabled"
	value, err := h.sysctl("kernel." + name)
	if err != nil {
		return unknown(name, err)
	}
	f := Fact{Name: name, Outcome: outcomeOf(value != 0), Detail: fmt.Sprintf("kernel.%s=%d", name, value)}
	if f.Outcome == No {
		// It does not matter to the exporter, but nobody should run like this.
		f.Cure = "sysctl -w kernel." + name + "=2"
	}
	return f
}

func (h Host) perfFact() Fact {
	const name = "perf_event_paranoid"
	value, err := h.sysctl("kernel." + name)
	if err != nil {
		return unknown(name, err)
	}
	f := Fact{Name: name, Outcome: Yes, Detail: fmt.Sprintf("kernel.%s=%d", name, value)}
	// Debian and Ubuntu add levels above 2 that shut out CAP_PERFMON.
	if value > 2 && !h.Held[CapSysAdmin] {
		f.Outcome = No
		f.Detail += ": kprobes may demand CAP_SYS_ADMIN instead of CAP_PERFMON"
		f.Cure = "sysctl -w kernel." + name + "=2, or add CAP_SYS_ADMIN"
	}
	return f
}

func (h Host) lockdownFact() Fact {
	const name = "lockdown"
	modes, err := h.read("sys/kernel/security/lockdown")
	if err != nil {
		return Fact{Name: name, Detail: firstLine(err), Cure: "mount -t securityfs securityfs /sys/kernel/security"}
	}
	// "none [integrity] confidentiality": the mode in force is in brackets.
	_, mode, _ := strings.Cut(modes, "[")
	mode, _, _ = strings.Cut(mode, "]")
	if mode == "confidentiality" {
		return Fact{
			Name: name, Outcome: No, Detail: "mode confidentiality: programs may not read kernel memory",
			Cure: "boot with lockdown=integrity",
		}
	}
	return Fact{Name: name, Outcome: Yes, Detail: "mode " + mode + ": does not stand in the way"}
}

func (h Host) memlockFact() Fact {
	const name = "memlock"
	release, _, err := h.Release()
	if err != nil {
		return unknown(name, err)
	}
	if release.AtLeast(5, 11) {
		return Fact{Name: name, Outcome: Yes, Detail: "maps are charged to the memory cgroup"}
	}
	limits, err := h.read("proc/self/limits")
	if err != nil {
		return unknown(name, err)
	}
	soft := "unknown"
	for line := range strings.Lines(limits) {
		if rest, ok := strings.CutPrefix(line, "Max locked memory"); ok {
			soft, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
		}
	}
	f := Fact{Name: name, Outcome: outcomeOf(soft == "unlimited" || h.Held[CapSysResource]), Detail: "limit " + soft}
	if f.Outcome == No {
		f.Cure = "ulimit -l unlimited (LimitMEMLOCK=infinity), or add CAP_SYS_RESOURCE"
	}
	return f
}

// statsFact tells whether the run time of programs is or can be accounted for.
func (h Host) statsFact() Fact {
	const name = "run_stats"
	value, err := h.sysctl("kernel.bpf_stats_enabled")
	if err != nil {
		return unknown(name, err)
	}
	switch {
	case value != 0:
		return Fact{Name: name, Outcome: Yes, Detail: "always on by kernel.bpf_stats_enabled: two clock reads per run"}
	case h.Held[CapSysAdmin]:
		return Fact{Name: name, Outcome: Yes, Detail: "off, can be switched on for a while"}
	}
	return Fact{
		Name: name, Outcome: No, Detail: "off",
		Cure: "add CAP_SYS_ADMIN, or sysctl -w kernel.bpf_stats_enabled=1",
	}
}
