package stack

import (
	"fmt"
	"net/netip"
)

// A HookFamily is a way to hang a probe into the kernel.
type HookFamily uint8

// The hook families.
const (
	// Auto lets the engine choose the best that the kernel has.
	Auto HookFamily = iota
	// Tracepoint hooks are BTF raw tracepoints (tp_btf), Linux 5.5.
	Tracepoint
	// Trampoline hooks are fentry and fexit, Linux 5.5 on x86-64, 6.0 on arm64.
	Trampoline
	// Kprobe hooks are kprobes and kretprobes.
	Kprobe
	// Net hooks are netfilter links (Linux 6.4), TCX (6.6) and cgroup_skb.
	Net
)

// HookFamilies lists the families that a probe can be forced to.
var HookFamilies = []HookFamily{Tracepoint, Trampoline, Kprobe, Net}

var hookFamilyNames = []string{"auto", "tracepoint", "trampoline", "kprobe", "net"}

// String returns the name used in the configuration, such as "trampoline".
func (f HookFamily) String() string { return nameOf(hookFamilyNames, int(f)) }

// ParseHookFamily returns the family with the given name.
func ParseHookFamily(name string) (HookFamily, error) {
	for i, n := range hookFamilyNames {
		if n == name {
			return HookFamily(i), nil
		}
	}
	return Auto, fmt.Errorf("unknown hook family %q (one of %q)", name, hookFamilyNames)
}

// A Config says what to probe. The zero value probes the traffic of all network
// namespaces with the best hooks, and times every packet.
type Config struct {
	// Hooks forces probes to a hook family, by probe name (see [ProbeNames]).
	// The name "" stands for every probe that is not named and that has a hook
	// of that family.
	Hooks map[string]HookFamily
	// OwnNamespaceOnly restricts the probes to the network namespace of the
	// calling thread.
	OwnNamespaceOnly bool
	// SampleEvery times one packet, one wait of a socket and one softirq in so
	// many, rounded up to a power of two, at most 256; 0 and 1 time all. Counters
	// and crossings are always of every packet.
	SampleEvery int
	// Disable names groups of probes to leave out (see [ProbeGroups]).
	Disable []string
	// NetfilterTiming adds the probes behind Snapshot.NetfilterHooks.
	NetfilterTiming bool
	// RunStats selects the accounting of run time.
	RunStats RunStats
	// DropSeverity is what drops mean on this host, by reason, where it is not what
	// [SeverityOf] says.
	DropSeverity map[string]Severity
	// Watches are tried in order; a packet belongs to the first that matches.
	Watches []Watch
	// Flows says how to count flows, unless Disable has [GroupFlows].
	Flows FlowConfig
}

// RunStats says when the kernel accounts for the run time of the programs,
// which costs two clock reads per run (BPF_ENABLE_STATS, Linux 5.8).
type RunStats uint8

// The choices for [RunStats].
const (
	// RunStatsSampled turns the accounting on for 100 ms in every 10 s.
	RunStatsSampled RunStats = iota
	RunStatsAlways
	RunStatsOff
)

// DefaultSampleEvery is what an always-on exporter should start from: see
// BENCHMARKS.md for what timing every packet costs instead.
const DefaultSampleEvery = 16

// MaxSampleEvery is the rarest timing: packets are told apart by a count of 8 bits.
const MaxSampleEvery = 256

// MaxWatches is the greatest number of watches.
const MaxWatches = 64

// A Watch is a named flow filter. A packet matches if one of its ends fits
// Prefix and Ports and the other end fits PeerPrefix and PeerPorts, in either
// direction, and its protocol and device fit too. A zero field fits everything.
type Watch struct {
	Name               string
	Prefix, PeerPrefix netip.Prefix
	Ports, PeerPorts   PortRange
	// Protocol is an IP protocol number such as unix.IPPROTO_TCP, or 0.
	Protocol uint8
	// Device is an interface name. Reads and writes of a socket have no device,
	// so they never match a watch that names one.
	Device string
}

// A PortRange is inclusive; the zero value holds every port.
type PortRange struct {
	First, Last uint16
}
