// Package guarder judges packets in XDP, before the kernel's own stack sees them, by
// a policy (package policy).
//
// # What stays when the agent goes
//
// An entry program is attached to each device ([Attach]). Its link is pinned in the
// BPF file system, and so is what it leads to ([Store]), so that a policy stays in force
// when the agent ends, however that happens. [Detach] takes it off all devices, with or
// without an agent.
//
//	guard/link_2          the entry program on the device with index 2
//	guard/link_3_trial    the same, on a device that only the policy on trial is for
//	guard/format_2/...    maps and programs, in a folder per format of them
//
// An agent that finds the folder of another format makes its own beside it, puts its
// policy in force there, and then replaces the entry program of each link: each packet
// is judged by one of the two. Only when nothing goes back any more is the old folder
// removed.
//
// # How a policy gets into force
//
// It is read, checked against the host (package host), compiled (package compile),
// rehearsed on packets that hosts live on, and loaded beside the one in force. Then
// connections that it keeps are written down, devices get the entry program, and one
// entry of a map is replaced. Whatever fails before that changes nothing.
//
// # What it did
//
// Counters are kept by rule, by device, and for ICMP by type; they outlive agents. Whom
// rules hit is kept in tables of bounded size, by source ([SourceStatus]) and by port
// ([ServiceStatus]), exactly as long as there is little of it and as estimates under a
// flood. Rules can have packets copied ([Sample]), to be shown and to be written to a
// capture. [Engine.Status] and [Engine.Top] return it all. A [Rehearsal] asks the
// kernel what a policy would do with packets, without putting it in force.
//
// # Nets under the operator
//
// A change may have to be confirmed ([Trial]): what was before comes back unless
// somebody says in time that the new policy is right. What was before stands in a map of
// the kernel, and devices run an entry program that leads there when the time is over; so
// a trial outlives the agent, and ends without one. A [Memory] on disk knows over a reboot
// which policy was confirmed, and which was not.
//
// Rules of the policy stage do not drop connections that were there before, nor who
// put the policy in force, if it says so (policy.Kept). And a policy that suddenly drops
// most of what arrives is taken for a mistake ([TripWire]).
//
// # Rules that end
//
// Rules of a temporary file (policy.Rule.Until) end to the packet: the kernel's program
// passes them by from then on, by CLOCK_BOOTTIME, which goes on while the host is
// suspended. So they end without an agent, too; one that is there takes them out of the
// policy within a second. What the ends are by that clock is fixed when a policy
// is loaded. If the wall clock is set afterwards, an agent loads the policy anew within a second;
// without one, the rules last for as long as they were to last when it was there.
//
// # Devices
//
// Devices that come are attached when the kernel tells of them, and rules that are for
// some devices are compiled anew, as the kernel knows these by their indices. One that
// has lost the program gets it again.
//
// # Administration
//
// An agent is administered over a Unix socket ([ListenAdmin], [Client]), never over
// the port of the metrics. It needs the privileges of [Capabilities] and no others.
package guarder
