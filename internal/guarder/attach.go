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
// that is pinned there already, whoever did it, gets the program in place of its own,
// without a packet that sees neither.
func Attach(dir string, device Device, entry *ebpf.Program) (Attachment, error) {
	return attachAs(dir, linkPin(device.Index), device, entry)
}

// attachAs is Attach with the name of the pin, if there is none yet.
func attachAs(dir, pin string, device Device, entry *ebpf.Program) (Attachment, error) {
	a, before, err := attach(dir, pin, device, entry, nil)
	if before != nil {
		before.Close()
	}
	return a, err
}

// attach is attachAs, and returns what the device had before. What was an agent of this
// format's does as the spare program, which may be nil; it is used if there is no
// privilege to open the other.
func attach(dir, pin string, device Device, entry, spare *ebpf.Program) (a Attachment, before *replaced, err error) {
	if before, err = reattach(dir, device, entry, spare); before != nil || err != nil {
		a, err = attachedAs(device, err)
		return a, before, err
	}
	if err := refuseOthers(device); err != nil {
		return a, nil, err
	}
	// Without its pin the link would go at once: drivers would be reset for nothing, each
	// time that it is tried.
	if err := pinnable(dir); err != nil {
		return a, nil, err
	}
	l, err := link.AttachXDP(link.XDPOptions{Program: entry, Interface: device.Index, Flags: link.XDPDriverMode})
	why := ""
	if err != nil {
		why = err.Error()
		if l, err = link.AttachXDP(link.XDPOptions{Program: entry, Interface: device.Index, Flags: link.XDPGenericMode}); err != nil {
			return a, nil, fmt.Errorf("attach to %q: %w", device.Name, err)
		}
	}
	defer l.Close() // the pin keeps it
	// Left by a device that had this index before.
	if err := removeAll(filepath.Join(dir, linkPin(device.Index)), filepath.Join(dir, trialPin(device.Index))); err != nil {
		return a, nil, err
	}
	pin = filepath.Join(dir, pin)
	if err := l.Pin(pin); err != nil {
		return a, nil, fmt.Errorf("pin the link of %q: %w", device.Name, err)
	}
	a, err = attachedAs(device, nil)
	a.Why = why
	return a, &replaced{dir: dir, device: device, pin: pin}, err
}

// replaced is what a device had before it was attached.
type replaced struct {
	dir     string
	device  Device
	pin     string        // that of the link that was made, if it had none
	program *ebpf.Program // nil if it is not known
}

// Close gives the program up.
func (r *replaced) Close() error { return r.program.Close() }

// back puts it back.
func (r *replaced) back() error {
	if r.pin != "" {
		return errors.Join(detachLink(r.pin), os.Remove(r.pin))
	}
	if r.program == nil {
		return fmt.Errorf("the program that %q had before is not known", r.device.Name)
	}
	links, err := pinnedLinks(r.dir)
	if err != nil {
		return err
	}
	defer links.Close()
	if held := links[r.device.Index]; held != nil {
		return held.Update(r.program)
	}
	return nil // the device is gone
}

// attachedAs tells how a device is attached now, unless there was an error.
func attachedAs(device Device, err error) (Attachment, error) {
	if err != nil {
		return Attachment{}, err
	}
	hook, _, err := running(device)
	return Attachment{Device: device, Hook: hook}, err
}

// reattach updates the pinned link of a device, if there is one that still holds it;
// else what was before is nil.
func reattach(dir string, device Device, entry, spare *ebpf.Program) (*replaced, error) {
	links, err := pinnedLinks(dir)
	if err != nil {
		return nil, err
	}
	defer links.Close()
	held := links[device.Index]
	if held == nil {
		return nil, nil
	}
	// The link may be all that keeps its program.
	old, err := ebpf.NewProgramFromID(held.program) // needs CAP_SYS_ADMIN
	if errors.Is(err, os.ErrPermission) {
		old = nil
		if spare != nil {
			old, err = spare.Clone()
		}
	}
	if err != nil && !errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("open the program on %q: %w", device.Name, err)
	}
	before := &replaced{dir: dir, device: device, program: old}
	if err := held.Update(entry); err != nil {
		before.Close()
		return nil, fmt.Errorf("replace the program on %q: %w", device.Name, err)
	}
	return before, nil
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

// trialPin is that of a device which the entry program came to with a policy on trial. Once
// that is confirmed it becomes linkPin, and if it is taken back, the link goes.
func trialPin(index int) string { return linkPin(index) + trialSuffix }

const trialSuffix = "_trial"

// cameWithTrial tells whether the device had no link before the trial under way.
func (l *pinnedLink) cameWithTrial() bool { return strings.HasSuffix(l.pin, trialSuffix) }
