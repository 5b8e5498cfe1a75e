// Package alert tells Alertmanagers which rules of Guarder match, for those whose policy
// says "alert:".
//
// A [Machine] decides. It is asked every few seconds, with the counters of the rules, and
// does for each rule what Prometheus does for an alerting rule (rules/alerting.go):
// pending until "for" is over, firing until the condition does not hold any more and
// "keep_firing_for" is over, and then resolved, of which is told for a quarter of an hour.
// It has no clock and does no input or output: what it knows is written to a file, and read
// again, by whoever runs it, so that a restart neither forgets an alert nor begins it anew.
//
//	due := machine.Eval(now, status.Rules, tell)
//	for _, q := range queues {
//		q.Put(due)
//	}
//
// What tells alerts apart are their labels: the rule, what the policy says of it, and the
// host. Addresses are never among them, or every packet of a forged source would be an
// alert of its own; they are in the annotations, as evidence.
//
// Each Alertmanager has a [Queue] of its own, of a bounded length: one that does not answer
// keeps nobody waiting. An alert that is lost on the way is sent again after a minute, as
// long as it fires.
//
// [RuleFile] writes the same conditions as alerting rules of Prometheus.
package alert
