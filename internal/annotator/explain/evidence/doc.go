// Package evidence says what to ask Prometheus about an alert, and asks it.
//
// The catalogue is data: for each alert of this repository the queries, as templates in
// which $device stands for the label of the alert, as a quoted matcher for equality and
// nothing else, so that no value of a label can change what is asked. $host stands for
// the labels of the target. A test checks every expression against the metrics that
// there are. A host that no alert is about has queries of its own, by scopes and over a
// time of choice, which $window stands for.
//
// Whom rules of Guarder hit is no metric, as metrics hold no addresses. Of the alerts for
// which it is known what to do with it, an exporter is asked beside: see [Offenders].
//
// Who asks is given as a [Querier]: there is no HTTP in here.
package evidence
