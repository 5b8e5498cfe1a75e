package posture

// deviceChecks are about packets that a device takes in or passes on. The sources are
// the macros IN_DEV_… of include/linux/inetdevice.h, and what uses them.
var deviceChecks = []Check{
	{
		Name: "accept_redirects", Scope: Device4,
		Attack: "forged ICMP redirects lead traffic to the attacker, also from off the path (RFC 1122 3.2.2.2 has hosts believe them)",
		Right:  "0 on every host with one gateway, and on every router",
		Cure:   "net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.DEVICE.accept_redirects=0",
		judge: func(v *values) (int, State) {
			n := acceptsRedirects(v)
			return n, exposedIf(n != 0)
		},
	},
	{
		Name: "secure_redirects", Scope: Device4,
		Attack: "ICMP redirects to any address, not only to known gateways; it decides only where redirects are accepted and shared_media is 0 (__ip_do_redirect, net/ipv4/route.c)",
		Right:  "1 with shared_media=0 if redirects must be accepted; without them it does not matter",
		Cure:   "net.ipv4.conf.all.secure_redirects=1 net.ipv4.conf.all.shared_media=0 net.ipv4.conf.DEVICE.shared_media=0",
		judge: func(v *values) (int, State) {
			secure := v.or("secure_redirects")
			works := secure != 0 && v.or("shared_media") == 0
			return secure, exposedIf(acceptsRedirects(v) != 0 && !works)
		},
	},
	{
		Name: "send_redirects", Scope: Device4,
		Attack: "a router tells its neighbours about its routes, and teaches them to believe redirects (RFC 1812 5.2.7.2)",
		Right:  "0 unless the host routes between hosts of one segment; it does not matter without forwarding",
		Cure:   "net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.DEVICE.send_redirects=0",
		judge: func(v *values) (int, State) {
			n := v.or("send_redirects")
			return n, exposedIf(n != 0 && v.own("forwarding") != 0)
		},
	},
	{
		Name: "accept_source_route", Scope: Device4,
		Attack: "the sender chooses the way of its packets, around filters (RFC 7126 4.3, CVE-1999-0510)",
		Right:  "0 always",
		Cure:   "net.ipv4.conf.all.accept_source_route=0",
		judge: func(v *values) (int, State) {
			n := v.and("accept_source_route")
			return n, exposedIf(n != 0)
		},
	},
	{
		Name: "rp_filter", Scope: Device4,
		Attack: "packets with forged source addresses are taken in, which most off-path attacks need (RFC 2827, RFC 3704)",
		Right:  "1 where packets return the way that they came, 2 where routes are asymmetric",
		Cure:   "net.ipv4.conf.DEVICE.rp_filter=1",
		judge: func(v *values) (int, State) {
			n := v.max("rp_filter")
			return n, exposedIf(n == 0)
		},
	},
	{
		Name: "log_martians", Scope: Device4,
		Attack: "packets with impossible addresses leave no line in the log (RFC 1812 5.3.7 asks for one)",
		Right:  "1 where somebody reads the log of the kernel; the lines are limited in rate",
		Cure:   "net.ipv4.conf.all.log_martians=1",
		judge: func(v *values) (int, State) {
			n := v.or("log_martians")
			return n, exposedIf(n == 0)
		},
	},
	{
		Name: "ip_forward", Scope: Device4,
		Attack: "the host passes on packets with forged source addresses, for attacks on others (RFC 2827)",
		Right:  "0 on hosts; 1 on routers and hosts of containers, with rp_filter at 1 or 2",
		Cure:   "net.ipv4.conf.DEVICE.rp_filter=1",
		judge: func(v *values) (int, State) {
			n := v.own("forwarding")
			return n, exposedIf(n != 0 && v.max("rp_filter") == 0)
		},
	},
	{
		Name: "ipv6_forwarding", Scope: Device6,
		Attack: "as ip_forward; IPv6 has no rp_filter, so that rules of nftables (fib saddr . iif) decide, which are not looked at",
		Right:  "0 on hosts; 1 on routers, with such rules",
		Cure:   "net.ipv6.conf.all.forwarding=0",
		judge: func(v *values) (int, State) {
			// The forwarding of a device only has it behave as a router. Packets are
			// passed on if "all" or, since Linux 6.17, its force_forwarding says so
			// (ip6_forward, net/ipv6/ip6_output.c).
			n := truth(v.all("forwarding") != 0 || v.optional("force_forwarding") != 0)
			if n == 0 || v.own("disable_ipv6") != 0 {
				return n, OK
			}
			return n, Unknown
		},
	},
	{
		Name: "ipv6_accept_redirects", Scope: Device6,
		Attack: "forged ICMPv6 redirects lead traffic to the attacker (RFC 4861 11.1)",
		Right:  "0 on every host with one gateway; routers never accept them",
		Cure:   "net.ipv6.conf.DEVICE.accept_redirects=0",
		judge: func(v *values) (int, State) {
			// "all" is not consulted (rt6_do_redirect, net/ipv6/route.c).
			n := truth(v.own("accept_redirects") != 0 && v.own("forwarding") == 0 && v.own("disable_ipv6") == 0)
			return n, exposedIf(n != 0)
		},
	},
	{
		Name: "accept_ra", Scope: Device6,
		Attack: "any node of the link makes itself the router by an advertisement (RFC 6104)",
		Right:  "0 with fixed addresses, or where a service such as systemd-networkd reads advertisements; 1 is needed for SLAAC by the kernel, and 2 for it on a router",
		Cure:   "net.ipv6.conf.DEVICE.accept_ra=0",
		judge: func(v *values) (int, State) {
			// ipv6_accept_ra, include/net/ipv6.h: a router accepts at 2 only.
			n, forwards := v.own("accept_ra"), v.own("forwarding") != 0
			accepts := n == 2 || n != 0 && !forwards
			return n, exposedIf(accepts && v.own("disable_ipv6") == 0)
		},
	},
}

