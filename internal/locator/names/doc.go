// Package names tells the host names of hops by reverse DNS, as far as they are known
// right now.
//
//	hosts := names.New(names.Config{})
//	defer hosts.Close()
//	label := hosts.Name(hop) // "" at first
//
// Nobody waits for DNS: a name that is not known is asked for in the background, and is
// there some time later. How much is asked for, and how much is kept, is bounded.
//
// Who asks for the name of a hop tells a resolver, and whoever has the address, that this
// host looks at it. So it can be left out: a nil *Names knows no name.
//
// Names are text of strangers. One is told only if it is a host name, in small letters and
// without the dot at the end; that the owner of an address says so does not make it
// true.
//
// # Thread Safety
//
// All methods may be called from any goroutine.
package names
