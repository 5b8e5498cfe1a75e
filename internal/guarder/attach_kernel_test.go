//go:build kernel && linux

package guarder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/testnet"
)

// verdict returns a program that gives every packet of IPv4 the same verdict: 1 drops,
// 2 passes. All others pass.
func verdict(t *testing.T, action int32) *ebpf.Program {
	t.Helper()
	const data, dataEnd = 0, 4 // of struct xdp_md
	const typeAt, headerLength, ipv4 = 12, 14, 0x0008
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "other_xdp", Type: ebpf.XDP, AttachType: ebpf.AttachXDP, License: "MIT",
		Instructions: asm.Instructions{
			asm.Mov.Imm(asm.R0, 2),
			asm.LoadMem(asm.R2, asm.R1, data, asm.Word),
			asm.LoadMem(asm.R3, asm.R1, dataEnd, asm.Word),
			asm.Mov.Reg(asm.R4, asm.R2),
			asm.Add.Imm(asm.R4, headerLength),
			asm.JGT.Reg(asm.R4, asm.R3, "out"),
			asm.LoadMem(asm.R5, asm.R2, typeAt, asm.Half),
			asm.JNE.Imm(asm.R5, ipv4, "out"),
			asm.Mov.Imm(asm.R0, action),
			asm.Return().WithSymbol("out"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// pins returns an empty folder in the BPF file system, which is emptied at the end.
func pins(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/sys/fs/bpf", "packetscope_test_")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := Detach(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// rightSide returns the device of a network's right end.
func rightSide(t *testing.T, n *testnet.Net) Device {
	t.Helper()
	var devices []Device
	n.Right.Do(t, func() {
		var err error
		if devices, err = Devices([]string{n.Right.Device}); err != nil {
			t.Fatal(err)
		}
	})
	return devices[0]
}

// arrives tells whether a datagram gets from left to right over IPv4. One over IPv6 goes
// the same way behind it and must arrive, so that the first need not be waited for.
func arrives(t *testing.T, n *testnet.Net) bool {
	t.Helper()
	first, second := datagram(t, n, testnet.IPv4), datagram(t, n, testnet.IPv6)
	defer first.Close()
	defer second.Close()
	for _, pair := range []*testnet.UDPPair{first, second} {
		if _, err := pair.Sender.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := second.Receiver.Read(make([]byte, 1)); err != nil {
		t.Fatalf("a datagram over IPv6 does not get through: %v", err)
	}
	// Two processors may hand them over at the same time, and one of them be busy.
	first.Receiver.SetReadDeadline(time.Now().Add(max(25*time.Millisecond, testnet.Margin(5*time.Millisecond))))
	_, err := first.Receiver.Read(make([]byte, 1))
	if errors.Is(err, os.ErrDeadlineExceeded) { // it may have come while this test did not run
		_, err = testnet.ReadNow(first.Receiver, make([]byte, 1))
	}
	return err == nil
}

func datagram(t *testing.T, n *testnet.Net, f testnet.Family) *testnet.UDPPair {
	t.Helper()
	pair, err := testnet.NewUDPPair(n.Left, n.Right, f)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestAttachedProgramOutlivesItsLinkAndIsReplaced(t *testing.T) {
	n, dir := testnet.New(t), pins(t)
	device := rightSide(t, n)
	for _, c := range []struct {
		action  int32
		arrives bool
	}{{2, true}, {1, false}, {2, true}} {
		n.Right.Do(t, func() {
			got, err := Attach(dir, device, verdict(t, c.action))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Attachment{Device: device, Hook: Native}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
		if got := arrives(t, n); got != c.arrives {
			t.Errorf("under action %d a packet arrives: %v", c.action, got)
		}
	}
}

// TestDeviceThatGoesNeedsNoOtherProgram removes one when its link has been looked up.
func TestDeviceThatGoesNeedsNoOtherProgram(t *testing.T) {
	n, dir := testnet.New(t), pins(t)
	stays, goes := rightSide(t, n), addDevice(t, n, "late0")
	n.Right.Do(t, func() {
		for _, d := range []Device{stays, goes} {
			if _, err := Attach(dir, d, verdict(t, 2)); err != nil {
				t.Fatal(err)
			}
		}
		links, err := pinnedLinks(dir)
		if err != nil || len(links) != 2 {
			t.Fatal(links, err)
		}
		defer links.Close()
		remove(t, &lab{net: n}, goes)
		if err := links.update(verdict(t, 1)); err != nil {
			t.Error(err)
		}
	})
	if arrives(t, n) {
		t.Error("the device that stays runs the program before")
	}
}

func TestProgramsOfOthersAreLeftAlone(t *testing.T) {
	n, dir := testnet.New(t), pins(t)
	device := rightSide(t, n)
	n.Right.Do(t, func() {
		other, err := link.AttachXDP(link.XDPOptions{Program: verdict(t, 2), Interface: device.Index})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		_, err = Attach(dir, device, verdict(t, 1))
		if !errors.Is(err, ErrOtherProgram) || !strings.Contains(err.Error(), "other_xdp") || !strings.Contains(err.Error(), "xdp off") {
			t.Errorf("attach: %v", err)
		}
	})
	if !arrives(t, n) {
		t.Error("the other program was replaced")
	}
}

func TestDetachRemovesEverything(t *testing.T) {
	n, dir := testnet.New(t), filepath.Join(pins(t), "guard")
	device := rightSide(t, n)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	n.Right.Do(t, func() {
		if _, err := Attach(dir, device, verdict(t, 1)); err != nil {
			t.Fatal(err)
		}
	})
	// An agent that hangs keeps the link open.
	held, err := link.LoadPinnedLink(filepath.Join(dir, linkPin(device.Index)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	removed, err := Detach(dir)
	if err != nil || len(removed) != 1 {
		t.Errorf("removed %q, %v", removed, err)
	}
	if !arrives(t, n) {
		t.Error("the program is still there")
	}
	if removed, err := Detach(dir); removed != nil || err != nil {
		t.Errorf("again: %q, %v", removed, err)
	}
}

func TestGenericWhereTheDriverCannot(t *testing.T) {
	n, dir := testnet.New(t), pins(t)
	n.Right.Do(t, func() {
		devices, err := Devices([]string{"lo"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Attach(dir, devices[0], verdict(t, 2))
		if err != nil {
			t.Fatal(err)
		}
		if got.Hook != Generic || got.Why == "" {
			t.Errorf("loopback: %+v", got)
		}
	})
}

// TestPinsOfAnotherNamespaceAreLeftAlone starts an agent in another network namespace than
// the one before, as happens when its command is repeated in a container: devices have the
// same indices there.
func TestPinsOfAnotherNamespaceAreLeftAlone(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	l.open(t).Close()
	elsewhere := l.config
	elsewhere.Devices = []string{l.net.Left.Device}
	l.net.Left.Do(t, func() {
		devices, err := Devices(elsewhere.Devices)
		if err != nil {
			t.Fatal(err)
		}
		if right := rightSide(t, l.net); devices[0].Index != right.Index {
			t.Fatalf("the test needs devices of one index, and has %d and %d", devices[0].Index, right.Index)
		}
		e, err := Open(elsewhere, quiet)
		if err == nil {
			t.Errorf("the agent takes the program of %q for that of %q: %+v", l.net.Right.Device, l.net.Left.Device, status(t, e).Devices)
			e.Close()
		} else if !strings.Contains(err.Error(), "another network namespace") {
			t.Error(err)
		}
	})
	if arrives(t, l.net) {
		t.Error("the first namespace is not guarded any more")
	}
	if e := l.open(t); len(status(t, e).Devices) != 1 {
		t.Errorf("status %+v", status(t, e).Devices)
	}
}
