//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// names returns the names and patterns of the devices that a policy is for, as
// [Devices] takes them.
func (e *Engine) names(p *policy.Policy) []string {
	if e.cfg.Devices != nil {
		return e.cfg.Devices
	}
	var names []string
	for _, pattern := range p.Attach {
		// In a pattern it stands for one character, and at the end of these for optional.
		name := strings.ReplaceAll(pattern, "?", "[^/]")
		if slices.Contains(p.Optional, pattern) {
			name += "?"
		}
		names = append(names, name)
	}
	return names
}

// devices returns those that are there. One that must be there and is not is an error.
func (e *Engine) devices(p *policy.Policy) ([]Device, error) { return Devices(e.names(p)) }

// mayCome tells whether a device may come later that one of the names is for.
func mayCome(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "?") || isPattern(name) })
}

// follow attaches the policy to devices that came, or that have lost the program, and
// takes note of those that went. What is wrong with a device is logged once.
func (e *Engine) follow() error {
	c := e.current
	if c.generation == nil {
		return nil // nobody knows what it is for
	}
	there, err := Devices(lenient(e.names(c.policy)))
	if err != nil {
		return err
	}
	links, err := pinnedLinks(e.cfg.Dir)
	if err != nil {
		return err
	}
	defer links.Close()
	var now []Attachment
	var bare []Device
	for _, d := range there {
		i := slices.IndexFunc(c.devices, func(a Attachment) bool { return a.Device == d && a.Hook != None })
		switch {
		case links[d.Index] == nil:
			bare = append(bare, d)
		case i >= 0:
			now = append(now, c.devices[i])
		default: // renamed
			a, err := attachedAs(d, nil)
			if err != nil {
				return err
			}
			now = append(now, a)
		}
	}
	now = append(now, e.gone(there)...)
	if err := e.leave(there, links); err != nil {
		return err
	}
	if err := e.reindex(there); err != nil {
		e.current.devices = append(now, unguarded(bare, err)...)
		return err
	}
	came, err := e.attachLate(bare)
	e.current.devices = append(now, came...)
	return errors.Join(err, e.forgetLinks())
}

// leave takes the program off devices that have another name by now, which the policy is
// not for. On a trial they keep it, as what comes back may be for them.
func (e *Engine) leave(there []Device, links pinnedByDevice) error {
	if e.before != nil || e.store.Meta.Deadline != 0 {
		return nil
	}
	for _, l := range links {
		if slices.ContainsFunc(there, func(d Device) bool { return d.Index == l.device }) {
			continue
		}
		// A list of devices may lack one while others come and go: ask for this one.
		named, err := netlink.LinkByIndex(l.device)
		if err != nil {
			continue // it is gone
		}
		d := Device{l.device, named.Attrs().Name}
		if fits, err := fitsAny(e.names(e.current.policy), d); err != nil || fits {
			continue
		}
		e.logger.Warn("a device has another name, which the policy is not for; it is not guarded any more", "device", d.Name)
		if err := errors.Join(detachLink(l.pin), os.Remove(l.pin)); err != nil {
			return fmt.Errorf("give up %q: %w", d.Name, err)
		}
	}
	return nil
}

// unguarded returns devices that have no program.
func unguarded(devices []Device, why error) (all []Attachment) {
	for _, d := range devices {
		all = append(all, Attachment{Device: d, Hook: None, Why: why.Error()})
	}
	return all
}

// gone returns the devices that the policy names and that are not there, of those that
// were.
func (e *Engine) gone(there []Device) (gone []Attachment) {
	named := e.names(e.current.policy)
	for _, a := range e.current.devices {
		if slices.ContainsFunc(there, func(d Device) bool { return d.Name == a.Name }) {
			continue
		}
		if e.say(a.Name, "the device is gone") {
			e.logger.Warn("a guarded device is gone", "device", a.Name)
		}
		if slices.Contains(named, a.Name) || slices.Contains(named, a.Name+"?") {
			gone = append(gone, Attachment{Device: a.Device, Hook: None, Why: "the device is gone"})
		} else {
			delete(e.said, a.Name) // of a pattern: others come under other names
		}
	}
	return gone
}