// acceptsRedirects is IN_DEV_RX_REDIRECTS: on a router both must say so, on a host one
// is enough.
func acceptsRedirects(v *values) int {
	if v.own("forwarding") != 0 {
		return v.and("accept_redirects")
	}
	return v.or("accept_redirects")
}

// neighbourChecks are about ARP.
var neighbourChecks = []Check{
	{
		Name: "arp_ignore", Scope: Device4,
		Attack: "neighbours learn the addresses of other devices, and reach them (weak host model, RFC 1122 3.3.4.2)",
		Right:  "1 on hosts with several networks or addresses of containers",
		Cure:   "net.ipv4.conf.all.arp_ignore=1",
		judge: func(v *values) (int, State) {
			n := v.max("arp_ignore")
			return n, exposedIf(n == 0)
		},
	},
	{
		Name: "arp_announce", Scope: Device4,
		Attack: "requests carry addresses of other networks, which neighbours learn",
		Right:  "2 on hosts with several networks",
		Cure:   "net.ipv4.conf.all.arp_announce=2",
		judge: func(v *values) (int, State) {
			n := v.max("arp_announce")
			return n, exposedIf(n == 0)
		},
	},
	{
		Name: "arp_accept", Scope: Device4,
		Attack: "unasked ARP makes new entries in the neighbour table, for spoofing and to fill it (RFC 826 has none of it authenticated)",
		Right:  "0; 1 or 2 only where failover of neighbours that were never spoken to must be instant",
		Cure:   "net.ipv4.conf.all.arp_accept=0 net.ipv4.conf.DEVICE.arp_accept=0",
		judge: func(v *values) (int, State) {
			n := v.max("arp_accept")
			return n, exposedIf(n != 0)
		},
	},
	{
		Name: "proxy_arp", Scope: Device4,
		Attack: "the host answers for addresses that are not its own, and takes their traffic (RFC 1027)",
		Right:  "0; 1 only on a router that joins two halves of a network. It does not matter without forwarding",
		Cure:   "net.ipv4.conf.all.proxy_arp=0 net.ipv4.conf.DEVICE.proxy_arp=0",
		judge: func(v *values) (int, State) {
			// arp_process, net/ipv4/arp.c, proxies only where it forwards.
			n := v.or("proxy_arp")
			return n, exposedIf(n != 0 && v.own("forwarding") != 0)
		},
	},
}
