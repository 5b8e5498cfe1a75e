// Package sockets counts and lists the sockets of this host, like ss(8), in all
// of its network namespaces.
//
// TCP and UDP sockets come from BPF socket iterators (Linux 5.9): in each
// namespace an iterator is read to its end and writes one binary record per
// socket. Where a kernel lacks or refuses them, the same is asked of the netlink
// family NETLINK_SOCK_DIAG, which is what ss does; [Engine.Report] says which
// way is in use. Raw and ICMP sockets are few; they come from /proc/net.
//
// Nothing is kept between two reads, and no file but the iterators' stays open.
// A read takes time in proportion to the sockets and, per namespace, to the
// kernel's hash table of connections, which all namespaces share.
//
// # Thread Safety
//
// All methods of an [Engine] may be called from any goroutine.
package sockets
