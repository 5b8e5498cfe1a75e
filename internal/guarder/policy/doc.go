// Package policy is Guarder's language: what a policy says, and what it means.
//
// A policy is YAML text; [Load] turns it into a [Policy], or into a list of
// faults with their places. A Policy is a list of rules in the order in which they
// are tried, each with an [Expr] that says which packets it matches.
//
// [Policy.Judge] is the meaning: the plain interpreter that everything faster is
// compared with. It is as simple as it can be, and slow.
//
// # How a packet is judged
//
// A packet that cannot be read to its end (packet.Reason is not OK) is judged by
// [Policy.Unparsable] alone. For all others the rules are tried in order: those of
// the guard stage, those that the failsafe allows, those of the policy stage, in each
// stage by priority and then as they stand in the files.
//
//   - A rule that passes ends the search: the packet passes.
//   - A rule that drops, and is enforced, ends the search: the packet is dropped.
//   - A rule that drops, and is only audited, would have dropped. The search goes on;
//     of all such rules only the first is credited with the packet.
//   - A rule that counts or samples is credited, and the search goes on.
//
// A packet that no rule ends passes.
package policy
