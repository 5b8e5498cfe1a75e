// Package nft asks the kernel's own packet filter for a second opinion on what a
// policy means.
//
// The compiled policy is compared with the interpreter of package policy, but both
// read packets by our own rules and could err together. So random policies of what
// both languages can say (family, addresses, protocol, ports, TCP flags, types of
// ICMP, hops, length, fragments, and all, any, not of these) are translated into
// nftables, and real frames are sent through them: what arrives must be what
// policy.Judge lets pass. Some of the policies are compiled too, and the same frames
// meet them in XDP.
//
// The rules hang on the ingress hook of the device, which is in front of the IP stack,
// as XDP is; packet sockets of one EtherType are behind it and see what has passed.
package nft
