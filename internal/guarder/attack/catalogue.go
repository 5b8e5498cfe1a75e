package attack

// An Attack is an entry of the catalogue: what Guarder is for, and what shows it.
type Attack struct {
	Number int
	Name   string
	// Core is an attack without whose defence this would be a filter like others. Each of
	// them has a test on a real kernel, from the packet on the wire to what becomes of it.
	Core bool
	// Reference is where it is described.
	Reference string
	// Rules are those of the ready-made policies that are for it, as GROUP/RULE;
	// "unparsable" is what a policy does with packets that cannot be read.
	Rules []string
	// Tests are functions in the tests below internal/guarder. Each shows that the attack
	// works, or that its packets are seen, where there is no Guarder; that the rules
	// stop or tell of it; and that what resembles it passes.
	Tests []string
	// Left is what the rules do not stop.
	Left string
}

// Catalogue are the attacks by number. rules/guarder/ATTACKS.md is made from it.
var Catalogue = []Attack{
	{
		1, "Forged \"fragmentation needed\" about an echo reply", true, "CCS 2020 (mixed IPID assignment), NDSS 2022",
		[]string{"forged-icmp/ptb-quoting-echo-reply"},
		[]string{"TestForgedPathMTU", "TestForgedPathMTUAgainstAShield", "TestForgedPathMTUInDisguise", "TestGenuinePathMTU"},
		"",
	},
	{
		2, "Forged ICMP error about a TCP connection", true, "RFC 5927, CVE-2004-0790, CVE-2004-1060",
		[]string{"forged-icmp/error-out-of-window", "forged-icmp/error-about-no-connection", "forged-icmp/error-quotes-stranger", "forged-icmp/error-quotes-error"},
		[]string{"TestErrorsAreComparedWithSockets", "TestImplausibleErrors"},
		"An error whose sequence number is in the window: one guess in thousands.",
	},
	{
		3, "Forged ICMP error about a datagram of UDP", true, "CVE-2021-20322",
		[]string{"forged-icmp/error-about-no-socket"},
		[]string{"TestErrorsAreComparedWithSockets"},
		"Errors about a socket that is not connected, whose port was guessed.",
	},
	{
		4, "ICMP redirect", true, "USENIX Security 2022 (off-path redirects), RFC 4890",
		[]string{"forged-icmp/redirect"},
		[]string{"TestForgedRedirect", "TestForgedRedirectAgainstAShield"},
		"",
	},
	{
		5, "Path MTU that no link has", true, "RFC 8021, RFC 8900, RFC 1191",
		[]string{"forged-icmp/ptb-without-df", "forged-icmp/ptb-below-ipv6-minimum", "forged-icmp/ptb-below-ipv4-floor", "forged-icmp/ptb-that-fitted"},
		[]string{"TestImplausibleErrors"},
		"Links of IPv4 may be narrower than 552, so the rule about those is audited.",
	},
	{
		6, "Sweep of \"packet too big\" about many peers", true, "NDSS 2022",
		[]string{"floods/path-mtu-sweep"},
		[]string{"TestPathMTUSweep"},
		"The first hundred; and when the limit is reached, errors of real paths are dropped, too.",
	},
	{
		7, "Blind RST in the window", true, "RFC 5961, CVE-2004-0230",
		[]string{"out-of-state/reset-out-of-window", "out-of-state/reset-not-next", "segments/blind-reset-storm"},
		[]string{"TestStraysAreAnswered", "TestProbesOfConnectionsAreSeen"},
		"A guess of the very number that is awaited: one in four thousand million.",
	},
	{
		8, "Blind SYN, and counting of challenges", true, "CVE-2016-5696",
		[]string{"out-of-state/syn-on-connection", "segments/challenge-probing"},
		[]string{"TestStraysAreAnswered", "TestProbesOfConnectionsAreSeen"},
		"",
	},
	{9, "Blind injection of data", false, "RFC 5961 section 5", nil, nil, "Linux compares the acknowledgement itself."},
	{
		10, "Search for the port of a resolver by ICMP's rate limit (SAD DNS)", true, "CVE-2020-25705",
		[]string{"out-of-state/closed-udp-port", "scans/resolver-port-search"},
		[]string{"TestStraysAreAnswered", "TestSearchForTheResolversPortIsSeen"},
		"",
	},
	{
		11, "Answer of UDP to a question that was not asked", false, "CVE-2020-25705, CVE-2008-1447",
		[]string{"out-of-state/closed-udp-port"},
		[]string{"TestStraysAreAnswered"},
		"An answer with the address and ports that the resolver waits for; only its transaction is left to guess.",
	},
	{12, "Probes on many ports of one client behind NAT", false, "NDSS 2025 (ReDAN)", nil, nil, "Only what 7, 8 and 15 tell."},
	{13, "Echo probes of a translated path's MTU", false, "NDSS 2025 (ReDAN)", nil, nil, "Only what 1 and 5 tell."},
	{
		14, "SYN flood", true, "RFC 4987",
		[]string{"syn-flood/answer-with-cookies", "floods/syn-from-one-source", "floods/syn-to-one-address"},
		[]string{"TestSYNFlood", "TestAuditedFloodIsTheKernels", "TestFloodsAreLimited"},
		"Connections that begin during a flood have no window scaling. The limits drop clients with the flood.",
	},
	{
		15, "Flood of ACK, PSH, FIN or RST without a connection", true, "RFC 9293 section 3.10.7.1",
		[]string{"out-of-state/stray-segment", "out-of-state/segment-to-listener"},
		[]string{"TestStraysAreAnswered", "TestWantedTrafficPassesOutOfState"},
		"",
	},
	{
		16, "Reflection by SYN-ACK", true, "RFC 4987",
		[]string{"out-of-state/stray-answer"},
		[]string{"TestStraysAreAnswered", "TestWantedTrafficPassesOutOfState"},
		"",
	},
	{
		17, "UDP flood", true, "RFC 4732",
		[]string{"out-of-state/closed-udp-port", "floods/udp-heavy-hitters"},
		[]string{"TestStraysAreAnswered", "TestWantedTrafficPassesOutOfState", "TestUDPFloodIsLimited"},
		"What many sources send, each a little of it.",
	},
	{
		18, "Amplification (DNS, NTP, memcached and others)", true, "CVE-2013-5211, CVE-2018-1000115",
		[]string{"out-of-state/amplified-reply"},
		[]string{"TestAmplifiedReplies"},
		"The line is full before the host sees the packets.",
	},
	{
		19, "Smurf, timestamps, address masks, very large pings", true, "CVE-1999-0513, CVE-1999-0524",
		[]string{"ping/group", "ping/fragmented", "ping/timestamp", "ping/stranger", "sanity/obsolete-icmp", "floods/echo-between-two", "floods/echo-of-all"},
		[]string{"TestPings", "TestFloodsAreLimited"},
		"",
	},
	{
		20, "Reflection by middleboxes", true, "Akamai 2022 (TCP middlebox reflection)",
		[]string{"out-of-state/stray-segment", "segments/data-in-syn", "segments/data-in-rst"},
		[]string{"TestStraysAreAnswered", "TestStormsAreSeen"},
		"",
	},
	{
		21, "Segments out of order, and tiny ones (SegmentSmack)", true, "CVE-2018-5390",
		[]string{"segments/small-out-of-order"},
		[]string{"TestStormsAreSeen"},
		"Segments of more than 64 bytes, and many connections with few each.",
	},
	{
		22, "Flood of fragments (FragmentSmack)", true, "CVE-2018-5391",
		[]string{"segments/fragment-flood", "floods/fragments-from-one-source", "floods/fragments-of-all"},
		[]string{"TestStormsAreSeen"},
		"",
	},
	{
		23, "SYN with a tiny maximum segment (SACK panic)", true, "CVE-2019-11477",
		[]string{"sanity/tiny-mss"},
		[]string{"TestMalformed"},
		"",
	},
	{
		24, "Exhaustion by connections that are held", true, "CVE-2008-4609",
		[]string{"exhaustion/too-many-connections", "segments/zero-window", "segments/zero-window-holder"},
		[]string{"TestConnectionsAreCapped", "TestConnectionsAtOnceAreCapped", "TestClosedWindowsAreCounted", "TestStormsAreSeen"},
		"Up to 200 connections of each source; closed windows are told and never dropped.",
	},
	{25, "Low-rate pulses (Shrew)", false, "SIGCOMM 2003 (low-rate TCP attacks)", nil, nil, "All of it."},
	{
		26, "Services that answer each other for ever", false, "CVE-2024-2169",
		[]string{"loops/legacy-loop", "loops/service-loop"},
		[]string{"TestServicesAnswerEachOther"},
		"Services at other ports.",
	},
	{27, "LAND: a packet from the host to itself", true, "CVE-1999-0016", []string{"sanity/land"}, []string{"TestMalformed"}, ""},
	{
		28, "Flags and lengths that no TCP sends; port 0", true, "RFC 9293",
		[]string{"sanity/tcp-impossible-flags", "sanity/port-zero", "unparsable"},
		[]string{"TestMalformed"},
		"",
	},
	{
		29, "Port scan", true, "RFC 4949 (port scan)",
		[]string{"scans/tcp-port-scan", "scans/udp-port-scan", "scans/closed-tcp-port", "bans/ports-that-answer", "bans-forgeable/closed-ports"},
		[]string{"TestScansAreSeen"},
		"Scans of fewer than 20 ports in 10 seconds, or from many sources, but for closed ports of TCP that are hidden.",
	},
	{
		30, "Sources that no host has, and the host's own", true, "RFC 2827, RFC 3704, RFC 6890",
		[]string{"sanity/martian-source", "sanity/own-source", "sanity/tcp-to-group"},
		[]string{"TestMalformed"},
		"Sources that somebody else has.",
	},
	{
		31, "Source routes, recorded routes and times, routing header 0", true, "RFC 7126, RFC 5095",
		[]string{"sanity/source-route", "sanity/recorded-route"},
		[]string{"TestMalformed"},
		"",
	},
	{
		32, "Tiny and overlapping fragments, ping of death, teardrop", true, "RFC 1858, RFC 3128, RFC 5722, CVE-1999-0128",
		[]string{"sanity/bad-fragments", "sanity/overlapping-fragments", "unparsable"},
		[]string{"TestFragments", "TestNothingSlipsPastAPortRule"},
		"",
	},
	{
		33, "Extension headers that hide a packet; fragmented neighbour discovery", true, "RFC 7112, RFC 6980",
		[]string{"unparsable", "sanity/fragmented-nd"},
		[]string{"TestFragments", "TestNothingSlipsPastAPortRule"},
		"",
	},
	{
		34, "ARP spoofing", true, "RFC 826, RFC 5227",
		[]string{"lan/arp-gateway", "lan/arp-foreign-mac", "lan/arp-own-address", "lan/arp-announced", "lan/arp-storm"},
		[]string{"TestNeighboursLie", "TestFailover", "TestAnnouncementsStorm", "TestNeighboursSpeakForOthers", "TestGatewaysAreLearntAndLocked"},
		"Claims of the addresses of neighbours that are no gateways.",
	},
	{
		35, "Spoofed neighbours and routers of IPv6", true, "RFC 6104, RFC 6105, RFC 7113",
		[]string{"lan/nd-gateway", "lan/nd-own-address", "lan/nd-from-afar", "lan/rogue-router", "lan/irdp"},
		[]string{"TestNeighboursLie", "TestRoguesAdvertise", "TestNeighboursSpeakForOthers", "TestGatewaysAreLearntAndLocked"},
		"A rogue with the very MAC and link-local address of the router.",
	},
	{
		36, "VLAN hopping by two tags", false, "IEEE 802.1ad", []string{"lan/double-tag"},
		[]string{"TestVLANHopping"},
		"Tags that the card takes off before XDP (rxvlan) are not seen.",
	},
	{
		37, "Packets in tunnels that nobody set up", true, "CVE-2020-10136, CVE-2024-7595",
		[]string{"tunnels/ip-in-ip", "tunnels/gre", "tunnels/udp-tunnel"},
		[]string{"TestTunnelsNobodyAskedFor"},
		"Packets that claim to be from a peer of a tunnel.",
	},
	{
		38, "Times to live that tell of a forgery", false, "RFC 5082",
		[]string{"gtsm/bfd-from-afar", "gtsm/bgp-from-afar"},
		[]string{"TestStormsAreSeen"},
		"Other services: rules of one's own (ttl:).",
	},
	{
		39, "Writes and stops of industrial controllers", true, "Modbus/TCP, S7comm, IEEE 1815, IEC 60870-5-104, EtherNet/IP",
		[]string{
			"bans/modbus-write", "bans/modbus-write-early", "bans/modbus-short", "modbus/write", "modbus/diagnostics", "modbus/modbus-short", "modbus/modbus-several", "modbus/modbus-unaligned",
			"s7comm/write", "s7comm/stop", "s7comm/s7comm-short", "s7comm/s7comm-several", "dnp3/write", "dnp3/dnp3-short", "dnp3/dnp3-several", "iec104/command", "iec104/iec104-short", "enip/write", "enip/enip-short",
		},
		[]string{"TestIndustrialWrites"},
		"What stands at the top of the file: a second message behind a longer one in a segment, messages within messages, encrypted ones.",
	},
	{40, "Slow requests, water torture of DNS", false, "CVE-2007-6750", nil, nil, "XDP does not read what is within a connection."},
}
