// Package wire knows how probes of a network path look as bytes, and what comes back.
//
// A [Probe] is an IP packet that some router or its destination will answer. A
// [Reply] is such an answer: an ICMP error that quotes the probe, an echo reply, or a
// segment of TCP. The 16-bit ID of the probe goes with the packet and comes back in
// every answer; a [Key] joins the two. Filters keep out of the receiving sockets what
// cannot be an answer. There are no sockets and no clocks in here: bytes in, bytes out.
//
// # Constant flows
//
// Routers that balance load choose by a hash over fields of the packet. Probes that
// differ in such a field may take different ways, which looks like a path that no
// packet ever took (Paris traceroute, Augustin et al., IMC 2006). So all probes of one
// [Flow] are equal in what routers hash: addresses, protocol, TOS, ports, flow label,
// and the first four bytes of ICMP, which hold its checksum. What varies is hidden
// where none looks:
//
//	UDP  IPv4  identification of IP, payload     checksum constant
//	UDP  IPv6  checksum, payload                 a word of payload makes the checksum the ID
//	ICMP       sequence, identification (IPv4)   checksum constant, by a word of payload
//	TCP        sequence, identification (IPv4)   checksum constant
//
// Beside the ID goes its complement, in the other half of the sequence of TCP or in the
// payload. The two sum to nothing in the ones' complement arithmetic of checksums (RFC
// 1071), and the pair tells probes from traffic of others.
//
// # What is believed
//
// Anybody can send an ICMP error. A parser returns a Reply only if it quotes what
// could have been a probe; that it was one must be looked up by its Key. The source
// address in a quote may be that of a NAT and is reported, not judged. An answer has at
// least the eight bytes behind the quoted header that RFC 792 asks for, which suffice.
//
// # Thread Safety
//
// Values have no shared state. Parsers keep nothing of the bytes they are given.
package wire
