package host

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
)

var update = flag.Bool("update", false, "write the golden files")

// odd is the server with devices that have something wrong with them.
func odd() *Facts {
	f := server()
	f.Devices = append(f.Devices,
		Device{Index: 4, Name: "taken0", Up: true, XDP: &Program{ID: 38, Name: "suricata", Mode: "native"}},
		Device{Index: 5, Name: "jumbo0", Up: true, Driver: "ixgbevf", MTU: 9000},
		Device{Index: 6, Name: "vlan0", Up: true, RxVLAN: true},
		Device{Index: 7, Name: "ours0", Up: true, XDP: &Program{ID: 39, Name: "guard_entry", Mode: "native"}},
		Device{Index: 9, Name: "eth0.7", Up: true, VLAN: 7, Parent: 2},
		Device{Index: 8, Name: "lro0", Up: true, Driver: "bnx2x", MTU: 1500, LRO: true},
	)
	return f
}

// oddFor is the odd host, whose kernel is too old for the file that is about that.
func oddFor(file string, p *policy.Policy) *Facts {
	f := odd()
	if strings.HasSuffix(file, "sockets_elsewhere.bad.yaml") {
		f.Detours = []Detour{{DetourForwarding, "sysctl net.ipv4.ip_forward is on"}, {DetourNAT, "nftables has 12 rules that translate addresses"}}
	}
	f.NoCookies = strings.HasSuffix(file, "no_cookies.bad.yaml")
	if strings.HasSuffix(file, "old_kernel.bad.yaml") {
		f.Kernel = "5.8.0"
		f.Abilities = []kernel.Fact{
			{Name: "guard_entry", Outcome: kernel.Unknown, Detail: "operation not permitted"},
			factOf("xdp_links", "", kernel.Missing("links of XDP", "5.9")),
			{Name: "xdp_loop", Outcome: kernel.Yes},
		}
	}
	for _, part := range featuresOf(p) { // a kernel without the one that the file is named after
		if strings.HasSuffix(file, "no_"+part.name+".bad.yaml") {
			f.Kernel, f.Abilities = "5.3.0", append(f.Abilities, factOf(part.name, "", part.lacking()))
		}
	}
	return f
}

// Each file holds one fault on the odd host. The message stands in the comment at its
// end.
func TestEachFaultOfAHostHasItsMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body, want, _ := strings.Cut(string(text), "\n# ")
		p, faults := policy.Load([]string{file}, policy.Options{})
		if len(faults) != 0 {
			t.Fatalf("%s: %v", file, faults)
		}
		var got []string
		for _, f := range Check(p, oddFor(file, p)) {
			got = append(got, strings.ReplaceAll(f.String(), "testdata/", ""))
			seen[f.Code] = true
		}
		if *update {
			body = strings.TrimSuffix(body, "\n") + "\n# " + strings.Join(got, "\n# ") + "\n"
			if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff([]string{strings.TrimSpace(want)}, got); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", file, diff)
		}
	}
	for _, c := range policy.Codes {
		if c.OfHost && !seen[c.Code] {
			t.Errorf("no file has the fault %s: %s", c.Code, c.Title)
		}
	}
}

// TestSocketsAboveAPortAreNotFound: sshd is in a VRF for management, of which eth0 is a port.
func TestSocketsAboveAPortAreNotFound(t *testing.T) {
	p, faults := policy.Load([]string{"testdata/sockets_elsewhere.bad.yaml"}, policy.Options{})
	if len(faults) != 0 {
		t.Fatal(faults)
	}
	sshd := Socket{Protocol: packet.TCP, Local: netip.MustParseAddrPort("0.0.0.0:22"), State: Listening}
	bound := sshd
	bound.Device = 7
	for _, c := range []struct {
		name    string
		master  int
		sockets []Socket
		want    int
	}{
		{"bound to the VRF", 7, []Socket{sshd, bound}, 1},
		{"bound to nothing", 7, []Socket{sshd}, 0},
		{"bound to a device that is not above", 8, []Socket{bound}, 0},
		{"a device that is no port", 0, []Socket{sshd, bound}, 0},
	} {
		f := &Facts{Devices: []Device{{Index: 2, Name: "eth0", Master: c.master}, {Index: 7, Name: "vrf-mgmt"}, {Index: 8, Name: "br0"}}, Sockets: c.sockets}
		got := elsewhere(p, f)
		if len(got) != c.want {
			t.Errorf("%s: %v, want %d faults", c.name, got, c.want)
		}
		if c.want > 0 && len(got) > 0 && !strings.Contains(got[0].String(), "G322]: g/out-of-state: sockets are bound to vrf-mgmt, of which eth0 is a port") {
			t.Errorf("%s: %v", c.name, got[0])
		}
	}
}

func TestSoundPoliciesHaveNoFaultsOnAHost(t *testing.T) {
	p, faults := policy.Load([]string{"../../../rules/guarder/baseline.yaml", "../../../rules/guarder/forged-icmp.yaml"}, policy.Options{})
	if len(faults) != 0 {
		t.Fatal(faults)
	}
	if got := Check(p, odd()); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// TestReadyPoliciesCountNoAnswers has the kernel give ports to connections as it comes, and
// as where many are made.
func TestReadyPoliciesCountNoAnswers(t *testing.T) {
	for first, want := range map[uint16][]string{0: nil, 32768: nil, 16384: {"bans/ports-that-answer"}} {
		files, err := filepath.Glob("../../../rules/guarder/*.yaml")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files: %v", err)
		}
		var got []string
		for _, file := range files {
			if strings.HasSuffix(file, "_test.yaml") {
				continue
			}
			p, faults := policy.Load([]string{file}, policy.Options{})
			if p == nil {
				t.Fatal(faults)
			}
			for _, f := range answers(p, &Facts{FirstPort: first, LastPort: 60999}) {
				got = append(got, f.In)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ports from %d: rules (-want +got):\n%s", first, diff)
		}
	}
}

func TestCardsThatJoinPacketsAreSlow(t *testing.T) {
	for name, want := range map[string]string{
		"lro0":   "joins packets (LRO), which native XDP refuses",
		"eth0.7": "is VLAN 7 of eth0 and has no driver that runs XDP",
		"jumbo0": "(ixgbevf, MTU 9000) may refuse native XDP",
		"eth0":   "",
	} {
		d, _ := odd().Named(name)
		if got, _ := odd().slow(d); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
