// Package guarder judges packets in XDP, before the kernel's own stack sees them, by
// a policy (package policy).
//
// # What stays when the agent goes
//
// A small entry program is attached to each device. It jumps to the program of the
// current generation: one policy, compiled to tables of its own. The links, the
// jump table and the counters are pinned in the BPF file system, so that a policy
// stays in force when the agent ends, however that happens, and a new agent finds
// the counters where the old one left them. [Store] is that state; [Detach] removes
// all of it, with or without an agent.
//
// # How a policy comes into force
//
// A policy is compiled, loaded beside the one in force and tried on packets that it
// must let through; then one slot of the jump table is written. A packet is judged by
// the old generation or by the new one, never by a mixture: the entry program reads
// the slot once. If anything fails before that, nothing has changed.
//
// A change may have to be confirmed ([Trial]): the policy before comes back unless
// somebody says in time that the new one is right. And a policy that suddenly drops
// most of what arrives is taken for a mistake ([TripWire]): everything is audited
// then.
//
// # Thread Safety
//
// An [Engine] may be used from several goroutines.
package guarder
