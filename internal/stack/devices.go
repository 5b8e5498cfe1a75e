package stack

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
)

// otherDevice is the name for devices of other namespaces and beyond the limit.
const otherDevice = "other"

// backlogDevice is the name for NAPI polls of the per-CPU backlog.
const backlogDevice = "backlog"

// devices gives the devices of the own namespace their slots in the maps.
type devices struct {
	slots *ebpf.Map
	// handle lists the devices of the namespace it was opened in.
	handle *netlink.Handle

	mu     sync.Mutex
	bySlot map[uint32]device
}

type device struct {
	index uint32
	name  string
}

func newDevices(slots *ebpf.Map) (*devices, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	d := &devices{slots: slots, handle: handle, bySlot: make(map[uint32]device)}
	if err := d.refresh(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// refresh gives slots to new devices and follows renames. A slot stays with its
// device's name for good, so that counts are never mixed; when all are given away
// further devices count as "other".
func (d *devices) refresh() error {
	links, err := d.handle.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("list devices: %w", err)
	}
	return d.assignAll(links)
}

func (d *devices) assignAll(links []netlink.Link) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range links {
		found := device{index: uint32(l.Attrs().Index), name: l.Attrs().Name}
		if err := d.assign(found); err != nil {
			return fmt.Errorf("give device %q a slot: %w", found.name, err)
		}
	}
	return nil
}

func (d *devices) assign(found device) error {
	free := uint32(0)
	for slot := uint32(1); slot <= uint32(bpf.DeviceSlots); slot++ {
		known, taken := d.bySlot[slot]
		switch {
		case known == found:
			return nil
		case known.name == found.name:
			// Made anew: same name, new index.
			_ = d.slots.Delete(known.index) // may be gone already
			return d.put(slot, found)
		case !taken && free == 0:
			free = slot
		}
	}
	if free == 0 {
		return nil
	}
	return d.put(free, found)
}

func (d *devices) put(slot uint32, found device) error {
	if err := d.slots.Put(found.index, slot); err != nil {
		return err
	}
	d.bySlot[slot] = found
	return nil
}

// name returns the name that goes with a slot of the maps.
func (d *devices) name(slot int) string {
	if slot == bpf.BacklogPolls {
		return backlogDevice
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if found, ok := d.bySlot[uint32(slot)]; ok {
		return found.name
	}
	return otherDevice
}

// Close closes the netlink socket.
func (d *devices) Close() { d.handle.Close() }
