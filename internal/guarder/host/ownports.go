package host

import (
	"fmt"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// answers reports rules that count the ports of segments from whom this host has called
// itself: each of its connections has a port of its own, so a peer that it calls often is
// taken for one that looks at its ports.
func answers(p *policy.Policy, facts *Facts) (faults []policy.Fault) {
	first, last := facts.FirstPort, facts.LastPort
	if first == 0 {
		return nil
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Mode != policy.Off && r.Limit != nil && r.Limit.Distinct == policy.DistinctDestinationPort && r.MayGoOn(first, last) {
			faults = append(faults, r.About(policy.OwnPorts, fmt.Sprintf("leave them out of dst_port, such as 1-%d", max(first-1, 1)),
				"counts the ports %d-%d (net.ipv4.ip_local_port_range), from which this host calls others: whoever answers it often is taken for one that scans", first, last))
		}
	}
	return faults
}
