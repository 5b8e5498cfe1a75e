//go:build kernel && linux

package guarder

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// late drops what comes over devices whose names begin with late.
const late = `version: 1
defaults: {mode: enforce, interfaces: [DEVICE, "late*", {name: optional0, optional: true}]}
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - rule: no-datagrams
    match: {family: ipv4, proto: udp, dst_port: 4242, interface: "late*"}
    action: drop
`

// lateFrame is one of them.
var lateFrame = (&packet.Frame{
	Source: netip.MustParseAddr("192.0.2.1"), Destination: netip.MustParseAddr("192.0.2.2"),
	Protocol: packet.UDP, SourcePort: 1, DestinationPort: 4242,
}).Bytes()

// devicesOf returns the devices of the status with their hooks.
func devicesOf(t *testing.T, e *Engine) map[string]Hook {
	t.Helper()
	hooks := make(map[string]Hook)
	for _, d := range status(t, e).Devices {
		hooks[d.Name] = d.Hook
	}
	return hooks
}

// remove removes a device on the right.
func remove(t *testing.T, l *lab, d Device) {
	t.Helper()
	if err := l.do(t, func() error {
		device, err := netlink.LinkByIndex(d.Index)
		if err != nil {
			return err
		}
		return netlink.LinkDel(device)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestDevicesThatComeAndGoAreFollowed(t *testing.T) {
	l := newRealLab(t)
	if err := os.WriteFile(l.file, []byte(strings.ReplaceAll(late, "DEVICE", l.net.Right.Device)), 0o600); err != nil {
		t.Fatal(err)
	}
	e := l.open(t)
	// Nobody calls: the kernel tells.
	first := addDevice(t, l.net, "late0")
	optional := addDevice(t, l.net, "optional0")
	all := map[string]Hook{l.net.Right.Device: Native, "late0": Native, "optional0": Native, "late0peer": Native}
	until(t, func() bool { return cmp.Equal(all, devicesOf(t, e)) })
	peer := *l.net.Right
	peer.Device = "late0peer"
	if err := peer.Wire(t).Send(lateFrame); err != nil {
		t.Fatal(err)
	}
	// The rule is for a device that had no index when it was compiled.
	until(t, func() bool { return credited(t, e)["drop"].Packets == 1 })
	remove(t, l, first)
	remove(t, l, optional)
	all = map[string]Hook{l.net.Right.Device: Native, "optional0": None}
	until(t, func() bool { return cmp.Equal(all, devicesOf(t, e)) })
	pins, err := filepath.Glob(filepath.Join(l.config.Dir, "link_*"))
	if err != nil || len(pins) != 1 {
		t.Errorf("pinned are %v, %v", pins, err)
	}
}

// TestRenamedDeviceGetsTheRulesOfItsName gives a device a name that a rule is for.
func TestRenamedDeviceGetsTheRulesOfItsName(t *testing.T) {
	l := newLab(t)
	device := addDevice(t, l.net, "optional0")
	if err := os.WriteFile(l.file, []byte(strings.ReplaceAll(late, "DEVICE", l.net.Right.Device)), 0o600); err != nil {
		t.Fatal(err)
	}
	e := l.open(t)
	if err := l.do(t, func() error {
		renamed, err := netlink.LinkByIndex(device.Index)
		return errors.Join(err, netlink.LinkSetDown(renamed), netlink.LinkSetName(renamed, "late0"), netlink.LinkSetUp(renamed))
	}); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return devicesOf(t, e)["late0"] == Native })
	if testnet.InVM() { // where a program stands in that knows no devices
		e.Close()
		if index := e.current.indices["late0"]; index != device.Index {
			t.Errorf("the rules take %d for the index of late0, which is %d", index, device.Index)
		}
		return
	}
	peer := *l.net.Right
	peer.Device = "optional0peer"
	if err := peer.Wire(t).Send(lateFrame); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return credited(t, e)["drop"].Packets == 1 })
}

