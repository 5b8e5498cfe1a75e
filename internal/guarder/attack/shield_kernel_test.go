//go:build kernel && linux

package attack

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/testnet"
	policies "github.com/packetscope/packetscope/rules/guarder"
)

// shields are those that must withstand every attack.
var shields = map[string]Shield{"by hand": byHand, "forged-icmp.yaml": byPolicy("forged-icmp.yaml")}

// byPolicy is Guarder itself with one of the policies that are ready to use.
func byPolicy(name string) Shield {
	return func(t testing.TB, ns *testnet.Namespace) (dropped func() uint64) {
		t.Helper()
		text, err := policies.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return byFile(file)(t, ns)
	}
}

// byFile is Guarder with a policy file.
func byFile(file string) Shield {
	return func(t testing.TB, ns *testnet.Namespace) (dropped func() uint64) {
		t.Helper()
		engine := enforce(t, ns, file)
		return func() uint64 {
			t.Helper()
			status, err := engine.Status()
			if err != nil {
				t.Fatal(err)
			}
			return status.Verdicts["drop"].Packets
		}
	}
}

// enforce puts a policy in force on the device of a namespace until the test ends.
func enforce(t testing.TB, ns *testnet.Namespace, files ...string) *guarder.Engine {
	t.Helper()
	return enforceWith(t, ns, guarder.Config{Paths: files})
}

// enforceWith does so with more of the configuration.
func enforceWith(t testing.TB, ns *testnet.Namespace, c guarder.Config) *guarder.Engine {
	t.Helper()
	dir, err := os.MkdirTemp("/sys/fs/bpf", "packetscope_test_")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := guarder.Detach(dir); err != nil {
			t.Error(err)
		}
	})
	c.Devices, c.Dir = []string{ns.Device}, dir
	var engine *guarder.Engine
	ns.Do(t, func() {
		engine, err = guarder.Open(c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	})
	if err != nil {
		t.Fatalf("put %v in force: %v", c.Paths, err)
	}
	t.Cleanup(engine.Close)
	return engine
}

// byHand is the smallest program that stops the attacks, to prove the scene. It drops
// ICMP redirects, and "fragmentation needed" that quotes an echo reply. It knows
// neither VLAN tags nor options of IPv4.
func byHand(t testing.TB, ns *testnet.Namespace) (dropped func() uint64) {
	t.Helper()
	counter, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { counter.Close() })
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, Name: "by_hand", License: "MIT", Instructions: dropForged(counter.FD())})
	if err != nil {
		t.Fatalf("load program: %+v", err)
	}
	t.Cleanup(func() { prog.Close() })
	ns.Do(t, func() {
		l, err := netlink.LinkByName(ns.Device)
		if err != nil {
			t.Fatal(err)
		}
		x, err := link.AttachXDP(link.XDPOptions{Program: prog, Interface: l.Attrs().Index, Flags: link.XDPDriverMode})
		if err != nil {
			t.Fatalf("attach xdp to %q: %v", ns.Device, err)
		}
		t.Cleanup(func() { x.Close() })
	})
	return func() (n uint64) {
		t.Helper()
		if err := counter.Lookup(uint32(0), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// Offsets in a frame without tags and options.
const (
	offEtherType   = 12
	offVersion     = 14
	offProtocol    = 23
	offType        = 34
	offCode        = 35
	offInner       = 42
	offInnerProto  = 51
	offInnerType   = 62
	frameWithInner = 70
)

func dropForged(counter int) asm.Instructions {
	const etherIPv4 = 0x0008 // as loaded by a little-endian machine
	// unless jumps to "pass" if a field has not the value.
	unless := func(offset int16, size asm.Size, value int32) asm.Instructions {
		return asm.Instructions{asm.LoadMem(asm.R3, asm.R6, offset, size), asm.JNE.Imm(asm.R3, value, "pass")}
	}
	var p asm.Instructions
	p = append(p,
		asm.LoadMem(asm.R6, asm.R1, 0, asm.Word), // xdp_md.data
		asm.LoadMem(asm.R2, asm.R1, 4, asm.Word), // xdp_md.data_end
		asm.Mov.Reg(asm.R4, asm.R6),
		asm.Add.Imm(asm.R4, frameWithInner),
		asm.JGT.Reg(asm.R4, asm.R2, "pass"),
	)
	p = append(p, unless(offEtherType, asm.Half, etherIPv4)...)
	p = append(p, unless(offVersion, asm.Byte, 0x45)...)
	p = append(p, unless(offProtocol, asm.Byte, 1)...)
	p = append(p, asm.LoadMem(asm.R3, asm.R6, offType, asm.Byte), asm.JEq.Imm(asm.R3, redirect, "drop"))
	p = append(p, unless(offType, asm.Byte, unreachable)...)
	p = append(p, unless(offCode, asm.Byte, fragmentationNeeded)...)
	p = append(p, unless(offInner, asm.Byte, 0x45)...)
	p = append(p, unless(offInnerProto, asm.Byte, 1)...)
	p = append(p, unless(offInnerType, asm.Byte, echoReply)...)
	return append(p,
		asm.StoreImm(asm.RFP, -4, 0, asm.Word).WithSymbol("drop"),
		asm.LoadMapPtr(asm.R1, counter),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.Mov.Imm(asm.R0, 1), // XDP_DROP
		asm.Return(),
		asm.Mov.Imm(asm.R0, 2).WithSymbol("pass"), // XDP_PASS
		asm.Return(),
	)
}
