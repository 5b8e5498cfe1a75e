//go:build linux

package testnet

import (
	"encoding/binary"
	"fmt"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Fields of struct __sk_buff in include/uapi/linux/bpf.h.
const (
	skbVLANPresent = 20
	skbVLANTCI     = 24
)

const vlanIDMask = 0xfff

// Tag puts the namespace's device into a VLAN, as a VLAN device above it would, of which
// not every kernel knows: all that it sends has the tag, and nothing else is received.
// Programs of XDP at both ends see the tag in the frame.
//
// What packet sockets send is tagged, too, and what they receive is without the tag.
func (ns *Namespace) Tag(t testing.TB, id uint16) {
	t.Helper()
	ns.insertTags(t)
	ns.addClsact(t, ns.Device)
	receive := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	receive = append(receive, unlessTagged(id, "drop")...)
	receive = append(receive,
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnSkbVlanPop.Call(),
		asm.Mov.Imm(asm.R0, actOK),
		asm.Return(),
		asm.Mov.Imm(asm.R0, actShot).WithSymbol("drop"),
		asm.Return(),
	)
	ns.filter(t, ns.Device, netlink.HANDLE_MIN_INGRESS, receive)
	ns.filter(t, ns.Device, netlink.HANDLE_MIN_EGRESS, asm.Instructions{
		asm.Mov.Imm(asm.R2, int32(binary.NativeEndian.Uint16([]byte{0x81, 0x00}))),
		asm.Mov.Imm(asm.R3, int32(id)),
		asm.FnSkbVlanPush.Call(),
		asm.Mov.Imm(asm.R0, actOK),
		asm.Return(),
	})
}

// Untag makes the namespace a switch of VLANs for what arrives at its device, which is an
// access port of the VLAN native: frames of that VLAN, with its tag or without, are its own
// without the tag. What has a tag of the VLAN beyond behind that one leaves by another
// device, without any tag: native has no tag between that switch and the next one, which
// takes the second tag for the first.
func (ns *Namespace) Untag(t testing.TB, native, beyond uint16, device string) {
	t.Helper()
	ns.addClsact(t, ns.Device)
	hop := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	hop = append(hop, unlessTagged(native, "own")...)
	hop = append(hop, asm.Mov.Reg(asm.R1, asm.R6), asm.FnSkbVlanPop.Call())
	hop = append(hop, unlessTagged(beyond, "own")...)
	hop = append(hop,
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnSkbVlanPop.Call(),
		asm.Mov.Imm(asm.R1, int32(ns.link(t, device).Attrs().Index)),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return(),
		asm.Mov.Imm(asm.R0, actOK).WithSymbol("own"),
		asm.Return(),
	)
	ns.filter(t, ns.Device, netlink.HANDLE_MIN_INGRESS, hop)
}

// unlessTagged jumps unless the packet, whose context is in R6, has a tag.
func unlessTagged(id uint16, to string) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R2, asm.R6, skbVLANPresent, asm.Word),
		asm.JEq.Imm(asm.R2, 0, to),
		asm.LoadMem(asm.R2, asm.R6, skbVLANTCI, asm.Word),
		asm.And.Imm(asm.R2, vlanIDMask),
		asm.JNE.Imm(asm.R2, int32(id), to),
	}
}

// insertTags has the kernel write tags into frames instead of leaving that to the device: a
// veth hands them over beside the frame, where XDP does not see them.
func (ns *Namespace) insertTags(t testing.TB) {
	t.Helper()
	// Of include/uapi/linux/ethtool.h.
	const getFlags, setFlags, tagsByDevice = 0x25, 0x26, 1 << 7
	err := ns.do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		value := struct{ command, data uint32 }{getFlags, 0}
		if err := ethtool(fd, ns.Device, unsafe.Pointer(&value)); err != nil {
			return fmt.Errorf("read flags: %w", err)
		}
		value.command, value.data = setFlags, value.data&^tagsByDevice
		return ethtool(fd, ns.Device, unsafe.Pointer(&value))
	})
	if err != nil {
		t.Fatalf("have tags written into what %q sends: %v", ns.Device, err)
	}
}

// ethtool asks for one command of SIOCETHTOOL.
func ethtool(fd int, device string, value unsafe.Pointer) error {
	request := struct {
		name  [unix.IFNAMSIZ]byte
		value unsafe.Pointer
		_     [16]byte
	}{value: value}
	copy(request.name[:], device)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}