// TestDeviceThatGetsAnotherNameIsLeftAlone gives a device a name that the policy is not for,
// and the old one again.
func TestDeviceThatGetsAnotherNameIsLeftAlone(t *testing.T) {
	l := newLab(t)
	device := addDevice(t, l.net, "optional0")
	if err := os.WriteFile(l.file, []byte(strings.ReplaceAll(late, "DEVICE", l.net.Right.Device)), 0o600); err != nil {
		t.Fatal(err)
	}
	e := l.open(t)
	rename := func(name string) {
		t.Helper()
		if err := l.do(t, func() error {
			renamed, err := netlink.LinkByIndex(device.Index)
			return errors.Join(err, netlink.LinkSetDown(renamed), netlink.LinkSetName(renamed, name), netlink.LinkSetUp(renamed))
		}); err != nil {
			t.Fatal(err)
		}
	}
	rename("management0")
	until(t, func() bool { return devicesOf(t, e)["optional0"] == None })
	if hasProgram(t, l, device) {
		t.Error("the policy is on a device that it is not for, and the status says that it is not")
	}
	rename("optional0")
	until(t, func() bool { return devicesOf(t, e)["optional0"] == Native })
	if !hasProgram(t, l, device) {
		t.Error("it is bare")
	}
}

// TestProgramThatSomebodyRemovedComesBack detaches the link behind the agent's back, and
// later puts another program in its place.
func TestProgramThatSomebodyRemovedComesBack(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	var log strings.Builder
	e := l.open(t)
	look := func() {
		t.Helper()
		l.do(t, func() error {
			e.logger = logTo(&log)
			e.look(time.Now(), true)
			return nil
		})
	}
	detach := func() {
		t.Helper()
		if err := detachLink(filepath.Join(l.config.Dir, linkPin(rightSide(t, l.net).Index))); err != nil {
			t.Fatal(err)
		}
	}
	detach()
	if !arrives(t, l.net) {
		t.Fatal("the test did not remove the program")
	}
	look()
	look()
	if n := strings.Count(log.String(), "somebody had removed the program"); n != 1 || arrives(t, l.net) {
		t.Errorf("it is not there again, or that was logged %d times: %s", n, log.String())
	}
	detach()
	l.net.Right.Do(t, func() {
		other, err := link.AttachXDP(link.XDPOptions{Program: verdict(t, 2), Interface: rightSide(t, l.net).Index})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { other.Close() })
	})
	look()
	look()
	s := status(t, e)
	if len(s.Devices) != 1 || s.Devices[0].Hook != None || !strings.Contains(s.Devices[0].Why, "other_xdp") {
		t.Errorf("devices %+v", s.Devices)
	}
	if n := strings.Count(log.String(), "a device is not guarded"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
}

// TestDetachBehindTheAgentsBackHolds removes what is pinned without asking the agent, which
// must not attach a program that it cannot pin, again and again.
func TestDetachBehindTheAgentsBackHolds(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	e := l.open(t)
	if _, err := Detach(l.config.Dir); err != nil {
		t.Fatal(err)
	}
	l.do(t, func() error { e.look(time.Now(), true); return nil })
	s := status(t, e)
	if len(s.Devices) != 1 || s.Devices[0].Hook != None || !strings.Contains(s.Devices[0].Why, "is gone, by guard detach") {
		t.Errorf("devices %+v", s.Devices)
	}
	if !arrives(t, l.net) {
		t.Error("it is attached again")
	}
	if err := l.apply(t, e); err == nil || !strings.Contains(err.Error(), "start the agent again") {
		t.Errorf("apply: %v", err)
	}
}

// TestDeviceThatThePolicyIsNotForAnyMoreIsLeftAlone has the next policy name another
// device; until that is confirmed, it is for the first one too.
func TestDeviceThatThePolicyIsNotForAnyMoreIsLeftAlone(t *testing.T) {
	l := newLab(t)
	addDevice(t, l.net, "late0")
	l.write(t, "enforce", "")
	e := l.open(t)
	text, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	next := strings.Replace(string(text), l.net.Right.Device, "late0", 1) + "failsafe: {confirm_within: 1h}\n"
	if err := os.WriteFile(l.file, []byte(next), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	if arrives(t, l.net) {
		t.Error("the first device is bare before the second policy is confirmed")
	}
	if err := e.Confirm(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Hook{"late0": Native}, devicesOf(t, e)); diff != "" || !arrives(t, l.net) {
		t.Errorf("the first device is still guarded (-want +got):\n%s", diff)
	}
}
