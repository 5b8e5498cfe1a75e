// Package plan decides which probe is sent when.
//
// A [Scheduler] sends nothing and knows no clock. [Scheduler.Next] returns the probes that
// are due; who sent them reports what became of each by [Scheduler.Result]. The
// same calls in the same order give the same plan.
//
// # Discovery
//
// Of a new target the TTLs are probed one after the other, a few beyond the farthest that
// answered and not all at once, as the destination answers each that reaches it and
// limits how many. After some silent TTLs one probe is sent that reaches the destination in any case; if it
// does, its distance is looked for by bisection.
//
// # Rounds
//
// From then on each TTL up to the destination is probed once per interval, spread over
// it, and the rounds of the targets begin at different times. Several flows
// take turns. One more TTL is probed now and then, and the destination with a TTL of its
// own each round.
//
// # Budgets
//
// In any second at most Config.Global packets are sent, per destination a few. Intervals
// grow if the rounds of all targets do not fit. No router is asked for more ICMP errors
// than a default Linux router sends to one peer, one per second; those that are found to
// limit further ([Scheduler.Limited]) are asked half as often.
//
// Targets share their near routers: where the ways of two targets have the same routers
// from the first hop on, one probe counts for both. Each target probes the whole
// way itself every so many rounds, lest a change is missed that only some have.
//
// # Thread Safety
//
// A Scheduler is for one goroutine.
package plan
