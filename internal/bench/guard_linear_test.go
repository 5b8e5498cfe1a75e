//go:build bench

package bench

import (
	"net"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
)

// scanned is how many rules the simplest of filters has: BENCH_RULES.
const scanned = 32

// A linearRule is a struct bench_rule.
type linearRule struct {
	Source, SourceMask           [4]byte
	Destination, DestinationMask [4]byte
	SourcePorts                  [2]uint16
	DestinationPorts             [2]uint16
	Protocol                     uint8
	Flags, FlagMask              uint8
	HasType, Type                uint8
	_                            [3]byte
}

// linearScan loads a program that compares packets with the first rules for IPv4 one
// after the other.
func linearScan(t *testing.T, rules []workload.Rule) *ebpf.Program {
	t.Helper()
	var chosen [scanned]linearRule
	n := 0
	for i := 0; i < len(rules) && n < scanned; i++ {
		if !rules[i].Six {
			chosen[n] = newLinearRule(&rules[i])
			n++
		}
	}
	if n < scanned {
		t.Fatalf("%d of the rules are for IPv4, want %d", n, scanned)
	}
	spec, err := bpf.LoadBenchGuard()
	return loadAlone(t, spec, err, "bench_linear", map[string]any{"bench_rules": chosen})
}

func newLinearRule(r *workload.Rule) linearRule {
	l := linearRule{Protocol: r.Protocol, Flags: r.Flags, FlagMask: r.FlagMask, Type: r.Type}
	l.Source, l.SourceMask = addressAndMask(r.Source)
	l.Destination, l.DestinationMask = addressAndMask(r.Destination)
	l.SourcePorts, l.DestinationPorts = firstAndLast(r.SourcePort), firstAndLast(r.DestinationPort)
	if r.HasType {
		l.HasType = 1
	}
	return l
}

func addressAndMask(p netip.Prefix) (address, mask [4]byte) {
	if !p.IsValid() {
		return address, mask
	}
	copy(mask[:], net.CIDRMask(p.Bits(), 32))
	return p.Masked().Addr().As4(), mask
}

func firstAndLast(r policy.Range) [2]uint16 {
	if r.High == 0 {
		return [2]uint16{0, 1<<16 - 1}
	}
	return [2]uint16{uint16(r.Low), uint16(r.High)}
}

// requireScan fails unless a scan drops what its rules match, and passes the rest.
func requireScan(t *testing.T, scan *ebpf.Program, matching, other []byte) {
	t.Helper()
	const drop, pass = 1, 2
	for _, c := range []struct {
		frame []byte
		want  uint32
	}{{matching, drop}, {other, pass}} {
		got, _, err := scan.Test(c.frame)
		if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Fatalf("a scan of %d rules returns %d for the frame %x, want %d", scanned, got, c.frame, c.want)
		}
	}
}
