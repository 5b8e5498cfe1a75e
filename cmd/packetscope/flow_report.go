package main

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/stack"
)

// A flowReport is the JSON of the verb flows and of /api/v1/flows. Fields may be added
// to it; none is renamed or removed.
type flowReport struct {
	Time time.Time `json:"time"`
	// Seconds is the time that bytes_per_second is over: since the report before or,
	// for the first one, since the probes were attached.
	Seconds float64 `json:"seconds"`
	// Flows are the first ones in the order asked for.
	Flows []flowRow `json:"flows"`
	// Total is over all flows, listed or not, since the probes were attached.
	Total flowCounts `json:"total"`
	// Known is how many flows the kernel has in its table, of at most Capacity, and
	// Evicted how many had to leave it.
	Known    int    `json:"known"`
	Capacity int    `json:"capacity"`
	Evicted  uint64 `json:"evicted"`
}

// flowCounts are since the flow came into the table; packets are socket buffers, bytes
// from the network header on.
type flowCounts struct {
	ReceivedBytes   uint64 `json:"received_bytes"`
	ReceivedPackets uint64 `json:"received_packets"`
	SentBytes       uint64 `json:"sent_bytes"`
	SentPackets     uint64 `json:"sent_packets"`
	Retransmits     uint64 `json:"retransmits"`
}

// A flowRow is one flow, or with --by-process all flows of one owner.
type flowRow struct {
	// Remote is a prefix, and Address one of the addresses in it.
	Remote  string `json:"remote,omitempty"`
	Address string `json:"address,omitempty"`
	// ServicePort is absent for protocols without ports.
	ServicePort uint16 `json:"service_port,omitempty"`
	// Protocol is "tcp", "udp", "icmp", "icmpv6", "sctp" or "other", and Role what
	// this host is: "client", "server", "peer" or "forward".
	Protocol string `json:"protocol,omitempty"`
	Role     string `json:"role,omitempty"`
	// Flows is how many are added up in the row.
	Flows int `json:"flows"`
	flowCounts
	BytesPerSecond float64 `json:"bytes_per_second"`
	// RTTSeconds is absent if it is not known.
	RTTSeconds float64   `json:"rtt_seconds,omitempty"`
	FirstSeen  time.Time `json:"first_seen"`
	LastSeen   time.Time `json:"last_seen"`
	// Who holds the local socket that sent last; absent if not known.
	PID       int    `json:"pid,omitempty"`
	Process   string `json:"process,omitempty"`
	Cgroup    string `json:"cgroup,omitempty"`
	Container string `json:"container,omitempty"`
}

// A flowQuery is what to report.
type flowQuery struct {
	order     stack.FlowOrder
	top       int
	byProcess bool
	// remotes, if there are any, leave out flows whose remote network overlaps none.
	remotes []netip.Prefix
}

// wants tells whether a flow is asked for.
func (q flowQuery) wants(f stack.Flow) bool {
	return q.remotes == nil || slices.ContainsFunc(q.remotes, f.Remote.Overlaps)
}

// A flowReporter makes reports, one after the other.
type flowReporter struct {
	read func() (stack.FlowTable, error)
	// owners looks up who has the sockets of flows.
	owners func([]owner.Socket) []owner.Owner
	// last and before are when the last report was made, and what it was made of.
	last   time.Time
	before map[stack.FlowKey]stack.FlowCounts
}

