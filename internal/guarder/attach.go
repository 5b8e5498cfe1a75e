//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
)

// A Hook is how the entry program hangs on a device.
type Hook string

// The hooks, by what they cost.
const (
	// Native runs in the driver, before a socket buffer is made.
	Native Hook = "native"
	// Generic runs on any device, after one was made.
	Generic Hook = "generic"
)

// An Attachment is the entry program on a device.
type Attachment struct {
	Device
	Hook Hook
	// Why is why it is not native, or "".
	Why string
}

// ErrOtherProgram is wrapped by the error about a device that runs an XDP program
// of somebody else.
var ErrOtherProgram = errors.New("another XDP program is attached")

// Attach hangs the entry program on a device and pins the link below dir. A link
// that is pinned there already gets the program in place of its own, without a
// packet that sees neither.
func Attach(dir string, device Device, entry *ebpf.Program) (Attachment, error) {
	pin := filepath.Join(dir, linkPin(device.Index))
	if found, err := reattach(pin, device, entry); found || err != nil {
		return attachedAs(device, err)
	}
	if err := refuseOthers(device); err != nil {
		return Attachment{}, err
	}
	l, err := link.AttachXDP(link.XDPOptions{Program: entry, Interface: device.Index, Flags: link.XDPDriverMode})
	why := ""
	if err != nil {
		why = err.Error()
		if l, err = link.AttachXDP(link.XDPOptions{Program: entry, Interface: device.Index, Flags: link.XDPGenericMode}); err != nil {
			return Attachment{}, fmt.Errorf("attach to %q: %w", device.Name, err)
		}
	}
	defer l.Close() // the pin keeps it
	if err := l.Pin(pin); err != nil {
		return Attachment{}, fmt.Errorf("pin the link of %q: %w", device.Name, err)
	}
	a, err := attachedAs(device, nil)
	a.Why = why
	return a, err
}

// attachedAs tells how a device is attached now, unless there was an error.
func attachedAs(device Device, err error) (Attachment, error) {
	if err != nil {
		return Attachment{}, err
	}
	hook, _, err := running(device)
	return Attachment{Device: device, Hook: hook}, err
}

// reattach updates the pinned link of a device, if there is one that still holds.
func reattach(pin string, device Device, entry *ebpf.Program) (found bool, err error) {
	l, err := link.LoadPinnedLink(pin, nil)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the pinned link of %q: %w", device.Name, err)
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		return false, fmt.Errorf("read the pinned link of %q: %w", device.Name, err)
	}
	// A link whose device is gone stays, without a device; the index may have been
	// given to another one since.
	if x := info.XDP(); x == nil || int(x.Ifindex) != device.Index {
		return false, l.Unpin()
	}
	if err := l.Update(entry); err != nil {
		return false, fmt.Errorf("replace the program on %q: %w", device.Name, err)
	}
	return true, nil
}

// refuseOthers reports a program that is not ours. Two programs cannot share a
// device, and replacing somebody's firewall or load balancer is not for us to do.
func refuseOthers(device Device) error {
	_, id, err := running(device)
	if err != nil || id == 0 {
		return err
	}
	name := "unknown"
	if p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id)); err == nil {
		if info, err := p.Info(); err == nil {
			name = info.Name
		}
		p.Close()
	}
	return fmt.Errorf("%q runs XDP program %d (%s): %w; detach that first, with ip link set dev %[1]s xdp off or with the program that owns it",
		device.Name, id, name, ErrOtherProgram)
}

// attachedSKB is XDP_ATTACHED_SKB of include/uapi/linux/if_link.h.
const attachedSKB = 2

// running returns the hook and the id of the XDP program on a device; 0 is none.
func running(device Device) (Hook, uint32, error) {
	l, err := netlink.LinkByIndex(device.Index)
	if err != nil {
		return "", 0, fmt.Errorf("device %q: %w", device.Name, err)
	}
	x := l.Attrs().Xdp
	if x == nil || !x.Attached {
		return "", 0, nil
	}
	if x.AttachMode == attachedSKB {
		return Generic, x.ProgId, nil
	}
	return Native, x.ProgId, nil
}

const linkPrefix = "link_"

func linkPin(index int) string { return linkPrefix + strconv.Itoa(index) }

// Detach takes Guarder off all devices and removes everything that is pinned below
// dir, whoever put it there, also if no agent runs. It returns the names of what it
// removed. A folder that does not exist is fine.
func Detach(dir string) (removed []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what is pinned: %w", err)
	}
	var faults []error
	for _, e := range entries {
		pin := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), linkPrefix) {
			faults = append(faults, detachLink(pin))
		}
		// Removing the pin alone would do, but for those who hold the link open.
		if err := os.Remove(pin); err != nil && !errors.Is(err, os.ErrNotExist) {
			faults = append(faults, err)
			continue
		}
		removed = append(removed, e.Name())
	}
	faults = append(faults, os.Remove(dir))
	return removed, errors.Join(faults...)
}

// detachLink takes a link off its device, even if somebody holds it open.
func detachLink(pin string) error {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return fmt.Errorf("open %s: %w", filepath.Base(pin), err)
	}
	defer l.Close()
	if d, ok := l.(interface{ Detach() error }); ok {
		return d.Detach()
	}
	return nil
}
