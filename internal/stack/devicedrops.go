package stack

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
)

// DeviceDrops counts what a device or its driver lost.
type DeviceDrops struct {
	// Device is a name, or "other" for all devices beyond the limit.
	Device    string
	Direction Direction
	// Kind is the kernel's name for the counter, such as "dropped", "missed" or
	// "fifo" (Documentation/networking/statistics.rst). What some of them count
	// beside each other depends on the driver.
	Kind    string
	Packets uint64
}

// deviceCounters are the counters of lost packets, one by one; the kernel's sums
// ("errors") are left out.
var deviceCounters = []struct {
	direction Direction
	kind      string
	value     func(*netlink.LinkStatistics) uint64
}{
	{Receive, "dropped", func(s *netlink.LinkStatistics) uint64 { return s.RxDropped }},
	{Receive, "missed", func(s *netlink.LinkStatistics) uint64 { return s.RxMissedErrors }},
	{Receive, "fifo", func(s *netlink.LinkStatistics) uint64 { return s.RxFifoErrors }},
	{Receive, "over", func(s *netlink.LinkStatistics) uint64 { return s.RxOverErrors }},
	{Receive, "crc", func(s *netlink.LinkStatistics) uint64 { return s.RxCrcErrors }},
	{Receive, "frame", func(s *netlink.LinkStatistics) uint64 { return s.RxFrameErrors }},
	{Receive, "length", func(s *netlink.LinkStatistics) uint64 { return s.RxLengthErrors }},
	{Transmit, "dropped", func(s *netlink.LinkStatistics) uint64 { return s.TxDropped }},
	{Transmit, "aborted", func(s *netlink.LinkStatistics) uint64 { return s.TxAbortedErrors }},
	{Transmit, "carrier", func(s *netlink.LinkStatistics) uint64 { return s.TxCarrierErrors }},
	{Transmit, "fifo", func(s *netlink.LinkStatistics) uint64 { return s.TxFifoErrors }},
	{Transmit, "heartbeat", func(s *netlink.LinkStatistics) uint64 { return s.TxHeartbeatErrors }},
	{Transmit, "window", func(s *netlink.LinkStatistics) uint64 { return s.TxWindowErrors }},
}

// DeviceCounters lists what [DeviceDrops] can be of: each with a direction and a kind.
func DeviceCounters() []DeviceDrops {
	list := make([]DeviceDrops, 0, len(deviceCounters))
	for _, c := range deviceCounters {
		list = append(list, DeviceDrops{Direction: c.direction, Kind: c.kind})
	}
	return list
}

// alwaysListed is the kind of counter that every device has at zero too, so that a
// rate can tell none from unknown; the others are many, and zero nearly everywhere.
const alwaysListed = "dropped"

// drops reads the counters of the devices that have a slot, and of all others
// together.
func (d *devices) drops() ([]DeviceDrops, error) {
	links, err := d.handle.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	if err := d.assignAll(links); err != nil {
		return nil, err
	}
	sums := make(map[DeviceDrops]uint64) // by what has no packets
	for _, l := range links {
		s := l.Attrs().Statistics
		if s == nil {
			continue
		}
		name := d.shown(l.Attrs().Name)
		for _, c := range deviceCounters {
			if n := c.value((*netlink.LinkStatistics)(s)); n > 0 || c.kind == alwaysListed {
				sums[DeviceDrops{Device: name, Direction: c.direction, Kind: c.kind}] += n
			}
		}
	}
	list := make([]DeviceDrops, 0, len(sums))
	for x, n := range sums {
		x.Packets = n
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b DeviceDrops) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Kind, b.Kind))
	})
	return list, nil
}

// shown returns the name if the device has a slot.
func (d *devices) shown(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, known := range d.bySlot {
		if known.name == name {
			return name
		}
	}
	return otherDevice
}
