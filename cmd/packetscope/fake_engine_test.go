package main

import (
	"sync"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
)

// fakeEngine stands in for the Analyzer.
type fakeEngine struct {
	self   stack.Self
	needs  []string
	closed int
	// snapshotting, if not nil, makes Snapshot announce itself on it and wait
	// until it can do so.
	snapshotting chan chan struct{}
	// flows, if not nil, makes the table of flows.
	flows    func() stack.FlowTable
	watchErr error
	closeErr error

	mu      sync.Mutex
	watches []stack.Watch
}

func newFakeEngine() *fakeEngine {
	return &fakeEngine{
		needs: []string{kernel.CapSysAdmin},
		self: stack.Self{NamespacesCovered: 3, NamespacesUncovered: 1, Probes: []stack.Probe{
			{Name: "link_receive", Hook: "tp_btf:netif_receive_skb", Family: stack.Tracepoint, Attached: true},
			{
				Name: "transport_receive", Hook: "netfilter:input", Family: stack.Net, Attached: true,
				Reason: "kernel has no trampolines\nand no kprobes",
			},
			{Name: "qdisc_transmit", Hook: "tp_btf:qdisc_dequeue", Family: stack.Tracepoint, Reason: "no such tracepoint (Linux 5.8)"},
		}},
	}
}

func (f *fakeEngine) Snapshot() (stack.Snapshot, error) {
	if f.snapshotting != nil {
		proceed := make(chan struct{})
		f.snapshotting <- proceed
		<-proceed
	}
	return stack.Snapshot{Traffic: []stack.Traffic{{
		Layer: stack.Link, Direction: stack.Receive, Kind: stack.TCP4, Class: stack.Physical, Packets: 23, Bytes: 1234,
	}}}, nil
}

func (f *fakeEngine) Flows() (stack.FlowTable, error) {
	if f.flows == nil {
		return stack.FlowTable{}, nil
	}
	return f.flows(), nil
}

func (f *fakeEngine) TCP() (stack.TCP, error) { return stack.TCP{}, nil }

func (f *fakeEngine) Drops() (stack.Drops, error) {
	return stack.Drops{Packets: []stack.Drop{{
		Reason: "SOCKET_RCVBUFF", Layer: stack.Socket, Kind: stack.UDP4, Function: "udp_queue_rcv_one_skb", Packets: 29,
	}}}, nil
}

func (f *fakeEngine) Self() (stack.Self, error) { return f.self, nil }

func (f *fakeEngine) SetWatches(watches []stack.Watch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watchErr != nil {
		return f.watchErr
	}
	f.watches = watches
	return nil
}

// watchNames returns the names of the watches in force.
func (f *fakeEngine) watchNames() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, w := range f.watches {
		names = append(names, w.Name)
	}
	return names
}

// fakeSockets stands in for the sockets of a host.
type fakeSockets struct {
	report  sockets.Report
	listing sockets.Listing
	listErr error
	needs   []string
	closed  int
}

func newFakeSockets() *fakeSockets {
	return &fakeSockets{
		report: sockets.Report{Way: sockets.Diag, Attached: true, Hook: "sock_diag:tcp,udp", Reason: "iterator: no such function (Linux 5.8)"},
		needs:  []string{kernel.CapSysPtrace, kernel.CapSysAdmin},
	}
}

func (f *fakeSockets) Snapshot() (sockets.Snapshot, error) {
	return sockets.Snapshot{Counts: []sockets.Count{
		{Family: sockets.IPv4, Protocol: sockets.TCP, State: sockets.CloseWait, Sockets: 23},
	}}, nil
}

func (f *fakeSockets) List() (sockets.Listing, error)  { return f.listing, f.listErr }
func (f *fakeSockets) Report() (sockets.Report, error) { return f.report, nil }
func (f *fakeSockets) NeedsAfterAttach() []string      { return f.needs }

func (f *fakeSockets) Close() error {
	f.closed++
	return nil
}

func (f *fakeEngine) NeedsAfterAttach() []string { return f.needs }

func (f *fakeEngine) Close() error {
	f.closed++
	return f.closeErr
}
