// Package policy is Guarder's language: what a policy says, and what it means.
//
// A policy is YAML text; [Load] turns it into a [Policy], or into a list of
// faults with their places. A Policy is a list of rules in the order in which they
// are tried, each with an [Expr] that says which packets it matches.
//
// [Policy.Judge] is the meaning: the plain interpreter that everything faster is
// compared with. It is as simple as it can be, and slow. [Policy.Explain] tells what
// each rule did, and [RunTests] runs the unit tests of a policy.
//
// # A policy
//
//	version: 1
//	defaults:
//	  mode: audit                   # audit | enforce | off; the nearest wins:
//	  interfaces: [eth0, "wlan*"]   #   rule, group, defaults
//	  sample: {rate: 10/s, snap: 128}
//	  labels: {team: network}
//	unparsable: {action: drop, mode: enforce}
//	failsafe:
//	  allow:                        # passes, whatever the policy stage says
//	  - {name: ssh, proto: tcp, dst_port: 22, src: [10.0.0.0/8, "2001:db8::/32"]}
//	  - {name: arp, ethertype: arp}
//	  established: keep             # connections of TCP that are there are not cut
//	  protect_applier: 30m          # nor is who puts the policy in force, for so long
//	  confirm_within: 60s           # taken back unless it is confirmed
//	  trip_wire: {dropped_ratio: 0.5, min_rate: 1k/s, over: 30s, then: audit}
//	sets:
//	  trusted: {type: prefix, entries: [192.0.2.0/24]}
//	  bad: {type: prefix, file: bad.txt}    # one prefix per line
//	  web: {type: port, entries: [80, 443, 8000-8099]}
//	  gateways: {type: ip-mac, entries: [{ip: 192.0.2.254, mac: "02:00:5e:10:00:fe"}]}
//	groups:
//	- name: sanity
//	  stage: guard                  # guard | policy
//	  priority: 10                  # the lowest first
//	  rules:
//	  - rule: land
//	    match: {same: [src, dst]}
//	    action: drop                # pass | drop | count | sample
//	    labels: {attack: land}
//
// Groups of several files form one policy; they are tried by stage, priority, and
// then as they stand in the files. Names of groups, and of rules within a group, are
// unique, as counters go on over reloads as long as they stay.
//
// # Matches
//
// The keys of a match must all hold. A list behind a key means one of its values.
//
//	family: ipv4                        ethertype: [arp, 0x88cc]
//	proto: [tcp, udp, 47]               dst_port: [22, 8000-8099]
//	src: [192.0.2.0/24, local]          dst_port_set: web
//	src_set: trusted                    same: [src_port, dst_port]
//	ttl: {le: 1}                        length: {gt: 1500, ne: 9000}
//	fragment: [first, later, offset-one, past-end, overlap]
//	ip_options: [lsrr, ssrr]            routing_header: [0]
//	vlan: {depth: {ge: 2}}              vlan: {id: [10, 20]}
//	interface: [eth0, "wlan*"]          ext_headers: [hop-by-hop]
//	tcp: {flags: {all: [syn], none: [ack]}, mss: {lt: 536}}
//	icmp: {type: echo-request}          icmp: {class: [nd, mld]}
//	icmp: {class: packet-too-big, mtu: {ge: inner.length}}
//	icmp: {class: error, inner: {proto: udp, dst: local, df: false}}
//	icmp: {class: error, inner: {src: outer.dst}}
//	arp: {op: reply, sender_ip: own}    arp: {sender_mac: {ne: eth.src}}
//	arp: {sender: {conflicts_with: gateways}}
//	nd: {target: own}                   nd: {sender: {conflicts_with: gateways}}
//	payload: [{at: 0, bytes: "03 00"}, {at: 7, any_byte: [5, 15-16]}]
//	any: [{proto: tcp, dst_port: 23}, {fragment: later}]
//	all: [...]                          not: {src_set: trusted}
//	any_packet: true
//
// "local" and "own" are the addresses of the host. A condition on a header that the
// packet has not is false, and "not" turns that round: {not: {proto: tcp, dst_port: 22}}
// matches ARP. Ports, payload and types of ICMP by number need the protocol, beside or
// above them, as 8 is something else in ICMPv6. Later fragments have no ports.
//
// # How a packet is judged
//
// A packet that cannot be read to its end (packet.Reason is not OK) is judged by
// [Policy.Unparsable] alone. It is dropped, unless the policy says otherwise, as
// strictly as its strictest rule, since port rules could be evaded otherwise.
//
// For all others the rules are tried in order: those of the guard stage, those that the
// failsafe allows, those of the policy stage, in each stage by priority and then as they
// stand in the files.
//
//   - A rule that passes ends the search: the packet passes.
//   - A rule that drops, and is enforced, ends the search: the packet is dropped.
//   - A rule that drops, and is only audited, would have dropped. The search goes on;
//     of all such rules only the first is credited with the packet.
//   - A rule that counts or samples is credited, and the search goes on.
//
// A packet that no rule ends passes.
//
// # What is kept
//
// With "established: keep" and "protect_applier", rules of the policy stage do not drop
// packets that are kept ([Kept.Has]):
//
//   - Those of a TCP connection that was established, with an end in the agent's network
//     namespace, when the policy was put in force; but a SYN without ACK asks for a new
//     connection, and is judged. Some seconds after the connection was closed its ports
//     are nothing special any more.
//   - All IP packets from the address from which the policy was put in force (the peer of
//     the SSH connection of "guard apply" or "guard run"), new connections too, until the
//     time is over.
//
// A rule that drops and that would end the search for such a packet ends it, and the packet
// passes. An audited one that would be credited is not, and the search goes on. Neither is
// counted for the packet, which is counted as kept instead, once; "guard status" has
// the sum.
//
// Rules of the guard stage drop kept packets all the same, as they are for what no
// well-formed traffic has; so does "unparsable". ICMP errors about a connection, such as
// "packet too big", are not packets of it, as anybody can forge them: a policy that drops
// others should pass them. Later fragments have no ports and belong to no connection.
// Nor does ARP belong to a peer: a policy that drops it is refused.
//
// # What is refused
//
// All faults of all files are reported at once, as
//
//	guard.yaml:34:7: error[G101]: floods/ssh: unknown key "lables" in a rule; did you mean "labels"?
//
// [Codes] lists the kinds. Beside slips of the pen they are conditions that exclude
// each other, rules that are never reached, rules of the guard stage that could hit a
// well-formed connection, and drops of what a network cannot do without. What belongs to
// a later version of the language (limits, bans, sockets, SYN cookies, feeds, alerts)
// has a code of its own.
package policy
