package posture

// tcpChecks are about what an attacker can do to TCP without being on its path.
var tcpChecks = []Check{
	wholeCheck("tcp_syncookies", "net/ipv4/tcp_syncookies", func(n int) bool { return n == 0 },
		"a SYN flood fills the queue of a listener (RFC 4987, CVE-1999-0116)", "1; 2 is for tests", "net.ipv4.tcp_syncookies=1"),
	wholeCheck("tcp_challenge_ack_limit", "net/ipv4/tcp_challenge_ack_limit", func(n int) bool { return n < leastChallengeACKs },
		"an attacker off the path finds connections and their sequence numbers by the common limit of challenge ACKs (CVE-2016-5696, RFC 5961 7)",
		"1000 at the least, or 2147483647 for no common limit, the default since Linux 6.1", "net.ipv4.tcp_challenge_ack_limit=2147483647"),
	wholeCheck("tcp_rfc1337", "net/ipv4/tcp_rfc1337", func(n int) bool { return n == 0 },
		"a reset ends the state TIME-WAIT early, so that old segments fall into a new connection (RFC 1337)", "1", "net.ipv4.tcp_rfc1337=1"),
	wholeCheck("tcp_timestamps", "net/ipv4/tcp_timestamps", func(n int) bool { return n != 1 },
		"with 0 forged segments pass more easily, for there is no PAWS (RFC 7323 5); with 2 the host tells its uptime", "1", "net.ipv4.tcp_timestamps=1"),
	wholeCheck("tcp_mtu_probing", "net/ipv4/tcp_mtu_probing", func(n int) bool { return n == 0 },
		"connections hang where ICMP is lost or filtered, so that forged ICMP cannot be filtered (RFC 4821)", "1; 2 probes also where no black hole was seen", "net.ipv4.tcp_mtu_probing=1"),
}

// Limits that are not the kernel's.
const (
	// leastChallengeACKs is the default since Linux 4.7, which also made the limit a
	// random one; before it was 100 and could be counted.
	leastChallengeACKs = 1000
	// leastMinPMTU is the kernel's default: 512 + 20 + 20 (net/ipv4/route.c).
	leastMinPMTU = 552
	// mostFragmentBytes is four times the default of 4 MiB (inet_frags.c): what a
	// stranger can have the host hold with halves of packets.
	mostFragmentBytes = 16 << 20
	// mostICMPErrors is ten times the default, per second.
	mostICMPErrors = 10_000
	// unreachableBit is that of ICMP destination unreachable in icmp_ratemask.
	unreachableBit = 1 << 3
	// hardenedPMTU is the mode of ip_no_pmtu_disc in which ICMP is believed only if
	// the protocol inside can verify it.
	hardenedPMTU = 3
)

// BPFJITHarden is the name of the check whose setting only root may read.
const BPFJITHarden = "bpf_jit_harden"

// packetChecks are about ICMP, fragments, the size of packets, and BPF.
var packetChecks = []Check{
	wholeCheck("icmp_ratelimit", "net/ipv4/icmp_ratelimit", func(n int) bool { return n == 0 },
		"a flood to closed ports makes the host send as many ICMP errors (RFC 1812 4.3.2.8)", "1000 (milliseconds between errors to one address)", "net.ipv4.icmp_ratelimit=1000"),
	wholeCheck("icmp_ratemask", "net/ipv4/icmp_ratemask", func(n int) bool { return n&unreachableBit == 0 },
		"destination unreachable is not among the messages that icmp_ratelimit is for", "6168", "net.ipv4.icmp_ratemask=6168"),
	wholeCheck("icmp_msgs_per_sec", "net/ipv4/icmp_msgs_per_sec", func(n int) bool { return n > mostICMPErrors },
		"ports of resolvers are found by how many ICMP errors come back (SAD DNS, CVE-2020-25705; the limit is random since Linux 5.10)",
		"1000, the default", "net.ipv4.icmp_msgs_per_sec=1000"),
	wholeCheck("icmp_echo_ignore_broadcasts", "net/ipv4/icmp_echo_ignore_broadcasts", func(n int) bool { return n == 0 },
		"one ping to a broadcast address is answered by all (smurf, CVE-1999-0513, RFC 2644)", "1", "net.ipv4.icmp_echo_ignore_broadcasts=1"),
	wholeCheck("ipfrag_high_thresh", "net/ipv4/ipfrag_high_thresh", func(n int) bool { return n > mostFragmentBytes },
		"fragments that never become whole take memory and CPU time (FragmentSmack, CVE-2018-5391)", "4194304, the default, or less", "net.ipv4.ipfrag_high_thresh=4194304"),
	wholeCheck("ip6frag_high_thresh", "net/ipv6/ip6frag_high_thresh", func(n int) bool { return n > mostFragmentBytes },
		"as ipfrag_high_thresh, by IPv6", "4194304, the default, or less", "net.ipv6.ip6frag_high_thresh=4194304"),
	wholeCheck("ip_no_pmtu_disc", "net/ipv4/ip_no_pmtu_disc", func(n int) bool { return n != hardenedPMTU },
		"forged ICMP fragmentation needed makes the host fragment, so that its packets can be forged (RFC 5927 7, CVE-2021-20322)",
		"3 with tcp_mtu_probing=1 on resolvers and servers; 0, the default, with a rule of Guarder against forged ICMP; 1 and 2 never", "net.ipv4.ip_no_pmtu_disc=3"),
	wholeCheck("min_pmtu", "net/ipv4/route/min_pmtu", func(n int) bool { return n < leastMinPMTU },
		"forged ICMP makes the packets of the host tiny, and many (RFC 1191 8)", "552, the default, or more", "net.ipv4.route.min_pmtu=552"),
	wholeCheck("unprivileged_bpf_disabled", "kernel/unprivileged_bpf_disabled", func(n int) bool { return n == 0 },
		"any local user may load BPF programs, and attack the verifier (CVE-2022-23222) or the CPU (CVE-2022-0001)", "1 or 2", "kernel.unprivileged_bpf_disabled=2"),
	{
		Name:   BPFJITHarden,
		Attack: "users without privileges place code of their choice in the kernel by constants of BPF programs (JIT spraying)",
		Right:  "1, unless unprivileged_bpf_disabled keeps such users out; 2 also hardens programs of root, and slows them",
		Cure:   "net.core.bpf_jit_harden=1",
		judge: func(v *values) (int, State) {
			n := v.whole("net/core/bpf_jit_harden")
			return n, exposedIf(n == 0 && v.whole("kernel/unprivileged_bpf_disabled") == 0)
		},
	},
}

// wholeCheck is a check of one setting.
func wholeCheck(name, path string, bad func(int) bool, attack, right, cure string) Check {
	return Check{Name: name, Attack: attack, Right: right, Cure: cure, judge: func(v *values) (int, State) {
		n := v.whole(path)
		return n, exposedIf(bad(n))
	}}
}
