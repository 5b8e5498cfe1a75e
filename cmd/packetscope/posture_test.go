package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/posture"
	"github.com/packetscope/packetscope/internal/posture/posturetest"
)

// fakePosture is a server with one card as it came with Linux 6.18, but for a limit that
// somebody has lowered and a file that is missing.
func fakePosture() posture.Host {
	root := posturetest.Recorded()
	root["proc/sys/net/ipv4/tcp_challenge_ack_limit"].Data = []byte("100\n")
	delete(root, "proc/sys/net/core/bpf_jit_harden")
	return posture.Host{
		Root:       root,
		Kinds:      func() (map[string]string, error) { return map[string]string{"lo": "device", "eth0": "device"}, nil },
		Exceptions: func(uint8) (posture.Exceptions, error) { return posture.Exceptions{All: 3, Floor: 1}, nil },
	}
}

func TestPostureFactTellsTheWorst(t *testing.T) {
	check := posture.Check{Name: "rp_filter", Attack: "spoofing", Right: "1", Cure: "net.ipv4.conf.DEVICE.rp_filter=1"}
	ok := posture.Finding{Check: check, Device: "eth0", Example: "eth0", State: posture.OK, Value: 2}
	bad := posture.Finding{Check: check, Device: posture.Veths, Example: "veth7", State: posture.Exposed}
	undecided := posture.Finding{Check: check, Device: "eth1", Example: "eth1", Value: 1}
	unread := posture.Finding{Check: check, Device: "eth1", Example: "eth1", Reason: "read /proc/sys/x: permission denied"}
	for _, c := range []struct {
		claim    string
		findings []posture.Finding
		want     kernel.Fact
	}{
		{"all is well", []posture.Finding{ok}, kernel.Fact{Outcome: kernel.Yes, Detail: "2 on eth0"}},
		{"one is exposed", []posture.Finding{ok, bad, unread}, kernel.Fact{Outcome: kernel.No, Detail: "0 on veth7 (veth): spoofing", Cure: "sysctl -w net.ipv4.conf.veth7.rp_filter=1  # right: 1"}},
		{"not decided by settings", []posture.Finding{ok, undecided}, kernel.Fact{Detail: "1 on eth1: spoofing"}},
		{"not read", []posture.Finding{ok, unread}, kernel.Fact{Detail: "read /proc/sys/x: permission denied"}},
	} {
		c.want.Name = "rp_filter"
		if diff := cmp.Diff(c.want, postureFact(check, c.findings)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
	}
}

func TestPostureFactsSayThatDevicesCannotBeListed(t *testing.T) {
	h := fakePosture()
	h.Kinds = func() (map[string]string, error) { return nil, errors.New("list devices: denied") }
	want := []kernel.Fact{{Name: "devices", Detail: "list devices: denied"}}
	if diff := cmp.Diff(want, postureFacts(h)); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}
