// Package attack holds the attacks that Guarder is for, as tests on a real kernel.
//
// A victim talks to a peer through a router; the attacker's packets come in by the
// router, with whatever source they like. Each attack is shown to work on the bare
// victim, and not on one behind a Shield: a program on the victim's device that
// drops what is forged. What is genuine must work in both cases.
//
// What hides a packet from a rule that knows nothing but a port, VLAN tags, fragments
// and extension headers, is shown to reach the bare victim, and not the one behind the
// rule. And behind a policy that drops everything else, a network still works.
//
// What no socket waits for, and errors that no socket vouches for, are told from what is
// wanted: the bare victim answers the former, and whoever sent them learns from that.
//
// The [Catalogue] says which rules of the ready-made policies are for which attack, and which
// tests show it. Tests of many packets (see besiege) have them fall on one victim, on the
// bare one, on one behind the policies as they come, and on one behind the same policies
// that are enforced, and compare for each what is seen, what is answered, and which rule is
// credited.
//
// Sources: Feng et al., "Off-Path TCP Exploits of the Mixed IPID Assignment", CCS
// 2020, and "PMTUD is not Panacea", NDSS 2022, for forged path MTUs; "Off-Path
// Network Traffic Manipulation via Revitalized ICMP Redirect Attacks", USENIX
// Security 2022, for redirects.
package attack
