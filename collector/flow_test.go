package collector

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// Flows of the readers of this package.

func (reader) Flows() (stack.FlowTable, error)       { return fullFlows(), nil }
func (brokenReader) Flows() (stack.FlowTable, error) { return fullFlows(), errBroken }

// hostReader is the engine of a host with every series that there can be.
type hostReader struct {
	reader
	host Host
}

func (r hostReader) Flows() (stack.FlowTable, error) {
	var t stack.FlowTable
	for i := range 2 * r.host.Flows {
		t.Flows = append(t.Flows, stack.Flow{
			FlowKey:    flowKey(uint16(i+1), 6),
			FlowCounts: stack.FlowCounts{ReceivedBytes: 10, ReceivedPackets: 1},
			RTT:        time.Millisecond,
		})
		t.Total = t.Total.Plus(t.Flows[i].FlowCounts)
	}
	return t, nil
}

// newFlowsFor returns the collector over the same engine as those of the stack.
func newFlowsFor(snapshots StackReader, opts StackOptions) Collector {
	options := FlowOptions{Since: opts.Since}
	if h, ok := snapshots.(hostReader); ok {
		options.Top = h.host.Flows
	}
	if r, ok := snapshots.(FlowReader); ok {
		return NewFlows(r, options)
	}
	return NewFlows(reader{}, options)
}

func flowKey(port uint16, protocol uint8) stack.FlowKey {
	return stack.FlowKey{Remote: netip.MustParsePrefix("192.0.2.0/24"), ServicePort: port, Protocol: protocol, Role: stack.Client}
}

func fullFlows() stack.FlowTable {
	web := stack.FlowCounts{ReceivedBytes: 34_567, ReceivedPackets: 23, SentBytes: 1_234, SentPackets: 17, Retransmits: 3}
	ping := stack.FlowCounts{ReceivedBytes: 98, ReceivedPackets: 1, SentBytes: 98, SentPackets: 1}
	return stack.FlowTable{
		Time: since.Add(time.Hour),
		Flows: []stack.Flow{
			{FlowKey: flowKey(443, 6), FlowCounts: web, RTT: 12_500 * time.Microsecond},
			{FlowKey: stack.FlowKey{Remote: netip.MustParsePrefix("2001:db8::/64"), Protocol: 58}, FlowCounts: ping},
		},
		Total:    web.Plus(ping).Plus(stack.FlowCounts{ReceivedBytes: 40, ReceivedPackets: 1, Retransmits: 2}),
		Evicted:  1,
		Capacity: 1024,
	}
}

// TestFlowsWithoutATable: what the kernel does not count is no failure.
func TestFlowsWithoutATable(t *testing.T) {
	set := NewSet(quiet, stopped, NewFlows(noFlows{}, FlowOptions{}))
	want := []string{metric.ScrapeCollectorDuration.Name, metric.ScrapeCollectorSuccess.Name}
	if diff := cmp.Diff(want, familyNames(expose(t, set))); diff != "" {
		t.Errorf("families (-want +got):\n%s", diff)
	}
}

type noFlows struct{}

func (noFlows) Flows() (stack.FlowTable, error) { return stack.FlowTable{}, stack.ErrNoFlows }
