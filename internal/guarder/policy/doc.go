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
//	  on_unknown_socket: pass       # pass | drop: see "Sockets"
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
//	feeds:                          # lists that others keep
//	- feed: spamhaus-drop
//	  url: https://www.spamhaus.org/drop/drop_v4.json
//	  format: spamhaus-json
//	  mode: audit
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
// # Temporary files
//
// The rules of a file that says
//
//	until: 2026-11-29T10:00:00Z   # RFC 3339, with a zone
//
// are over at that time, to the packet: one that arrives then or later is judged as if the
// file were not there. What a file says for the whole policy would stay behind, so
// such a file has no failsafe and no unparsable, attaches to no interface that
// another file does not name, and only its own rules can use its sets. Its rules do not make the
// default of unparsable stricter.
//
// A file that is over is read, but nothing of it comes into the policy, and its faults
// are warnings. It can be deleted.
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
//	tcp: {window: 0}                    tcp: {options: [fast-open]}
//	payload_length: {ge: 1}             connections: {per: src, above: 200}
//	icmp: {type: echo-request}          icmp: {class: [nd, mld]}
//	icmp: {class: packet-too-big, mtu: {ge: inner.length}}
//	icmp: {class: error, inner: {proto: udp, dst: local, df: false}}
//	icmp: {class: error, inner: {src: outer.dst}}
//	arp: {op: reply, sender_ip: own}    arp: {sender_mac: {ne: eth.src}}
//	arp: {sender: {conflicts_with: gateways}}
//	arp: {gratuitous: true}
//	nd: {target: own}                   nd: {sender: {conflicts_with: gateways}}
//	socket: {is: [none, listen]}        socket: {of: inner, is: established}
//	seq: out-of-window                  seq: {of: outer, is: next}
//	icmp: {class: error, inner: {proto: tcp, seq: out-of-window}}
//	payload: [{at: 0, bytes: "03 00"}, {at: 7, any_byte: [5, 15-16]}]
//	any: [{proto: tcp, dst_port: 23}, {fragment: later}]
//	all: [...]                          not: {src_set: trusted}
//	any_packet: true
//
// "local" and "own" are the addresses of the host. A condition on a header that the
// packet has not is false, and "not" turns that round: {not: {proto: tcp, dst_port: 22}}
// matches ARP. Ports, the length of the payload, payload and types of ICMP by number need the protocol, beside or
// above them, as 8 is something else in ICMPv6. Later fragments have no ports.
//
// # How a packet is judged
//
// A packet that cannot be read to its end (packet.Reason is not OK) is judged by
// [Policy.Unparsable] alone. It is dropped, unless the policy says otherwise, as
// strictly as its strictest rule, since port rules could be evaded otherwise.
//
// For all others the rules are tried in order: those of the guard stage, those that the
// failsafe allows, the feeds, those of the policy stage, in each stage by priority and then
// as they stand in the files. A feed is a rule for the source addresses that it lists.
//
//   - A rule that passes ends the search: the packet passes.
//   - A rule that drops, and is enforced, ends the search: the packet is dropped.
//   - A rule that drops, and is only audited, would have dropped. The search goes on;
//     of all such rules only the first is credited with the packet.
//   - A rule that counts or samples is credited, and the search goes on.
//   - A rule with a limit that the packet is within does nothing, and the search goes on.
//
// A packet that no rule ends passes.
//
// # Sockets
//
// The sockets of the host tell of a packet of TCP or UDP what no filter could know by
// itself: whether anybody here waits for it. The kernel is asked, so there is no table of
// connections beside its own. With "of: outer" (or nothing) it is the socket that would
// receive the packet, with "of: inner" the one that would have sent the packet which an ICMP
// error quotes. The states:
//
//	none         no socket has the ports
//	listen       it takes new connections, or is a socket of UDP that is not connected:
//	             anybody's packet is wanted, so it proves nothing
//	syn_sent     the host has asked for the connection
//	syn_recv     the host was asked, and has answered; with a SYN cookie it keeps no socket,
//	             but knows the ACK
//	established  both ends know each other's sequence numbers (also while the connection
//	             is closed); or a socket of UDP that is connected to the sender
//	time_wait    the connection is over
//	any          any of these but none
//
// A sequence number is compared with the connection, if there is one (established, and of
// inner syn_sent too). Of outer, it is in-window if the receiver would take the segment,
// and next if it is the number that is awaited. Segments that are out-of-window are not
// all forged: keep-alives are, by design. Of inner, it is in-window if it was sent and is not
// acknowledged. Packets that are not of TCP or UDP, or have no ports, have no socket; those
// without a connection are neither in-window nor out-of-window.
//
// "connections" is how many connections to this host the source has open, with all others
// of its prefix: see [Connections].
//
// The truth is not known where the local address is none of this host's (a network is
// forwarded, or groups are addressed), and where a frame with a VLAN tag (other than 0, which
// is none) finds no connection, as a socket may be bound to the device of the VLAN. Then a rule whose match
// depends on it does not match; with "on_unknown_socket: drop" (of defaults, group or rule,
// the nearest wins) a rule that drops does match. Addresses that are translated (NAT), and
// sockets in other network namespaces, look like none: "guard check --host" refuses to
// enforce such rules there.
//
// # Limits
//
// A rule with a limit does nothing with the packets that are within it; what it does, it
// does with those beyond:
//
//   - rule: ssh
//     match: {tcp: {flags: {all: [syn], none: [ack]}}, dst_port: 22}
//     limit: {per: src, rate: 10/m, burst: 20, prefix: {ipv4: 32, ipv6: 64}}
//     action: drop                # count and sample go, too
//
// Packets are counted together per source, per destination, per pair of these ([src, dst]),
// per flow (addresses, protocol and ports), per interface, or all that the rule matches
// (per: rule). Addresses are told apart by their prefix, of IPv6 by the /64 unless it is
// given; packets that are not IP have MAC addresses instead. A burst is how many may come at
// once, if there were few before; without it, as many as in a second. There are no windows
// that begin anew: package limit says how packets are counted, to the nanosecond.
//
// With "per: heavy-hitter", packets are counted together in several ways, of which the
// narrowest that is not light decides: one that has used up half of its burst.
//
//	limit: {per: heavy-hitter, levels: [flow, src, src/24, src/16], rate: 5k/s}
//
// So one flow that sends too much has its rate, and takes nothing from the others of its
// source; and a network whose hosts each send little has the rate for all of them. (Of IPv6,
// a level has twice as many bits.)
//
// A packet that is within the limit goes on to the next rules. One that another rule has
// passed or dropped before is not counted. A limit counts what it drops neither: who
// sends too much has the rate left. With "distinct: dst_port, rate: 20/10s" different ports
// are counted instead, from the first one on for so long; who is over stays so until nothing
// came for as long. It is counted over reloads of the policy, as long
// as the limit, the group and the name stay.
//
// The kernel counts for as many as it has room for, which never grows. Who has sent less
// than half of a burst needs no room of its own. Forged sources do not take the room from
// those that are near their limit; who is not may be forgotten, to its advantage.
// If there is no room, "when_full" says what is done: aggregate counts all of an IPv4 /16, or of an
// IPv6 /32, together, and lets the packet pass if there is no room for these either; pass lets it
// pass at once. Such packets are counted ("limits_full" of guard status).
//
// # Floods of SYNs
//
// A rule with the action syncookie answers SYNs in the kernel's place while there are too
// many of them:
//
//   - rule: syn-flood
//     match: {proto: tcp, dst_port: [80, 443]}
//     action: syncookie
//     syncookie: {on_above: 20k/s, off_below: 10k/s}
//
// It is about what may open a connection to this host, whatever else its match says: SYNs
// to the host's own addresses, and segments with an ACK, as far as the match has them. The SYNs of
// all sources are counted together, by the second. The first one beyond on_above is
// answered, and those behind it, until a second had fewer than off_below (without it, half
// of on_above); package flood says it exactly.
//
// The answer has the number by which the kernel itself knows the ACK to come (a SYN cookie),
// so that the connection needs no memory until then. The kernel makes one only if
// somebody listens and the queue of half-open connections is full; else the SYN goes on to the next
// rules, and the kernel has room for it. If net.ipv4.tcp_syncookies is 0 it makes none
// ("guard check --host" says so). SYNs that are signed (MD5, TCP-AO) go on too. Like all SYN
// cookies, these keep nothing of the SYN but its maximum segment size: connections that begin with
// one have no window scaling, no selective acknowledgements and no timestamps.
//
// While there is a flood, ACKs to a listener that belong to no connection, and have no
// cookie that the kernel takes, are dropped; those that have one go on. Of frames with a
// VLAN tag all ACKs go on. An audited rule answers nothing and drops nothing: what it
// would do is counted like a drop.
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
// a later version of the language (bans, SYN cookies, alerts)
// has a code of its own.
package policy