// report reads the flows. It must not be called at the same time twice.
func (r *flowReporter) report(q flowQuery) (flowReport, error) {
	table, err := r.read()
	if err != nil {
		return flowReport{}, err
	}
	seconds := table.Time.Sub(r.last).Seconds()
	flows := table.Flows
	if q.remotes != nil {
		flows = slices.DeleteFunc(slices.Clone(flows), func(f stack.Flow) bool { return !q.wants(f) })
	}
	if !q.byProcess {
		flows = stack.TopFlows(flows, q.order, r.before, q.top)
	}
	report := flowReport{
		Time: table.Time.UTC(), Seconds: seconds, Flows: []flowRow{}, Total: countsOf(table.Total),
		Known: len(table.Flows), Capacity: table.Capacity, Evicted: table.Evicted,
	}
	sockets := make([]owner.Socket, len(flows))
	for i, f := range flows {
		sockets[i] = owner.Socket{Inode: f.Socket, Cgroup: f.Cgroup}
	}
	for i, by := range r.owners(sockets) {
		report.Flows = append(report.Flows, rowOf(flows[i], r.before[flows[i].FlowKey], by, seconds))
	}
	if q.byProcess {
		report.Flows = byOwner(report.Flows, q)
	}
	r.last, r.before = table.Time, stack.CountsByKey(table.Flows)
	return report, nil
}

func countsOf(c stack.FlowCounts) flowCounts { return flowCounts(c) }

func rowOf(f stack.Flow, before stack.FlowCounts, by owner.Owner, seconds float64) flowRow {
	row := flowRow{
		Remote: f.Remote.String(), Address: f.Address.String(), ServicePort: f.ServicePort,
		Protocol: f.ProtocolName(), Role: f.Role.String(), Flows: 1,
		flowCounts: countsOf(f.FlowCounts),
		RTTSeconds: f.RTT.Seconds(), FirstSeen: f.FirstSeen.UTC(), LastSeen: f.LastSeen.UTC(),
		PID: by.PID, Process: by.Process, Cgroup: by.Cgroup, Container: by.Container,
	}
	if seconds > 0 {
		row.BytesPerSecond = float64(f.FlowCounts.Since(before).Bytes()) / seconds
	}
	return row
}

// byOwner adds up the rows of each process or, where none is known, of each group. The
// round-trip time is the longest.
func byOwner(rows []flowRow, q flowQuery) []flowRow {
	type owner struct {
		pid             int
		process, cgroup string
	}
	sums := make(map[owner]flowRow)
	for _, row := range rows {
		key := owner{row.PID, row.Process, row.Cgroup}
		sum, ok := sums[key]
		if !ok {
			sum = flowRow{
				PID: row.PID, Process: row.Process, Cgroup: row.Cgroup, Container: row.Container,
				FirstSeen: row.FirstSeen, LastSeen: row.LastSeen,
			}
		}
		sum.Flows++
		sum.flowCounts = flowCounts(stack.FlowCounts(sum.flowCounts).Plus(stack.FlowCounts(row.flowCounts)))
		sum.BytesPerSecond += row.BytesPerSecond
		sum.RTTSeconds = max(sum.RTTSeconds, row.RTTSeconds)
		if row.FirstSeen.Before(sum.FirstSeen) {
			sum.FirstSeen = row.FirstSeen
		}
		if row.LastSeen.After(sum.LastSeen) {
			sum.LastSeen = row.LastSeen
		}
		sums[key] = sum
	}
	sorted := slices.SortedFunc(maps.Values(sums), func(a, b flowRow) int {
		return cmp.Or(cmp.Compare(b.measure(q.order), a.measure(q.order)), cmp.Compare(a.PID, b.PID),
			cmp.Compare(a.Process, b.Process), cmp.Compare(a.Cgroup, b.Cgroup))
	})
	if q.top >= 0 && q.top < len(sorted) {
		sorted = sorted[:q.top]
	}
	return sorted
}

// measure returns what the order sorts by.
func (r flowRow) measure(order stack.FlowOrder) float64 {
	switch c := stack.FlowCounts(r.flowCounts); order {
	case stack.ByPackets:
		return float64(c.Packets())
	case stack.ByRate:
		return r.BytesPerSecond
	case stack.ByRetransmits:
		return float64(c.Retransmits)
	case stack.ByRTT:
		return r.RTTSeconds
	default:
		return float64(c.Bytes())
	}
}
