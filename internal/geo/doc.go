// Package geo tells where an address is and whose it is, from files on this host.
package geo
