//go:build kernel && linux

package guarder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// foreign pins state as an agent of another format might have: its maps and its link
// have other names and are in other folders. It drops what comes over IPv4.
func foreign(t *testing.T, l *lab) (folder string) {
	t.Helper()
	folder = filepath.Join(l.config.Dir, "format_9")
	if err := os.MkdirAll(filepath.Join(folder, "devices"), 0o700); err != nil {
		t.Fatal(err)
	}
	jump, err := ebpf.NewMap(&ebpf.MapSpec{Name: "jump", Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer jump.Close()
	if err := jump.Put(uint32(0), verdict(t, 1)); err != nil {
		t.Fatal(err)
	}
	if err := jump.Pin(filepath.Join(folder, "jump")); err != nil {
		t.Fatal(err)
	}
	entry, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "guard_of_9", Type: ebpf.XDP, AttachType: ebpf.AttachXDP, License: "MIT",
		Instructions: asm.Instructions{
			asm.LoadMapPtr(asm.R2, jump.FD()),
			asm.Mov.Imm(asm.R3, 0),
			asm.FnTailCall.Call(),
			asm.Mov.Imm(asm.R0, 2),
			asm.Return(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer entry.Close()
	l.net.Right.Do(t, func() {
		hold, err := link.AttachXDP(link.XDPOptions{Program: entry, Interface: rightSide(t, l.net).Index})
		if err != nil {
			t.Fatal(err)
		}
		defer hold.Close()
		if err := hold.Pin(filepath.Join(folder, "devices", "right")); err != nil {
			t.Fatal(err)
		}
	})
	if arrives(t, l.net) {
		t.Fatal("the other format does not enforce")
	}
	return folder
}

// TestAnotherFormatIsTakenOver has both drop the same, so that no packet may pass.
func TestAnotherFormatIsTakenOver(t *testing.T) {
	l := newLab(t)
	folder := foreign(t, l)
	l.write(t, "enforce", "")
	f := startFlood(t, l.net)
	var log strings.Builder
	var e *Engine
	if err := l.do(t, func() (err error) {
		e, err = Open(l.config, logTo(&log))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	until(t, func() bool { return credited(t, e)["drop"].Packets > 0 })
	sent := f.end(t)
	if n := credited(t, e)["drop"].Packets; f.arrived.Load() != 0 || n >= sent {
		t.Errorf("of %d datagrams %d arrived, and %d are counted", sent, f.arrived.Load(), n)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("its state is still there: %v", err)
	}
	if !strings.Contains(log.String(), "state of another version is not used any more and removed; counters began anew") {
		t.Errorf("the log does not say so: %s", log.String())
	}
}

// TestAnotherFormatComesBackAfterATrial takes a policy back that audits.
func TestAnotherFormatComesBackAfterATrial(t *testing.T) {
	l := newLab(t)
	folder := foreign(t, l)
	l.write(t, "audit", anHour)
	e := l.open(t)
	if !arrives(t, l.net) {
		t.Error("the policy on trial is not in force")
	}
	if err := e.Rollback(); err != nil {
		t.Fatal(err)
	}
	if arrives(t, l.net) {
		t.Error("the policy of the other format is not in force again")
	}
	if s := status(t, e); s.InForce != InForceEarlier {
		t.Errorf("in force is %q", s.InForce)
	}
	e.Close()
	e = l.open(t)
	if arrives(t, l.net) {
		t.Error("the policy of the other format is not in force any more")
	}
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	if err := e.Confirm(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !arrives(t, l.net) || !os.IsNotExist(err) {
		t.Errorf("the state of the other format is not given up: %v", err)
	}
}

// TestTakeoverThatFailsChangesNothing has a second device that runs a program of somebody
// else.
func TestTakeoverThatFailsChangesNothing(t *testing.T) {
	l := newLab(t)
	folder := foreign(t, l)
	l.write(t, "audit", "")
	other := addDevice(t, l.net, "late0")
	l.net.Right.Do(t, func() {
		hold, err := link.AttachXDP(link.XDPOptions{Program: verdict(t, 2), Interface: other.Index})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { hold.Close() })
	})
	l.config.Devices = []string{l.net.Right.Device, other.Name}
	for _, life := range []string{"", anHour} {
		l.write(t, "audit", life)
		if err := l.do(t, func() error {
			e, err := Open(l.config, quiet)
			if err == nil {
				e.Close()
			}
			return err
		}); err == nil || !strings.Contains(err.Error(), other.Name) {
			t.Errorf("opened: %v", err)
		}
		if _, err := os.Stat(filepath.Join(folder, "devices", "right")); err != nil || arrives(t, l.net) {
			t.Errorf("the other format does not enforce any more: %v", err)
		}
	}
}

// addDevice adds a device to the right that leads to the left, where its name ends in
// "peer".
func addDevice(t *testing.T, n *testnet.Net, name string) (d Device) {
	t.Helper()
	n.Right.Do(t, func() {
		pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "peer"}
		err := netlink.LinkAdd(pair)
		for _, end := range []string{name, name + "peer"} {
			if err == nil {
				var l netlink.Link
				if l, err = netlink.LinkByName(end); err == nil {
					err = netlink.LinkSetUp(l)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		devices, err := Devices([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		d = devices[0]
	})
	return d
}

// TestStateThatCannotBeUsedIsReplaced damages what an agent has left.
func TestStateThatCannotBeUsedIsReplaced(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	l.open(t).Close()
	if err := os.Remove(filepath.Join(l.config.Dir, formatFolder(storeFormat), "guard_totals")); err != nil {
		t.Fatal(err)
	}
	f := startFlood(t, l.net)
	e := l.open(t)
	until(t, func() bool { return credited(t, e)["drop"].Packets > 0 })
	if sent := f.end(t); f.arrived.Load() != 0 {
		t.Errorf("%d of %d datagrams arrived", f.arrived.Load(), sent)
	}
	if others, err := e.store.Others(); len(others) != 0 || err != nil {
		t.Errorf("left are %v, %v", others, err)
	}
}

// TestStateThatCannotBeReadIsLeftAlone has an agent that may open no more files than the
// lock: that says nothing of what is pinned.
func TestStateThatCannotBeReadIsLeftAlone(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	l.open(t).Close()
	next, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	fewer := unix.Rlimit{Cur: uint64(next.Fd()) + 1}
	next.Close()
	var all unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &all); err != nil {
		t.Fatal(err)
	}
	fewer.Max = all.Max
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &fewer, nil); err != nil {
		t.Fatal(err)
	}
	_, err = OpenStore(l.config.Dir, 1)
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &all, nil); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("opened with: %v", err)
	}
	if put, err := filepath.Glob(filepath.Join(l.config.Dir, "*_until_*")); err != nil || put != nil {
		t.Errorf("put aside were %v, %v", put, err)
	}
}

// TestOneAgentAtATime has two of them look after one folder, each with an admin socket of
// its own. The second may not even read what the first has made.
func TestOneAgentAtATime(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	e := l.open(t)
	second := func() error {
		return l.do(t, func() error {
			other, err := Open(l.config, quiet)
			if err == nil {
				other.Close()
			}
			return err
		})
	}
	if err := second(); err == nil || !strings.Contains(err.Error(), "another agent looks after "+l.config.Dir) {
		t.Errorf("a second agent: %v", err)
	}
	if arrives(t, l.net) || credited(t, e)["drop"].Packets != 1 {
		t.Error("the first one was disturbed")
	}
	e.Close()
	if err := second(); err != nil {
		t.Errorf("when the first one is gone: %v", err)
	}
}

// TestDetachWorksWhateverIsThere has state of another format, a half-made store, and a link
// whose device is gone, and no agent.
func TestDetachWorksWhateverIsThere(t *testing.T) {
	l := newLab(t)
	foreign(t, l)
	gone := addDevice(t, l.net, "late0")
	l.net.Right.Do(t, func() {
		if _, err := Attach(l.config.Dir, gone, verdict(t, 1)); err != nil {
			t.Fatal(err)
		}
	})
	remove(t, l, gone)
	half := filepath.Join(l.config.Dir, formatFolder(storeFormat))
	if err := os.MkdirAll(filepath.Join(half, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := verdict(t, 1).Pin(filepath.Join(half, "in_force")); err != nil {
		t.Fatal(err)
	}
	removed, err := Detach(l.config.Dir)
	if err != nil {
		t.Error(err)
	}
	want := []string{formatFolder(storeFormat) + "/in_force", "format_9/devices/right", "format_9/jump", linkPin(gone.Index)}
	if diff := cmp.Diff(want, removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(l.config.Dir); !os.IsNotExist(err) || !arrives(t, l.net) {
		t.Errorf("something is left: %v", err)
	}
}

// TestHalfMadeStoreIsMadeAnew is what an agent finds that follows one that died as it made
// its store.
func TestHalfMadeStoreIsMadeAnew(t *testing.T) {
	l := newLab(t)
	half := filepath.Join(l.config.Dir, formatFolder(storeFormat))
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"guard_counts", "guard_generation", pinSlots} {
		m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Pin(filepath.Join(half, name)); err != nil {
			t.Fatal(err)
		}
	}
	l.write(t, "enforce", "")
	if e := l.open(t); arrives(t, l.net) || credited(t, e)["drop"].Packets != 1 {
		t.Error("the policy is not in force")
	}
}
