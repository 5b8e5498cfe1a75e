// Package feed reads lists of addresses that others keep, and decides whether they may
// be used.
//
//	list, err := feed.Read("drop.txt", file, &f, now)   // or a [*Refusal]
//	list, cut, err := feed.Guard(list, protected, &f)   // nothing that must not be listed
//	table := feed.Join([]feed.Listed{{list, 0}}, now)   // one row a prefix, for the kernel
//
// A list comes over the network, from somebody who may have been broken into, whose
// domain may have been sold, or whose server may be ill. So whatever is not exactly a list
// within its limits changes nothing: the list before stays in force, and a [Reason] out
// of a closed set says why. Nothing is ever cut short to make it fit.
//
// [Read] judges the text alone: its form, how many entries it has, how wide they are.
// [Guard] looks for what must never be listed: this host's addresses, its gateways and
// resolvers, private addresses, and the sets that a policy protects. Those can change
// after a list was read, so they are looked for again each time it is used.
//
// A [Fetcher] brings a list from its source, asking only for what has changed; a [Folder]
// keeps the last good one on disk, so that a host that starts without its network has it;
// [Pause] says how long to wait until it is asked for again.
package feed
