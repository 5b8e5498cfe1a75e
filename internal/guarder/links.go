//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// A pinnedLink is a link of XDP that is pinned.
type pinnedLink struct {
	link.Link
	pin     string
	device  int // its index
	program ebpf.ProgramID
}

// moveTo pins the link there instead.
func (l *pinnedLink) moveTo(pin string) error {
	if err := os.Remove(pin); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(l.pin, pin)
}

// pinnedByDevice are links by the index of their device.
type pinnedByDevice map[int]*pinnedLink

// Close gives up the links; their pins stay.
func (links pinnedByDevice) Close() {
	for _, l := range links {
		l.Close()
	}
}

// update has all devices run a program. One that goes meanwhile needs none, and what goes
// wrong with one does not keep the others.
func (links pinnedByDevice) update(p *ebpf.Program) error {
	var faults []error
	for _, l := range links {
		if err := l.Update(p); err != nil && !errors.Is(err, unix.ENOLINK) {
			faults = append(faults, fmt.Errorf("replace the program on device %d: %w", l.device, err))
		}
	}
	return errors.Join(faults...)
}

// pinnedLinks opens the links below a folder that hold a device, wherever they are
// pinned and whoever did it. The device of a link may be gone: such links are not
// among them.
func pinnedLinks(dir string) (pinnedByDevice, error) {
	links := make(pinnedByDevice)
	err := eachPin(dir, func(pin string) error {
		l, err := link.LoadPinnedLink(pin, nil)
		if err != nil {
			return nil // a map, or a program
		}
		info, err := l.Info()
		if err != nil {
			l.Close()
			return fmt.Errorf("read the pinned link %s: %w", filepath.Base(pin), err)
		}
		x := info.XDP()
		if x == nil || x.Ifindex == 0 || links[int(x.Ifindex)] != nil {
			return l.Close()
		}
		links[int(x.Ifindex)] = &pinnedLink{l, pin, int(x.Ifindex), info.Program}
		return nil
	})
	if err != nil {
		links.Close()
		return nil, err
	}
	return links, nil
}

// linksHere returns an error if all links that are pinned in a folder are of devices in
// another network namespace than that of the calling thread. Links know devices by their
// indices, and namespaces have the same: to replace their programs would put a policy on
// devices that it is not for.
func linksHere(dir string) error {
	links, err := pinnedLinks(dir)
	if err != nil {
		return err
	}
	defer links.Close()
	elsewhere := 0
	for index, l := range links {
		// One that was moved to another namespace has others beside it, which did not go.
		if _, id, err := running(Device{Index: index}); err == nil && id == uint32(l.program) {
			return nil
		}
		elsewhere = index
	}
	if elsewhere == 0 {
		return nil
	}
	return fmt.Errorf("what is pinned in %s guards devices of another network namespace (such as that with index %d): start the agent there, or name another folder (--pins), or take it away first with packetscope guard detach", dir, elsewhere)
}

// eachPin calls f for each file below a folder. A folder that does not exist is empty.
func eachPin(dir string, f func(pin string) error) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return f(path)
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what is pinned: %w", err)
	}
	return nil
}

// Detach takes Guarder off all devices and removes everything that is pinned below
// dir, whoever put it there and in whatever format, also if no agent runs. It returns
// the names of what it removed, below dir. A folder that does not exist is fine. What
// goes wrong with one pin does not keep the others. A folder that is not in a BPF file
// system, or is all of one, is an error: what is in there is not Guarder's.
func Detach(dir string) (removed []string, err error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err := withinBPFFS(dir); err != nil {
		return nil, err
	}
	var pins []string
	if err := eachPin(dir, func(pin string) error {
		pins = append(pins, pin)
		return nil
	}); err != nil {
		return nil, err
	}
	var faults []error
	for _, pin := range pins {
		// Removing the pin alone would do, but for those who hold the link open.
		if err := detachLink(pin); err != nil {
			faults = append(faults, fmt.Errorf("detach %s: %w", filepath.Base(pin), err))
		}
		if err := os.Remove(pin); err != nil && !errors.Is(err, os.ErrNotExist) {
			faults = append(faults, err)
			continue
		}
		name, err := filepath.Rel(dir, pin)
		if err != nil {
			name = pin
		}
		removed = append(removed, name)
	}
	if err := os.RemoveAll(dir); err != nil { // folders alone are left
		faults = append(faults, err)
	}
	return removed, errors.Join(faults...)
}

// pinnable returns an error if nothing can be pinned in a folder any more.
func pinnable(dir string) error {
	is, err := isBPFFS(dir)
	if err == nil && !is {
		err = errors.New("it is in no BPF file system")
	}
	if err != nil {
		return fmt.Errorf("the folder of the pinned state %s is gone, by guard detach or with its file system: start the agent again to have it made (%w)", dir, err)
	}
	return nil
}

// holdsDevice tells whether a pinned link still has its device.
func holdsDevice(pin string) (bool, error) {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return false, err
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		return false, err
	}
	return info.XDP() != nil && info.XDP().Ifindex != 0, nil
}

// detachLink takes a link off its device, even if somebody holds it open. What is no
// link, or has lost its device, is left alone.
func detachLink(pin string) error {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return nil // a map, or a program
	}
	defer l.Close()
	if info, err := l.Info(); err == nil && info.XDP() != nil && info.XDP().Ifindex == 0 {
		return nil
	}
	if d, ok := l.(interface{ Detach() error }); ok {
		return d.Detach()
	}
	return nil
}
