//go:build kernel && linux

package posture

import (
	"fmt"
	"os"
	"testing"

	"github.com/packetscope/packetscope/internal/testnet"
)

// stateIn returns the state of a check in a namespace.
func stateIn(t *testing.T, ns *testnet.Namespace, check, device string) string {
	t.Helper()
	var report Report
	var err error
	ns.Do(t, func() { report, err = ThisHost().Report() })
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Check.Name == check && f.Device == device {
			return fmt.Sprintf("%s %d%s", f.State, f.Value, f.Reason)
		}
	}
	return "absent"
}

// write sets a file below /proc/sys in the namespace.
func write(t *testing.T, ns *testnet.Namespace, path, value string) {
	t.Helper()
	var err error
	ns.Do(t, func() { err = os.WriteFile("/proc/sys/"+path, []byte(value), 0) })
	if err != nil {
		t.Fatal(err)
	}
}

// TestStatesFollowTheSettings sets each to a right and to a wrong value. The devices of a
// test network are ends of a veth pair.
func TestStatesFollowTheSettings(t *testing.T) {
	n := testnet.New(t)
	var device string
	n.Left.Do(t, func() {
		kinds, err := linkKinds()
		if err != nil {
			t.Error(err)
		}
		for name, kind := range kinds {
			if kind == "veth" {
				device = name
			}
		}
	})
	const all4 = "net/ipv4/conf/all/"
	own4, own6 := "net/ipv4/conf/"+device+"/", "net/ipv6/conf/"+device+"/"
	for _, name := range []string{"accept_redirects", "send_redirects", "rp_filter", "log_martians", "arp_ignore", "arp_announce", "arp_accept", "proxy_arp", "shared_media"} {
		write(t, n.Left, all4+name, "0")
	}
	write(t, n.Left, all4+"accept_source_route", "1")
	write(t, n.Left, own4+"rp_filter", "0")
	for _, c := range []struct{ check, device, path, right, wrong, rightState, wrongState string }{
		{"accept_redirects", Veths, own4 + "accept_redirects", "0", "1", "ok 0", "exposed 1"},
		{"accept_source_route", Veths, own4 + "accept_source_route", "0", "1", "ok 0", "exposed 1"},
		{"log_martians", Veths, own4 + "log_martians", "1", "0", "ok 1", "exposed 0"},
		{"ip_forward", Veths, own4 + "forwarding", "0", "1", "ok 0", "exposed 1"},
		{"send_redirects", Veths, own4 + "send_redirects", "0", "1", "ok 0", "exposed 1"},
		{"proxy_arp", Veths, own4 + "proxy_arp", "0", "1", "ok 0", "exposed 1"},
		{"rp_filter", Veths, own4 + "rp_filter", "1", "0", "ok 1", "exposed 0"},
		{"arp_ignore", Veths, own4 + "arp_ignore", "1", "0", "ok 1", "exposed 0"},
		{"arp_announce", Veths, own4 + "arp_announce", "2", "0", "ok 2", "exposed 0"},
		{"arp_accept", Veths, own4 + "arp_accept", "0", "1", "ok 0", "exposed 1"},
		{"ipv6_accept_redirects", Veths, own6 + "accept_redirects", "0", "1", "ok 0", "exposed 1"},
		{"accept_ra", Veths, own6 + "accept_ra", "0", "1", "ok 0", "exposed 1"},
		{"ipv6_forwarding", Veths, "net/ipv6/conf/all/forwarding", "0", "1", "ok 0", "unknown 1"},
		{"tcp_syncookies", "", "net/ipv4/tcp_syncookies", "1", "0", "ok 1", "exposed 0"},
		{"tcp_challenge_ack_limit", "", "net/ipv4/tcp_challenge_ack_limit", "2147483647", "100", "ok 2147483647", "exposed 100"},
		{"tcp_rfc1337", "", "net/ipv4/tcp_rfc1337", "1", "0", "ok 1", "exposed 0"},
		{"tcp_timestamps", "", "net/ipv4/tcp_timestamps", "1", "2", "ok 1", "exposed 2"},
		{"tcp_mtu_probing", "", "net/ipv4/tcp_mtu_probing", "1", "0", "ok 1", "exposed 0"},
		{"icmp_ratelimit", "", "net/ipv4/icmp_ratelimit", "1000", "0", "ok 1000", "exposed 0"},
		{"icmp_ratemask", "", "net/ipv4/icmp_ratemask", "6168", "6160", "ok 6168", "exposed 6160"},
		{"icmp_echo_ignore_broadcasts", "", "net/ipv4/icmp_echo_ignore_broadcasts", "1", "0", "ok 1", "exposed 0"},
		{"ipfrag_high_thresh", "", "net/ipv4/ipfrag_high_thresh", "4194304", "33554432", "ok 4194304", "exposed 33554432"},
		{"ip6frag_high_thresh", "", "net/ipv6/ip6frag_high_thresh", "4194304", "33554432", "ok 4194304", "exposed 33554432"},
		{"ip_no_pmtu_disc", "", "net/ipv4/ip_no_pmtu_disc", "3", "0", "ok 3", "exposed 0"},
	} {
		var exists bool
		n.Left.Do(t, func() { _, err := os.Stat("/proc/sys/" + c.path); exists = err == nil })
		if !exists {
			// Older kernels have some for the whole machine alone, where no test may change it.
			if got := stateIn(t, n.Left, c.check, c.device); c.device != "" || got[:7] != "unknown" {
				t.Errorf("%s without its file: %s", c.check, got)
			}
			continue
		}
		for _, v := range []struct{ value, want string }{{c.right, c.rightState}, {c.wrong, c.wrongState}} {
			write(t, n.Left, c.path, v.value)
			if got := stateIn(t, n.Left, c.check, c.device); got != v.want {
				t.Errorf("%s = %s: %s, want %s", c.path, v.value, got, v.want)
			}
		}
		if c.check != "ip_forward" { // the next ones need it
			write(t, n.Left, c.path, c.right)
		}
	}
}