// attachLate attaches the policy in force to devices.
func (e *Engine) attachLate(devices []Device) (all []Attachment, err error) {
	if len(devices) == 0 {
		return nil, nil
	}
	entry, err := e.store.Entry(e.store.Meta.Deadline)
	if err != nil {
		return unguarded(devices, err), err
	}
	defer entry.Close()
	for _, d := range devices {
		lost := slices.ContainsFunc(e.current.devices, func(a Attachment) bool { return a.Device == d && a.Hook != None })
		a, err := attachAs(e.cfg.Dir, e.pinFor(d), d, entry)
		if err != nil {
			if e.say(d.Name, err.Error()) {
				e.logger.Error("a device is not guarded", "device", d.Name, "err", err)
			}
			all = append(all, unguarded([]Device{d}, err)...)
			continue
		}
		if lost {
			e.logger.Error("somebody had removed the program from a device; it is attached again", "device", d.Name)
		} else {
			e.logger.Info("a device came and is guarded", "device", d.Name, "hook", string(a.Hook))
		}
		e.attached(a)
		all = append(all, a)
	}
	return all, nil
}

// pinFor returns the pin of a device that came: it is one of a trial, unless there is none, or
// what was before that is known to be for the device, too.
func (e *Engine) pinFor(d Device) string {
	if e.store.Meta.Deadline == 0 {
		return linkPin(d.Index)
	}
	if e.before != nil && e.before.known != nil {
		if fits, err := fitsAny(e.names(e.before.known.policy), d); err == nil && fits {
			return linkPin(d.Index)
		}
	}
	return trialPin(d.Index)
}

// fitsAny tells whether a device is one that the names or patterns are for.
func fitsAny(names []string, d Device) (bool, error) {
	is, err := chosen(lenient(names), []net.Interface{{Index: d.Index, Name: d.Name}})
	return len(is) > 0, err
}

// lenient returns names none of which must be there.
func lenient(names []string) (all []string) {
	for _, name := range names {
		all = append(all, strings.TrimSuffix(name, "?")+"?")
	}
	return all
}

// say tells whether something about a device is new.
func (e *Engine) say(device, what string) bool {
	if e.said[device] == what {
		return false
	}
	e.said[device] = what
	return true
}

// reindex compiles the policy again if it tells devices apart, as it knows them by
// their indices, and one of those that it is for came or has another name.
func (e *Engine) reindex(there []Device) error {
	c := e.current
	changed := func(d Device) bool { return c.indices[d.Name] != d.Index }
	if !slices.ContainsFunc(there, changed) || !tellsDevicesApart(c.policy) {
		return nil
	}
	indices, err := deviceIndices()
	if err != nil {
		return err
	}
	if err := e.again(indices); err != nil {
		return fmt.Errorf("the rules for a device that came, or has another name, are not in force: %w", err)
	}
	return nil
}

// tellsDevicesApart tells whether a rule is for some devices only.
func tellsDevicesApart(p *policy.Policy) bool {
	return slices.ContainsFunc(p.Rules, func(r policy.Rule) bool { return r.Interfaces != nil || asksForDevice(r.Match) })
}

func asksForDevice(e policy.Expr) bool {
	switch e := e.(type) {
	case policy.All:
		return slices.ContainsFunc(e, asksForDevice)
	case policy.Any:
		return slices.ContainsFunc(e, asksForDevice)
	case policy.Not:
		return asksForDevice(e.Of)
	case policy.Interfaces:
		return true
	}
	return false
}

// forgetLinks removes the pins of links whose device is gone.
func (e *Engine) forgetLinks() error {
	pins, err := filepath.Glob(filepath.Join(e.cfg.Dir, linkPrefix+"*"))
	if err != nil {
		return err
	}
	for _, pin := range pins {
		holds, err := holdsDevice(pin)
		if err != nil || holds {
			continue // Detach removes it whatever it is
		}
		if err := os.Remove(pin); err != nil {
			return fmt.Errorf("remove the link of a device that is gone: %w", err)
		}
	}
	return nil
}
