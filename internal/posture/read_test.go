package posture

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/posture/posturetest"
)

// recorded is posturetest.Recorded with some lines changed.
func recorded(changes ...string) fstest.MapFS {
	root := posturetest.Recorded()
	for _, line := range changes {
		posturetest.Set(root, line)
	}
	return root
}

func kindsOf(kinds map[string]string) func() (map[string]string, error) {
	return func() (map[string]string, error) { return kinds, nil }
}

var oneCard = kindsOf(map[string]string{"lo": "device", "eth0": "device"})

func read(t *testing.T, root fs.FS, kinds func() (map[string]string, error)) []string {
	t.Helper()
	findings, err := Host{Root: root, Kinds: kinds}.Read()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		line := fmt.Sprintf("%s %s %d", f.Check.Name, f.State, f.Value)
		if f.Device != "" {
			line = f.Device + " " + line
		}
		got = append(got, line)
	}
	return got
}

func TestReadJudgesARecordedHost(t *testing.T) {
	want := []string{
		"eth0 accept_redirects exposed 1", "eth0 secure_redirects exposed 1", "eth0 send_redirects ok 1", "eth0 accept_source_route ok 0",
		"eth0 rp_filter exposed 0", "eth0 log_martians exposed 0", "eth0 ip_forward ok 0",
		"eth0 ipv6_forwarding ok 0", "eth0 ipv6_accept_redirects exposed 1", "eth0 accept_ra ok 0",
		"eth0 arp_ignore exposed 0", "eth0 arp_announce exposed 0", "eth0 arp_accept ok 0", "eth0 proxy_arp ok 0",
		"tcp_syncookies ok 1", "tcp_challenge_ack_limit ok 2147483647", "tcp_rfc1337 exposed 0", "tcp_timestamps ok 1", "tcp_mtu_probing exposed 0",
		"icmp_ratelimit ok 1000", "icmp_ratemask ok 6168", "icmp_msgs_per_sec ok 1000", "icmp_echo_ignore_broadcasts ok 1",
		"ipfrag_high_thresh ok 4194304", "ip6frag_high_thresh ok 4194304", "ip_no_pmtu_disc exposed 0", "min_pmtu ok 552",
		"unprivileged_bpf_disabled ok 2", "bpf_jit_harden ok 0",
	}
	if diff := cmp.Diff(want, read(t, recorded(), oneCard)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// TestReadCombinesAsTheKernelDoes changes settings of all, of the device, and whether
// it forwards.
func TestReadCombinesAsTheKernelDoes(t *testing.T) {
	const all, own = "net/ipv4/conf/all/", "net/ipv4/conf/eth0/"
	const all6, own6 = "net/ipv6/conf/all/", "net/ipv6/conf/eth0/"
	for _, c := range []struct {
		changes []string
		want    string
	}{
		{[]string{all + "accept_redirects 0", own + "accept_redirects 0"}, "eth0 accept_redirects ok 0"},
		{[]string{all + "accept_redirects 0", own + "accept_redirects 1"}, "eth0 accept_redirects exposed 1"},
		{[]string{all + "accept_redirects 0", own + "accept_redirects 1", own + "forwarding 1"}, "eth0 accept_redirects ok 0"},
		{[]string{all + "accept_redirects 1", own + "accept_redirects 1", own + "forwarding 1"}, "eth0 accept_redirects exposed 1"},
		{[]string{all + "shared_media 0", own + "shared_media 0"}, "eth0 secure_redirects ok 1"},
		{[]string{all + "shared_media 0", own + "shared_media 0", all + "secure_redirects 0", own + "secure_redirects 0"}, "eth0 secure_redirects exposed 0"},
		{[]string{all + "shared_media 0"}, "eth0 secure_redirects exposed 1"},
		{[]string{all + "send_redirects 0", own + "forwarding 1"}, "eth0 send_redirects exposed 1"},
		{[]string{all + "send_redirects 0", own + "send_redirects 0", own + "forwarding 1"}, "eth0 send_redirects ok 0"},
		{[]string{all + "accept_source_route 1", own + "accept_source_route 0"}, "eth0 accept_source_route ok 0"},
		{[]string{all + "accept_source_route 1", own + "accept_source_route 1"}, "eth0 accept_source_route exposed 1"},
		{[]string{all + "rp_filter 0", own + "rp_filter 2"}, "eth0 rp_filter ok 2"},
		{[]string{all + "rp_filter 1", own + "rp_filter 0"}, "eth0 rp_filter ok 1"},
		{[]string{all + "log_martians 1"}, "eth0 log_martians ok 1"},
		{[]string{own + "forwarding 1"}, "eth0 ip_forward exposed 1"},
		{[]string{own + "forwarding 1", all + "rp_filter 2"}, "eth0 ip_forward ok 1"},
		{[]string{own6 + "forwarding 1"}, "eth0 ipv6_forwarding ok 0"},
		{[]string{all6 + "forwarding 1"}, "eth0 ipv6_forwarding unknown 1"},
		{[]string{own6 + "force_forwarding 1"}, "eth0 ipv6_forwarding unknown 1"},
		{[]string{all6 + "accept_redirects 0"}, "eth0 ipv6_accept_redirects exposed 1"},
		{[]string{own6 + "accept_redirects 0"}, "eth0 ipv6_accept_redirects ok 0"},
		{[]string{own6 + "forwarding 1"}, "eth0 ipv6_accept_redirects ok 0"},
		{[]string{own6 + "disable_ipv6 1"}, "eth0 ipv6_accept_redirects ok 0"},
		{[]string{own6 + "accept_ra 1"}, "eth0 accept_ra exposed 1"},
		{[]string{own6 + "accept_ra 1", own6 + "forwarding 1"}, "eth0 accept_ra ok 1"},
		{[]string{own6 + "accept_ra 2", own6 + "forwarding 1"}, "eth0 accept_ra exposed 2"},
		{[]string{own6 + "accept_ra 1", own6 + "disable_ipv6 1"}, "eth0 accept_ra ok 1"},
		{[]string{all + "arp_ignore 1"}, "eth0 arp_ignore ok 1"},
		{[]string{own + "arp_announce 2"}, "eth0 arp_announce ok 2"},
		{[]string{all + "arp_accept 1"}, "eth0 arp_accept exposed 1"},
		{[]string{own + "proxy_arp 1"}, "eth0 proxy_arp ok 1"},
		{[]string{own + "proxy_arp 1", own + "forwarding 1"}, "eth0 proxy_arp exposed 1"},
	} {
		if got := read(t, recorded(c.changes...), oneCard); !contains(got, c.want) {
			t.Errorf("%v: got no %q in\n%s", c.changes, c.want, strings.Join(got, "\n"))
		}
	}
}

func TestReadJudgesTheWhole(t *testing.T) {
	for _, c := range []struct{ change, want string }{
		{"net/ipv4/tcp_syncookies 0", "tcp_syncookies exposed 0"},
		{"net/ipv4/tcp_challenge_ack_limit 100", "tcp_challenge_ack_limit exposed 100"},
		{"net/ipv4/tcp_challenge_ack_limit 1000", "tcp_challenge_ack_limit ok 1000"},
		{"net/ipv4/tcp_rfc1337 1", "tcp_rfc1337 ok 1"},
		{"net/ipv4/tcp_timestamps 0", "tcp_timestamps exposed 0"},
		{"net/ipv4/tcp_timestamps 2", "tcp_timestamps exposed 2"},
		{"net/ipv4/tcp_mtu_probing 1", "tcp_mtu_probing ok 1"},
		{"net/ipv4/icmp_ratelimit 0", "icmp_ratelimit exposed 0"},
		{"net/ipv4/icmp_ratemask 6160", "icmp_ratemask exposed 6160"},
		{"net/ipv4/icmp_msgs_per_sec 10001", "icmp_msgs_per_sec exposed 10001"},
		{"net/ipv4/icmp_echo_ignore_broadcasts 0", "icmp_echo_ignore_broadcasts exposed 0"},
		{"net/ipv4/ipfrag_high_thresh 16777217", "ipfrag_high_thresh exposed 16777217"},
		{"net/ipv6/ip6frag_high_thresh 16777216", "ip6frag_high_thresh ok 16777216"},
		{"net/ipv4/ip_no_pmtu_disc 3", "ip_no_pmtu_disc ok 3"},
		{"net/ipv4/ip_no_pmtu_disc 1", "ip_no_pmtu_disc exposed 1"},
		{"net/ipv4/route/min_pmtu 68", "min_pmtu exposed 68"},
		{"kernel/unprivileged_bpf_disabled 0", "unprivileged_bpf_disabled exposed 0"},
		{"kernel/unprivileged_bpf_disabled 0", "bpf_jit_harden exposed 0"},
		{"net/ipv4/tcp_syncookies many", "tcp_syncookies unknown 0"},
	} {
		if got := read(t, recorded(c.change), oneCard); !contains(got, c.want) {
			t.Errorf("%s: got no %q in\n%s", c.change, c.want, strings.Join(got, "\n"))
		}
	}
}

func contains(lines []string, want string) bool {
	for _, line := range lines {
		if line == want {
			return true
		}
	}
	return false
}

// forbidden is a file system of which a file may not be read.
type forbidden struct {
	fs.FS
	path string
}

func (f forbidden) Open(name string) (fs.File, error) {
	if name == f.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.FS.Open(name)
}

func TestWhatMayNotBeReadIsUnknown(t *testing.T) {
	root := forbidden{recorded(), "proc/sys/net/core/bpf_jit_harden"}
	findings, err := Host{Root: root, Kinds: oneCard}.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		want := ""
		if f.Check.Name == BPFJITHarden {
			want = "read /proc/sys/net/core/bpf_jit_harden: permission denied"
		}
		if f.Reason != want || (want != "") != (f.State == Unknown) {
			t.Errorf("%s: %v, reason %q, want %q", f.Check.Name, f.State, f.Reason, want)
		}
	}
}

func TestHostWithoutIPv6HasNoChecksOfIt(t *testing.T) {
	root := recorded()
	for path := range root {
		if strings.HasPrefix(path, "proc/sys/net/ipv6/") {
			delete(root, path)
		}
	}
	for _, line := range read(t, root, oneCard) {
		if strings.Contains(line, "ip6") || strings.Contains(line, "ipv6") || strings.Contains(line, "accept_ra") {
			t.Errorf("got %q", line)
		}
	}
}

// TestManyDevicesAreFew has 500 containers, of which one is exposed, and 40 bridges.
func TestManyDevicesAreFew(t *testing.T) {
	kinds := map[string]string{"lo": "device", "eth0": "device"}
	root := recorded()
	add := func(device, kind, rpFilter string) {
		kinds[device] = kind
		posturetest.Set(root, "net/ipv4/conf/"+device+"/rp_filter "+rpFilter)
	}
	for i := range 500 {
		add(fmt.Sprintf("veth%03d", i), "veth", "1")
	}
	for i := range 40 {
		add(fmt.Sprintf("br-%02d", i), "bridge", "2")
	}
	add("veth123", "veth", "0")
	findings, err := Host{Root: root, Kinds: kindsOf(kinds)}.Read()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, f := range findings {
		if f.Check.Name == "rp_filter" {
			got[f.Device] = fmt.Sprintf("%s %d %s", f.State, f.Value, f.Example)
		}
	}
	want := map[string]string{"eth0": "exposed 0 eth0", Veths: "exposed 0 veth123", Others: "ok 2 br-15"}
	for i := range MaxDevices - 1 {
		device := fmt.Sprintf("br-%02d", i)
		want[device] = "ok 2 " + device
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rp_filter (-want +got):\n%s", diff)
	}
}

// TestDeviceThatVanishesIsNoFinding has a device in the list that has no settings.
func TestDeviceThatVanishesIsNoFinding(t *testing.T) {
	kinds := kindsOf(map[string]string{"eth0": "device", "gone0": "device"})
	if diff := cmp.Diff(read(t, recorded(), oneCard), read(t, recorded(), kinds)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestReadSaysThatDevicesCannotBeListed(t *testing.T) {
	broken := errors.New("list devices: broken")
	_, err := Host{Root: recorded(), Kinds: func() (map[string]string, error) { return nil, broken }}.Read()
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestCureNamesTheDevice(t *testing.T) {
	for _, f := range []struct{ device, want string }{
		{"eth0", "sysctl -w net.ipv4.conf.eth0.rp_filter=1"},
		{"eth0.5", "sysctl -w net.ipv4.conf.eth0/5.rp_filter=1"},
	} {
		for _, c := range deviceChecks {
			if got := (Finding{Check: c, Example: f.device}).Cure(); c.Name == "rp_filter" && got != f.want {
				t.Errorf("got %q, want %q", got, f.want)
			}
		}
	}
}
