// Package bench measures what the probes cost, what many exporters cost the Prometheus
// that scrapes them, and how soon the annotator answers, and writes BENCHMARKS.md.
//
// Absolute times hold for one machine in one hour. So everything is measured in
// rounds in which the thing and what it is compared with take turns, and what
// counts is the ratio within a round; the median and the quartiles over the rounds
// are quoted. "make bench" runs it as root.
package bench
