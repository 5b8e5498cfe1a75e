package kernel

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCapableHostNeedsNoCure(t *testing.T) {
	want := []Fact{
		{Name: "release", Outcome: Yes, Detail: "Linux 6.18.44-cloud-amd64"},
		{Name: "initial_user_namespace", Outcome: Yes, Detail: "capabilities count"},
		{Name: "btf", Outcome: Yes, Detail: "the kernel describes its types"},
		{Name: "netfilter_links", Outcome: Yes, Detail: "built in"},
		{Name: "tcx", Outcome: Yes, Detail: "built in"},
		{Name: "trampolines", Outcome: Yes, Detail: "fentry can be attached"},
		{Name: "kprobes", Outcome: Yes, Detail: "built in"},
		{Name: "jit", Outcome: Yes, Detail: "programs run as machine code"},
		{Name: "cgroup2", Outcome: Yes, Detail: "mounted at /sys/fs/cgroup/my unified"},
		{Name: "bpffs", Outcome: Yes, Detail: "mounted at /sys/fs/bpf"},
		{Name: "tracefs", Outcome: Yes, Detail: "mounted at /sys/kernel/tracing"},
		{Name: "unprivileged_bpf_disabled", Outcome: Yes, Detail: "kernel.unprivileged_bpf_disabled=2"},
		{Name: "perf_event_paranoid", Outcome: Yes, Detail: "kernel.perf_event_paranoid=2"},
		{Name: "lockdown", Outcome: Yes, Detail: "mode integrity: does not stand in the way"},
		{Name: "memlock", Outcome: Yes, Detail: "maps are charged to the memory cgroup"},
		{Name: "run_stats", Outcome: Yes, Detail: "off, can be switched on for a while"},
	}
	if diff := cmp.Diff(want, capable(t).Facts()); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

// changed returns the facts of h that differ from those of the capable host.
func changed(t *testing.T, h Host) []Fact {
	t.Helper()
	var facts []Fact
	before := capable(t).Facts()
	for i, f := range h.Facts() {
		if f != before[i] {
			facts = append(facts, f)
		}
	}
	return facts
}

func TestEachFlawShowsInItsOwnFact(t *testing.T) {
	noTrampoline := func(err error) func(*testing.T, Host) Host {
		return func(_ *testing.T, h Host) Host {
			h.Trampoline = func() error { return err }
			return h
		}
	}
	file := func(path, text string) func(*testing.T, Host) Host {
		return func(_ *testing.T, h Host) Host { return h.with(map[string]string{path: text}) }
	}
	const trampolineCure = "use a kernel built with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y"
	for _, c := range []struct {
		flaw   string
		change func(*testing.T, Host) Host
		want   []Fact
	}{
		{"root of a container only", file("proc/self/uid_map", "0 100000 65536\n"), []Fact{{
			Name: "initial_user_namespace", Outcome: No,
			Detail: "capabilities do not count outside of this user namespace",
			Cure:   "run without a user namespace (not rootless, no userns-remap)",
		}}},
		{"no types", func(_ *testing.T, h Host) Host {
			h.BTF = func() (*BTF, error) { return nil, Missing("BTF", "") }
			return h
		}, []Fact{
			{Name: "btf", Outcome: No, Detail: "BTF not supported (not built into this kernel)", Cure: btfCure},
			{Name: "netfilter_links", Outcome: Unknown, Detail: "needs btf"},
			{Name: "tcx", Outcome: Unknown, Detail: "needs btf"},
		}},
		{"Linux 6.1", func(t *testing.T, h Host) Host {
			h = h.with(map[string]string{"proc/sys/kernel/osrelease": "6.1.0-18-amd64"})
			types := typesWith(t, nil, "ip_rcv")
			h.BTF = func() (*BTF, error) { return types, nil }
			return h
		}, []Fact{
			{Name: "release", Outcome: Yes, Detail: "Linux 6.1.0-18-amd64"},
			{
				Name: "netfilter_links", Outcome: No,
				Detail: "netfilter_links not supported (requires Linux >= 6.4)", Cure: "run Linux 6.4 or newer",
			},
			{Name: "tcx", Outcome: No, Detail: "tcx not supported (requires Linux >= 6.6)", Cure: "run Linux 6.6 or newer"},
		}},
		{"Linux 5.4 with a low limit of locked memory", func(_ *testing.T, h Host) Host {
			return h.with(map[string]string{
				"proc/sys/kernel/osrelease": "5.4.0",
				"proc/self/limits": "Limit                     Soft Limit           Hard Limit           Units     \n" +
					"Max locked memory         65536                65536                bytes     \n",
			})
		}, []Fact{
			{Name: "release", Outcome: No, Detail: "Linux 5.4.0", Cure: "run Linux 5.8 or newer"},
			{
				Name: "memlock", Outcome: No, Detail: "limit 65536",
				Cure: "ulimit -l unlimited (LimitMEMLOCK=infinity), or add CAP_SYS_RESOURCE",
			},
		}},
		{"trampolines not built in", noTrampoline(Missing("trampolines", "5.5")), []Fact{{
			Name: "trampolines", Outcome: No, Detail: "trampolines not supported (requires Linux >= 5.5)",
			Cure: trampolineCure + " (Linux 5.5, on arm64 6.0)",
		}}},
		{"trampolines forbidden to the privileged", noTrampoline(fs.ErrPermission), []Fact{{
			Name: "trampolines", Outcome: No, Detail: "permission denied",
			Cure: trampolineCure + ", and no security module that forbids fentry",
		}}},
		{"trampolines forbidden to the unprivileged", func(t *testing.T, h Host) Host {
			h = noTrampoline(errors.New("load program: not permitted\nverifier log"))(t, h)
			h.Held = held(CapBPF)
			return h
		}, []Fact{
			{
				Name: "trampolines", Outcome: Unknown, Detail: "load program: not permitted",
				Cure: "try again with CAP_BPF and CAP_PERFMON",
			},
			{
				Name: "run_stats", Outcome: No, Detail: "off",
				Cure: "add CAP_SYS_ADMIN, or sysctl -w kernel.bpf_stats_enabled=1",
			},
		}},
		{"kprobes not built in", func(_ *testing.T, h Host) Host {
			return h.with(map[string]string{
				"sys/bus/event_source/devices/kprobe/type": "", "sys/bus/event_source/devices/uprobe/type": "9",
			})
		}, []Fact{{
			Name: "kprobes", Outcome: No, Detail: "kprobes not supported (not built into this kernel)",
			Cure: "use a kernel built with CONFIG_KPROBE_EVENTS=y",
		}}},
		{"no sysfs", file("sys/bus/event_source/devices/kprobe/type", ""), []Fact{{
			Name: "kprobes", Outcome: Unknown, Detail: "cannot look into /sys/bus/event_source", Cure: "mount sysfs at /sys",
		}}},
		{"no JIT", file("proc/sys/net/core/bpf_jit_enable", "0"), []Fact{{
			Name: "jit", Outcome: No, Detail: "programs are interpreted, several times slower",
			Cure: "sysctl -w net.core.bpf_jit_enable=1",
		}}},
		{"nothing mounted", file("proc/mounts", "proc /proc proc rw 0 0\n"), []Fact{
			{Name: "cgroup2", Outcome: No, Detail: "not mounted: no cgroup hooks", Cure: "mount -t cgroup2 none /sys/fs/cgroup"},
			{Name: "bpffs", Outcome: No, Detail: "not mounted, not needed"},
			{Name: "tracefs", Outcome: No, Detail: "not mounted, not needed"},
		}},
		{"BPF open to all", file("proc/sys/kernel/unprivileged_bpf_disabled", "0"), []Fact{{
			Name: "unprivileged_bpf_disabled", Outcome: No, Detail: "kernel.unprivileged_bpf_disabled=0",
			Cure: "sysctl -w kernel.unprivileged_bpf_disabled=2",
		}}},
		{"confidentiality", file("sys/kernel/security/lockdown", "none integrity [confidentiality]"), []Fact{{
			Name: "lockdown", Outcome: No, Detail: "mode confidentiality: programs may not read kernel memory",
			Cure: "boot with lockdown=integrity",
		}}},
		{"no securityfs", file("sys/kernel/security/lockdown", ""), []Fact{{
			Name: "lockdown", Outcome: Unknown, Detail: "open /sys/kernel/security/lockdown: file does not exist",
			Cure: "mount -t securityfs securityfs /sys/kernel/security",
		}}},
		{"accounting always on", file("proc/sys/kernel/bpf_stats_enabled", "1"), []Fact{{
			Name: "run_stats", Outcome: Yes, Detail: "always on by kernel.bpf_stats_enabled: two clock reads per run",
		}}},
		{"Debian's perf_event_paranoid", func(_ *testing.T, h Host) Host {
			h = h.with(map[string]string{
				"proc/sys/kernel/perf_event_paranoid": "3", "proc/sys/kernel/bpf_stats_enabled": "1",
			})
			h.Held = held(CapBPF, CapPerfmon)
			return h
		}, []Fact{
			{
				Name: "perf_event_paranoid", Outcome: No,
				Detail: "kernel.perf_event_paranoid=3: kprobes may demand CAP_SYS_ADMIN instead of CAP_PERFMON",
				Cure:   "sysctl -w kernel.perf_event_paranoid=2, or add CAP_SYS_ADMIN",
			},
			{Name: "run_stats", Outcome: Yes, Detail: "always on by kernel.bpf_stats_enabled: two clock reads per run"},
		}},
	} {
		t.Run(c.flaw, func(t *testing.T) {
			if diff := cmp.Diff(c.want, changed(t, c.change(t, capable(t)))); diff != "" {
				t.Errorf("facts that changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingReadableMeansUnknown(t *testing.T) {
	host := capable(t)
	host.Root = files(nil)
	want := map[string]Outcome{"btf": Yes, "netfilter_links": Yes, "tcx": Yes, "trampolines": Yes}
	for _, f := range host.Facts() {
		if f.Outcome != want[f.Name] {
			t.Errorf("%s is %v, want %v", f.Name, f.Outcome, want[f.Name])
		}
	}
}

func TestObstacleNamesOneCauseAndItsCure(t *testing.T) {
	for _, c := range []struct {
		flaw   string
		change func(Host) Host
		want   string
	}{
		{"old kernel", func(h Host) Host {
			return h.with(map[string]string{"proc/sys/kernel/osrelease": "5.4.0-150-generic"})
		}, "kernel 5.4.0-150-generic is too old (run Linux 5.8 or newer)"},
		{"ordinary user", func(h Host) Host { h.Held = nil; return h },
			"no privilege: CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing " +
				"(run as root, or: setcap cap_bpf,cap_perfmon,cap_net_admin+ep on the program)"},
		{"one capability short", func(h Host) Host { h.Held = held(CapBPF, CapNetAdmin); return h },
			"no privilege: CAP_PERFMON missing (run as root, or: setcap cap_perfmon+ep on the program)"},
		{"rootless container", func(h Host) Host {
			return h.with(map[string]string{"proc/self/uid_map": "0 100000 65536"})
		}, "capabilities do not count outside of this user namespace (run without a user namespace (not rootless, no userns-remap))"},
		{"no types", func(h Host) Host {
			h.BTF = func() (*BTF, error) { return nil, Missing("BTF", "") }
			return h
		}, "no BTF: the kernel does not describe its types (" + btfCure + ")"},
	} {
		if got := c.change(capable(t)).Obstacle(); got == nil || got.Error() != c.want {
			t.Errorf("%s: obstacle %v, want %s", c.flaw, got, c.want)
		}
	}
	if got := capable(t).Obstacle(); got != nil {
		t.Errorf("capable host: obstacle %v, want none", got)
	}
}

func TestOutcomesSurviveJSON(t *testing.T) {
	for _, want := range []Outcome{Unknown, No, Yes} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Outcome
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("%v becomes %s becomes %v, %v", want, text, got, err)
		}
	}
	if err := json.Unmarshal([]byte(`"perhaps"`), new(Outcome)); err == nil {
		t.Error("accepted the outcome perhaps")
	}
}

// TestThisHostAnswers runs the real questions, so that a file or a program that
// the kernel rejects outright shows up here and not first with a user.
func TestThisHostAnswers(t *testing.T) {
	facts := map[string]Fact{}
	for _, f := range ThisHost().Facts() {
		t.Logf("%-26s %-8v %s", f.Name, f.Outcome, f.Detail)
		facts[f.Name] = f
	}
	for _, name := range []string{"release", "initial_user_namespace", "memlock"} {
		if facts[name].Outcome == Unknown {
			t.Errorf("%s is unknown on Linux: %s", name, facts[name].Detail)
		}
	}
	if os.Geteuid() == 0 && facts["trampolines"].Outcome == Unknown {
		t.Errorf("trampolines are unknown to root: %s", facts["trampolines"].Detail)
	}
}
