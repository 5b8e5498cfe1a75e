// Package passive tells what the host's own connections know of the network: the kernel
// measures the round trip time and the losses of each TCP connection, also where
// firewalls answer no probe.
//
//	reader := passive.NewReader()
//	conns, err := reader.Read()
//	peers := passive.Group(passive.Without(conns, passive.Unrouted...), 24, 48)
//
// It asks sock_diag(7) for the established sockets of a network namespace, which takes no
// packet and, for the own namespace, no capability.
//
// What the kernel measures is not what a probe would: the times contain how long the
// peer's kernel waits to acknowledge, up to 200 ms on Linux, so the least time is the one
// to compare; and a connection through a proxy or a middlebox that ends TCP knows the path
// to that only.
//
// # Thread Safety
//
// Read may be called from any goroutine; a Reader is for one.
package passive
