package kernel

import (
	"errors"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"
)

// files makes a root file system.
func files(content map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for path, text := range content {
		root[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

// held makes Host.Held.
func held(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// typesWith returns types that have the tracepoints, by name and number of
// arguments, and the functions.
func typesWith(t *testing.T, tracepoints map[string]int, functions ...string) *BTF {
	t.Helper()
	builder, err := btf.NewBuilder(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	add := func(typ btf.Type) {
		if _, err := builder.Add(typ); err != nil {
			t.Fatal(err)
		}
	}
	pointer := &btf.Pointer{Target: (*btf.Void)(nil)}
	for name, args := range tracepoints {
		proto := &btf.FuncProto{Return: (*btf.Void)(nil)}
		for range args + 1 {
			proto.Params = append(proto.Params, btf.FuncParam{Type: pointer})
		}
		add(&btf.Typedef{Name: "btf_trace_" + name, Type: &btf.Pointer{Target: proto}})
	}
	for _, name := range functions {
		add(&btf.Func{Name: name, Type: &btf.FuncProto{Return: (*btf.Void)(nil)}, Linkage: btf.StaticFunc})
	}
	spec, err := builder.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return &BTF{spec}
}

// capable is a host on which all is well: Linux 6.18, everything built in.
func capable(t *testing.T) Host {
	types := typesWith(t, nil, "bpf_nf_link_attach", "tcx_link_attach")
	return Host{
		Root: files(map[string]string{
			"proc/sys/kernel/osrelease":                 "6.18.44-cloud-amd64\n",
			"proc/self/uid_map":                         "         0          0 4294967295\n",
			"proc/sys/net/core/bpf_jit_enable":          "1\n",
			"proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
			"proc/sys/kernel/perf_event_paranoid":       "2\n",
			"proc/sys/kernel/bpf_stats_enabled":         "0\n",
			"proc/mounts": "proc /proc proc rw 0 0\n" +
				"cgroup2 /sys/fs/cgroup/my\\040unified cgroup2 rw,relatime 0 0\n" +
				"bpf /sys/fs/bpf bpf rw 0 0\n" +
				"tracefs /sys/kernel/tracing tracefs rw 0 0\n",
			"sys/bus/event_source/devices/kprobe/type": "8\n",
			"sys/kernel/security/lockdown":             "none [integrity] confidentiality\n",
		}),
		Held:       held(CapBPF, CapPerfmon, CapNetAdmin, CapSysAdmin),
		BTF:        func() (*BTF, error) { return types, nil },
		Trampoline: func() error { return nil },
	}
}

// with returns the host with files replaced; "" removes one.
func (h Host) with(changes map[string]string) Host {
	root := maps.Clone(h.Root.(fstest.MapFS))
	for path, text := range changes {
		if text == "" {
			delete(root, path)
			continue
		}
		root[path] = &fstest.MapFile{Data: []byte(text)}
	}
	h.Root = root
	return h
}

func TestReleaseIsParsedFromAnyName(t *testing.T) {
	for text, want := range map[string]Release{
		"6.18.44-fc-v445":     {6, 18},
		"5.4":                 {5, 4},
		"6.1.0-18-amd64\n":    {6, 1},
		"6.12-rc3":            {6, 12},
		"4.18.0-553.el8_10.1": {4, 18},
	} {
		if got, err := ParseRelease(text); err != nil || got != want {
			t.Errorf("ParseRelease(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "6", "six.one", "6.", ".1", "-6.1"} {
		if got, err := ParseRelease(text); err == nil {
			t.Errorf("ParseRelease(%q) = %v, want an error", text, got)
		}
	}
}

func TestReleasesAreOrdered(t *testing.T) {
	r := Release{6, 4}
	for _, c := range []struct {
		major, minor int
		want         bool
	}{{6, 4, true}, {6, 3, true}, {5, 19, true}, {6, 5, false}, {7, 0, false}} {
		if got := r.AtLeast(c.major, c.minor); got != c.want {
			t.Errorf("%v.AtLeast(%d, %d) = %v, want %v", r, c.major, c.minor, got, c.want)
		}
	}
}

func TestMountPointIsFoundByType(t *testing.T) {
	host := capable(t)
	got, err := host.MountPoint("cgroup2")
	if want := "/sys/fs/cgroup/my unified"; err != nil || got != want {
		t.Errorf("MountPoint(cgroup2) = %q, %v, want %q", got, err, want)
	}
	if _, err := host.MountPoint("cgroup"); !errors.Is(err, ErrNotMounted) {
		t.Errorf("MountPoint(cgroup): error %v, want ErrNotMounted", err)
	}
}

func TestMissingErrorsNameFeatureAndRelease(t *testing.T) {
	for want, err := range map[string]error{
		"netfilter link not supported (requires Linux >= 6.4)": Missing("netfilter link", "6.4"),
		"kprobes not supported (not built into this kernel)":   Missing("kprobes", ""),
	} {
		if got := err.Error(); got != want {
			t.Errorf("error %q, want %q", got, want)
		}
		if !errors.Is(err, ErrMissing) {
			t.Errorf("%q does not match ErrMissing", err)
		}
	}
}

func TestTypesKnowTracepointsAndFunctions(t *testing.T) {
	types := typesWith(t, map[string]int{"kfree_skb": 4, "nothing": 0}, "ip_rcv")
	type answer struct {
		Args int
		Has  bool
	}
	got := map[string]answer{}
	for _, name := range []string{"kfree_skb", "nothing", "ip_rcv"} {
		args, ok := types.TracepointArgs(name)
		if ok != types.HasTracepoint(name) {
			t.Errorf("HasTracepoint(%q) = %v, want %v", name, !ok, ok)
		}
		got[name] = answer{args, ok}
	}
	want := map[string]answer{"kfree_skb": {4, true}, "nothing": {0, true}, "ip_rcv": {0, false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tracepoints (-want +got):\n%s", diff)
	}
	if !types.HasFunction("ip_rcv") || types.HasFunction("kfree_skb") {
		t.Error("functions: want ip_rcv and not kfree_skb")
	}
}

// TestRunningKernelDescribesItself needs no privilege: the types are readable
// by everyone.
func TestRunningKernelDescribesItself(t *testing.T) {
	types, err := LoadBTF()
	if errors.Is(err, ErrMissing) {
		t.Skip("this kernel has no BTF")
	}
	if err != nil {
		t.Fatal(err)
	}
	// void netif_receive_skb(struct sk_buff *skb), since Linux 2.6.37.
	if args, ok := types.TracepointArgs("netif_receive_skb"); !ok || args != 1 {
		t.Errorf("TracepointArgs(netif_receive_skb) = %d, %v, want 1, true", args, ok)
	}
	if !types.HasFunction("ip_rcv") {
		t.Error("no function ip_rcv")
	}
	if types.HasTracepoint("no_such_tracepoint") || types.HasFunction("no_such_function") {
		t.Error("has what does not exist")
	}
}
