// Package policy says which ways packets may take, and how risky the way is that they take.
//
// A policy is YAML text. [Parse] turns it into a [Policy], or into all its faults with
// their places. [Policy.Judge] compares a route with each rule, and [Policy.Score] adds up
// what speaks against the route.
//
//	version: 1
//	rules:
//	- name: stay-home               # unique; letters, digits, "-" and "_"
//	  dest: ["*.example.com"]       # names of destinations, as in path.Match; all without
//	  domestic: true                # from a country into the same one, through no other
//	  points: 20                    # of the risk if violated, 0 to 100
//	- {name: not-there, forbid_country: [KP, IR]}
//	- {name: rivals, forbid_as: [AS64500, 64501]}
//	- {name: our-transit, require_as: [AS64510, AS64511]}   # one of them
//	- {name: near, max_as: 5}
//	- {name: listed-address, blocklist: prefix}             # of any hop or the destination
//	- {name: listed-network, blocklist: as}
//	risk:                           # points for what is no rule
//	  as_changed: 10
//	  country_changed: 20
//	  flapping: 5
//	  implausible: 5
//
// # What is unknown
//
// A rule is ok, violated, or unknown: what no database knows, or a path that does not reach
// its destination, is no proof that all is well. A violation that is seen stays one,
// whatever else is unknown. Routers that never answer are told in the text and make only
// require_as and max_as unknown, as almost every path has some; one that is in the same AS before
// and behind it is taken to be in it.
//
// Countries count if a database knows that the address is used there, not only
// registered; not of hops that cannot be where the database has them, nor of those that
// are at many places: those are in an unknown country. Private addresses are nowhere.
package policy
