// Package filter compiles expressions that choose packets, in the syntax of pcap-filter(7),
// into BPF that the kernel's own tools have no part in making.
//
//	f, err := filter.Compile("tcp port 443 and not host 192.0.2.1", filter.Names{})
//	f.Match(frame, filter.Meta{})
//
// # Syntax
//
// What libpcap accepts for Ethernet: host, net, port, portrange, proto and their directions
// (src, dst, "src or dst", "src and dst") and protocols (ether, ip, ip6, arp, rarp, tcp, udp,
// sctp, icmp, icmp6, igmp, igrp, pim, vrrp, ah, esp), broadcast, multicast, less, greater, vlan, comparisons
// of bytes (tcp[tcpflags] & tcp-syn != 0), and, or, not, parentheses. "and" and "or" bind
// equally, from left to right; what is left out behind them is as in the term before (port 80
// or 443). A load behind the end of a packet makes the whole expression false.
//
// Four terms are of this package: "iface NAME", "pid NUMBER", "netns PATH" and "cgroup PATH";
// numbers in place of names are indices and inodes.
//
// # What is not there
//
// Names of hosts and networks (nothing is looked up while packets are chosen), protochain,
// gateway, mpls, pppoe, geneve, and everything of links other than Ethernet. In arithmetic, "%"
// binds as "*", and "^" as "|".
package filter
