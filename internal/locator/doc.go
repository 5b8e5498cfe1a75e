// Package locator measures the paths from this host to destinations: who is on them,
// how long packets take and how many are lost, where that is on Earth, and whether it
// should be so.
//
// An [Engine] asks package plan which probes are due, has a [Network] send them, and
// feeds each answer to the models of its destination: package path for times and loss,
// mda for branches, change for what is no longer as it was, mtu for the size of packets,
// judge and policy for what that means. What it knows is a [Snapshot], which is never
// changed after it was made.
//
// # Destinations
//
// They come from the configuration ([Config.Destinations]), whose names are resolved
// again and again, and from those that this host talks to most ([Config.Discover]). One
// that has no address, or cannot be reached, is shown as such and disturbs no other.
//
// # What is kept
//
// With [Config.History] the paths and their changes are written to a folder, and a
// baseline that was learned before a restart is in force after it.
//
// # Thread Safety
//
// All methods of an [Engine] may be called from any goroutine.
package locator
