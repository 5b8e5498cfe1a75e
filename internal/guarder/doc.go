// Package guarder judges packets in XDP, before the kernel's own stack sees them, by
// a policy (package policy).
//
// # What stays when the agent goes
//
// An entry program is attached to each device ([Attach]). Its link is pinned in the
// BPF file system, so that a policy stays in force when the agent ends, however that
// happens. [Detach] takes it off all devices, with or without an agent.
//
// # Nets under the operator
//
// A change may have to be confirmed ([Trial]): what was before comes back unless
// somebody says in time that the new policy is right. And a policy that suddenly drops
// most of what arrives is taken for a mistake ([TripWire]).
//
// An agent is administered over a Unix socket ([ListenAdmin], [Client]), never over
// the port of the metrics.
package guarder
