//go:build kernel && linux

package stack

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
)

// dropNet is left, router and right, with an engine in the router.
type dropNet struct {
	*testnet.Net
	*lab
	// wire is the device of left, whose peer is the router's.
	wire *testnet.Wire
}

// router returns an address of the router that left reaches.
func (n *dropNet) router(f testnet.Family, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(n.Router.Addr(f), port)
}

// beyond returns an address behind the router.
func (n *dropNet) beyond(f testnet.Family, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(n.Right.Addr(f), port)
}

// frames sends count copies of a frame from left to the router's device.
func (n *dropNet) frames(t *testing.T, count int, frame []byte) {
	t.Helper()
	for range count {
		must(t, n.wire.Send(frame))
	}
}

// datagram returns a valid frame from left to an address at or behind the router.
func (n *dropNet) datagram(t *testing.T, to netip.AddrPort) testnet.Frame {
	t.Helper()
	return n.Left.FrameTo(t, n.Router, to)
}

// dropped returns what the engine counted as dropped while load ran.
func (n *dropNet) dropped(t *testing.T, load func()) []Drop {
	t.Helper()
	count := func() map[Drop]uint64 {
		d, err := n.Drops()
		must(t, err)
		byPlace := make(map[Drop]uint64)
		for _, row := range d.Packets {
			packets := row.Packets
			row.Packets = 0
			byPlace[row] = packets
		}
		return byPlace
	}
	before := count()
	load()
	var rows []Drop
	for row, packets := range subtract(count(), before, minus) {
		if row.Function == "nfnetlink_rcv_batch" {
			continue // a request for an nft rule, which Linux 6.1 drops when it has read it
		}
		row.Packets = packets
		rows = append(rows, row)
	}
	return rows
}

func TestDropsAreCountedUnderTheirCause(t *testing.T) {
	oncePerKernel(t)
	n := newDropNet(t, Config{})
	types, err := kernel.LoadBTF()
	must(t, err)
	reasons := types.DropReasons()
	all := provocations()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		t.Run(name, func(t *testing.T) {
			want := Drop{
				Reason: firstKnown(t, reasons, p.reasons), Severity: p.severity,
				Layer: p.layer, Direction: p.direction, Kind: p.kind,
			}
			got := n.dropped(t, func() { want.Packets = p.provoke(t, n) })
			if len(got) == 1 && slices.Contains(p.functions, got[0].Function) {
				want.Function = got[0].Function
			}
			if diff := cmp.Diff([]Drop{want}, got); diff != "" || want.Packets == 0 {
				t.Errorf("drops, in one of %q (-want +got):\n%s", p.functions, diff)
			}
		})
	}
}

// firstKnown returns the first of the names that this kernel has.
func firstKnown(t *testing.T, reasons *kernel.DropReasons, names []string) string {
	t.Helper()
	for _, name := range names {
		if _, ok := reasons.Number(name); ok {
			return name
		}
	}
	t.Fatalf("this kernel has none of the reasons %q", names)
	return ""
}

func TestEveryReasonOfThisKernelIsExplained(t *testing.T) {
	oncePerKernel(t)
	types, err := kernel.LoadBTF()
	must(t, err)
	known := types.DropReasons().Known()
	for number, name := range known {
		if _, ok := reasonTable[name]; !ok && !isNoDrop(name) && number>>16 == 0 {
			t.Errorf("reason %d, %s, is in this kernel and not in the table", number, name)
		}
	}
	if len(known) < 60 { // Linux 6.1 has 66
		t.Errorf("this kernel has %d reasons", len(known))
	}
}
