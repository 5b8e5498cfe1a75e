package collector

import (
	"maps"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// maxKnownDevices is how many devices are remembered, those among them that are not
// reported any more.
const maxKnownDevices = 500

// A deviceVerdict is what packets of devices are counted by.
type deviceVerdict struct{ device, verdict string }

// A deviceLedger tells the packets of devices apart.
//
// The kernel counts by device and over all of them. What it counts for devices that are
// not reported is the rest, which goes under other. Devices that were reported once are
// remembered, or what they counted would seem to be news of other's.
type deviceLedger struct {
	// known are the packets of devices when they were last reported.
	known map[deviceVerdict]uint64
	// gone are those of devices that are not known any more, by verdict.
	gone map[string]uint64
	// base is the rest when the ledger began, by verdict. It may be of devices that had
	// series of their own before, so it is no news either.
	base map[string]uint64
	// other is what the rest has grown by; it never falls.
	other map[string]uint64
}

func newDeviceLedger(s guarder.Status) *deviceLedger {
	l := &deviceLedger{known: make(map[deviceVerdict]uint64), gone: make(map[string]uint64), other: make(map[string]uint64)}
	l.know(s)
	l.base = l.rest(s)
	return l
}

// enter returns the packets of the devices that are reported.
func (l *deviceLedger) enter(s guarder.Status) map[deviceVerdict]uint64 {
	rows := l.know(s)
	for verdict, n := range l.rest(s) {
		l.other[verdict] = max(l.other[verdict], n-min(n, l.base[verdict]))
	}
	return rows
}

// know takes note of devices.
func (l *deviceLedger) know(s guarder.Status) map[deviceVerdict]uint64 {
	rows := make(map[deviceVerdict]uint64)
	for _, d := range s.Devices[:min(len(s.Devices), metric.MostGuardDevices)] {
		for verdict, n := range d.Verdicts {
			key := deviceVerdict{d.Name, verdict}
			if n.Packets < l.known[key] { // another device, under the name of one that is gone
				l.gone[verdict] += l.known[key]
			}
			rows[key], l.known[key] = n.Packets, n.Packets
		}
	}
	if len(l.known) > 2*maxKnownDevices {
		for key, n := range l.known {
			if _, ok := rows[key]; !ok {
				l.gone[key.verdict] += n
				delete(l.known, key)
			}
		}
	}
	return rows
}

// rest returns the packets that no device has counted which is or was known. The devices
// are read before the sum, or after it.
func (l *deviceLedger) rest(s guarder.Status) map[string]uint64 {
	told := maps.Clone(l.gone)
	for key, n := range l.known {
		told[key.verdict] += n
	}
	rest := make(map[string]uint64)
	for verdict, n := range s.Verdicts {
		rest[verdict] = n.Packets - min(n.Packets, told[verdict])
	}
	return rest
}
