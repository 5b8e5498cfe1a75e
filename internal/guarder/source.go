package guarder

import "time"

// A SourceStatus is what a rule did to the packets of a source. Rules that simply
// pass packets are left out.
//
// The numbers are exact for sources that the table held on to, as long as rules hit no
// more than 32 packets per CPU in a jiffy (8,000 per second and CPU at 250 Hz). Of hits
// beyond that, one of 64 on average is noted and counts for 64, at random distances from
// 1 to 127: so they are estimates that are right on average. The standard deviation of a
// sum that holds n times 64 is 37 times the root of n for all of a flood, and at most 64
// times that root for a source that sends a part of it. A table that is full forgets
// who was not hit for the longest time.
type SourceStatus struct {
	// Source is an IPv4 address, or an IPv6 prefix of 64 bits; "" are packets without
	// an address. Of ARP it is the sender.
	Source string `json:"source"`
	Group  string `json:"group"`
	Rule   string `json:"rule"`
	// Effect is what the rule did last: "drop", "would_drop", "count" or "sample".
	Effect  string    `json:"effect"`
	Packets uint64    `json:"packets"`
	Bytes   uint64    `json:"bytes"`
	First   time.Time `json:"first_seen"`
	Last    time.Time `json:"last_seen"`
	// Protocol is that of the last packet: "tcp", "udp", "icmp", "arp", the number of
	// another one, or the type of a frame that is not IP.
	Protocol string `json:"protocol"`
	// Port is its destination port, or 0.
	Port uint16 `json:"port,omitempty"`
	// Flags are those of TCP that any of the packets had.
	Flags []string `json:"flags,omitempty"`
	// ICMPType is the type of the last packet if that was ICMP, in the words of the
	// policy language.
	ICMPType string `json:"icmp_type,omitempty"`
}

// A ServiceStatus is a port of this host, or behind it, that dropped packets were for:
// estimates as those of [SourceStatus].
type ServiceStatus struct {
	Protocol string `json:"protocol"` // "tcp" or "udp"
	Port     uint16 `json:"port"`
	// Counts are "drop" and "would_drop"; what never happened is absent.
	Counts map[string]Counts `json:"counts"`
}
