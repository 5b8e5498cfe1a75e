// Package target reads destinations as people write them, and finds their addresses.
//
//	example.com                  by what the caller takes for the default: an echo request
//	192.0.2.1                    the same
//	[2001:db8::1]:443            a port alone is one of TCP
//	tcp://example.com            port 443
//	udp://example.com:33434      which is the default of UDP
//	icmp://2001:db8::1
//
// They come from strangers, as names of services do that somebody found: what could be
// an option of a program, a path or a control sequence of a terminal is refused here, and
// no later part need look. A [Target] that was parsed has a host of letters, digits, dots,
// hyphens and underscores, or an address that one host can have.
//
// # Files
//
// A file has one target a line; what stands behind # is a comment. Or it is one of
// Prometheus's service discovery (file_sd_configs), if its name ends in .yml, .yaml or
// .json, of which the targets are read and the labels are not.
//
// # Names
//
// [Resolve] asks for the addresses of a name once. Which one it takes does not
// change while the name has it, or the path would seem to with each answer of a
// round-robin.
package target
