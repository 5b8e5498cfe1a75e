// Package mda finds the branches of a path over which routers balance flows: the
// multipath detection algorithm of B. Augustin, T. Friedman and R. Teixeira, Measuring
// load-balanced paths in the Internet, IMC 2007.
//
// Its idea is when to stop. If a router has k next hops and chooses one per flow at
// random, n probes of different flows miss one of them with a probability of at most
// k((k-1)/k)^n. So who has seen k-1 sends [Probes](k, e) without finding another, and is
// wrong with a probability of at most e.
//
// An [Enumerator] does that per TTL, not per router: it counts the links between
// neighbouring TTLs, and sends each TTL as many flows as the greater number of links
// beside it asks for, as diamond-miner does (K. Vermeulen, J. P. Rohrer, R. Beverly, O.
// Fourmaux and T. Friedman, Diamond-Miner: comprehensive discovery of the
// Internet's topology diamonds, NSDI 2020). The same flows are sent to both TTLs, since a link is what
// one flow passes.
//
// # Thread Safety
//
// An Enumerator is for one goroutine, and knows no clock.
package mda
