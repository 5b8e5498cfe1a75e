// Package testnet builds small networks out of network namespaces for the tests
// that need a real kernel, and sends known loads through them.
//
//	net := testnet.New(t)
//	net.Left.Do(t, func() { engine, err = stack.Open(cfg, logger) })
//	err := testnet.SendUDP(net.Left, net.Right, testnet.IPv4, 1009, 64)
//
// A [Path] is a chain of routers, several of them side by side if wanted, that can be
// told to lose, limit, hide and reroute.
//
// The networks are silent: addresses are not probed for duplicates, neighbours
// are static, and nobody joins a multicast group that would be reported. So a
// packet that is counted was sent by the test, and an odd count can be compared
// exactly.
//
// Namespaces have no name in the file system. They vanish with the process that
// made them, however it ends; see [Namespace.Pin] for the exception.
//
// The package needs root, and is for tests only. Tests that use it carry the
// build tag "kernel" and live in files named *_kernel_test.go.
package testnet
