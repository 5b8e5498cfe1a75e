package evidence

import (
	"maps"
	"slices"
)

// For returns what to ask about an alert, first what the alert is about; nil if nobody
// has said.
func For(alert string) []Query { return slices.Clone(catalogue[alert]) }

// Alerts returns the names of all alerts that there are queries for, sorted.
func Alerts() []string { return slices.Sorted(maps.Keys(catalogue)) }

// Names returns the names of queries in their order.
func Names(all []Query) []string {
	var names []string
	for _, q := range all {
		names = append(names, q.Name)
	}
	return names
}

var catalogue = merged(ofDrops, ofFlows, ofSockets, ofStack, ofTCP, ofGuarder, ofAttacks, ofPosture, ofPathMap, ofPaths, ofLocator, ofSelf, ofAnnotator)

func merged(all ...map[string][]Query) map[string][]Query {
	out := make(map[string][]Query)
	for _, part := range all {
		for alert, queries := range part {
			if out[alert] != nil {
				panic(alert + " has two lists of queries")
			}
			out[alert] = queries
		}
	}
	return out
}

// with returns a query with a baseline.
func with(q Query) Query {
	q.Baseline = true
	return q
}
