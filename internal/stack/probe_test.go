package stack

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
)

func TestProbesNameEveryProgramOnceAndNoOther(t *testing.T) {
	named := make(map[HookFamily]map[string]bool)
	for _, f := range HookFamilies {
		named[f] = make(map[string]bool)
	}
	for _, p := range probes() {
		for _, h := range p.hooks {
			for _, a := range h.attachments {
				named[a.familyIn(h)][a.program] = true
			}
		}
	}
	for _, f := range HookFamilies {
		built := slices.Sorted(maps.Keys(programs(t, f)))
		if diff := cmp.Diff(built, slices.Sorted(maps.Keys(named[f]))); diff != "" {
			t.Errorf("programs of the %v family (-built +named by probes):\n%s", f, diff)
		}
	}
}

// The section of a program names what it is attached to, and so does the probe: one of
// them decides, the other is what people read.
func TestProgramsAreBuiltForTheTargetOfTheirProbe(t *testing.T) {
	for _, p := range probes() {
		for _, h := range p.hooks {
			if h.family == Net {
				continue // netfilter programs are not built for one hook
			}
			for _, a := range h.attachments {
				s := programs(t, a.familyIn(h))[a.program]
				if !strings.HasSuffix(s.SectionName, "/"+a.target) {
					t.Errorf("probe %s, program %q is in section %q, its target is %q", p.name, a.program, s.SectionName, a.target)
				}
				if isReturn := strings.HasPrefix(s.SectionName, "fexit/") || strings.HasPrefix(s.SectionName, "kretprobe/"); isReturn != a.returns {
					t.Errorf("probe %s, program %q is in section %q, but returns is %v", p.name, a.program, s.SectionName, a.returns)
				}
			}
		}
	}
}

func TestProbeNamesAreTheirOwn(t *testing.T) {
	seen := make(map[string]bool)
	for _, name := range ProbeNames() {
		if seen[name] || name == "" {
			t.Errorf("probe name %q twice", name)
		}
		seen[name] = true
	}
	stations := make(map[bpf.Station]string)
	for _, p := range probes() {
		if len(p.hooks) == 0 {
			t.Errorf("probe %q has no hooks", p.name)
		}
		if !slices.Contains(ProbeGroups(), p.group) {
			t.Errorf("probe %q is in group %q, want one of %q", p.name, p.group, ProbeGroups())
		}
		if p.station != 0 && stations[p.station] != "" {
			t.Errorf("probes %q and %q are the same station", p.name, stations[p.station])
		}
		stations[p.station] = p.name
	}
	for s := bpf.LinkReceive; int(s) < bpf.Stations; s++ {
		if stations[s] == "" {
			t.Errorf("no probe for station %v", stationLabels[s])
		}
	}
}

func TestHooksAreDescribed(t *testing.T) {
	got := make(map[string][]string)
	for _, p := range probes() {
		for _, h := range p.hooks {
			got[p.name] = append(got[p.name], h.describe())
		}
	}
	for name, want := range map[string][]string{
		"link_receive": {"tp_btf:netif_receive_skb", "tcx:ingress"},
		"network_receive": {
			"fentry:ip_local_deliver,ip6_input", "netfilter:input", "kprobe:ip_local_deliver,ip6_input",
		},
		"transport_transmit": {
			"fentry:__ip_local_out,__ip6_local_out,ip6_xmit",
			"fentry:__ip_local_out,__ip6_local_out+kprobe:ip6_xmit",
			"netfilter:output",
			"kprobe:__ip_local_out,__ip6_local_out,ip6_xmit",
		},
		"socket_write": {
			"tp_btf:sock_send_length", "fexit:inet_sendmsg,inet6_sendmsg", "kprobe:inet_sendmsg,inet6_sendmsg",
		},
		"qdisc_wait":     {"tp_btf:qdisc_enqueue,qdisc_dequeue"},
		"netfilter_hook": {"netfilter:prerouting,input,forward,output,postrouting"},
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("hooks of %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCandidatesFollowTheConfig(t *testing.T) {
	families := func(hooks []hook) []HookFamily {
		var families []HookFamily
		for _, h := range hooks {
			families = append(families, h.family)
		}
		return families
	}
	all := []HookFamily{Trampoline, Net, Kprobe}
	for _, c := range []struct {
		name  string
		probe string
		hooks map[string]HookFamily
		want  []HookFamily
		err   string
	}{
		{"by default all, the best first", "network_receive", nil, all, ""},
		{"auto is the default", "network_receive", map[string]HookFamily{"": Auto, "network_receive": Auto}, all, ""},
		{"one family for all", "network_receive", map[string]HookFamily{"": Kprobe}, []HookFamily{Kprobe}, ""},
		{"one family for all but the probes without it", "link_receive", map[string]HookFamily{"": Kprobe}, []HookFamily{Tracepoint, Net}, ""},
		{"a name wins", "network_receive", map[string]HookFamily{"": Kprobe, "network_receive": Net}, []HookFamily{Net}, ""},
		{"the name of another does not", "network_receive", map[string]HookFamily{"drop": Net}, all, ""},
		{"a family that the named probe has not", "drop", map[string]HookFamily{"drop": Net}, nil, `probe "drop" has no net hook`},
		{"all ways of a family", "transport_transmit", map[string]HookFamily{"": Trampoline}, []HookFamily{Trampoline, Trampoline}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := probeNamed(t, c.probe)
			got, err := p.candidates(Config{Hooks: c.hooks})
			if message(err) != c.err {
				t.Errorf("error %q, want %q", message(err), c.err)
			}
			if diff := cmp.Diff(c.want, families(got)); diff != "" {
				t.Errorf("families (-want +got):\n%s", diff)
			}
		})
	}
}

func probeNamed(t *testing.T, name string) probe {
	t.Helper()
	for _, p := range probes() {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("no probe %q", name)
	return probe{}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestGroupsAreWanted(t *testing.T) {
	wanted := func(cfg Config) map[string]bool {
		groups := make(map[string]bool)
		for _, p := range probes() {
			if p.wanted(cfg) {
				groups[p.group] = true
			}
		}
		return groups
	}
	for _, c := range []struct {
		name string
		cfg  Config
		want []string
	}{
		{"netfilter only if asked for", Config{}, []string{GroupStack, GroupSocket, GroupDevice, GroupSoftirq, GroupDrops, GroupFlows, GroupTCP}},
		{"all", Config{NetfilterTiming: true}, ProbeGroups()},
		{"disabled", Config{Disable: []string{GroupSocket, GroupDevice, GroupSoftirq, GroupDrops, GroupFlows, GroupTCP}}, []string{GroupStack}},
		{"disabled and asked for", Config{NetfilterTiming: true, Disable: ProbeGroups()}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := slices.Sorted(maps.Keys(wanted(c.cfg)))
			if diff := cmp.Diff(slices.Sorted(slices.Values(c.want)), got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}
