// Package host tells what Guarder must know about the host it protects before it
// drops a packet: devices, own addresses, gateways, resolvers, sockets, and the
// operator's own connection.
//
// [Read] takes [Facts] down once; they are plain values, so a test writes them by
// hand. What could not be read is named in [Facts.Unknown] and left empty, never
// guessed.
//
// [Lockout] answers the question that keeps operators from switching a filter on:
// which packets that this host lives on would the policy drop? [Facts.Needs] lists
// those packets; each is judged by the policy as it would arrive, on the device and
// with the VLAN tags that XDP would see.
package host
