// Package box plays a path of routers for tests: packets in, packets out.
//
// Linux as a router quotes all of a packet, restores what its NAT rewrote, and never
// answers twice. The Internet does otherwise, and a [Box] does what its [Scenario] says:
// label stacks of MPLS, broken NATs, short quotes, answers from the wrong address, late
// ones, and garbage. A scenario is a file, which also says what is asked and what must
// be found out:
//
//	version: 1
//	addresses:
//	  host: [192.0.2.1, "2001:db8::1"]
//	  r1: [198.51.100.1, "2001:db8:1::1"]
//	  dest: [203.0.113.9, "2001:db8:9::9"]
//	hops:
//	  - {router: r1, delay: 5ms, mpls: [{label: 16001, ttl: 1}]}
//	  - {router: dest}
//	probes:
//	  - {ttl: 1-2}
//	expect:
//	  all: ["1: r1 time_exceeded mpls=16001/0/1 in 10ms"]
//	  icmp: ["2: dest echo_reply in 10ms"]
//
// A [Network] asks a Box without any socket, for tests with a clock of their own
// (testing/synctest); [Serve] puts it behind a TUN device, for those of real sockets.
// Where no bytes are needed, package sim is the simpler one.
//
// # Thread Safety
//
// A Scenario is not changed once it is read. A Box is for one goroutine at a time; a
// Network is safe for concurrent use.
package box
