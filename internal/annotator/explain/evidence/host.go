package evidence

import (
	"context"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// A Scope is a part of what a host does that can be asked about.
type Scope string

// The scopes. Stats is what is not of one protocol: traffic, losses, CPU, Guarder, alerts.
const (
	Stats Scope = "stats"
	TCP   Scope = "tcp"
	UDP   Scope = "udp"
	ICMP  Scope = "icmp"
)

// Scopes are all of them, in the order in which they are asked about.
var Scopes = []Scope{Stats, TCP, UDP, ICMP}

// The times that can be looked at: shorter ones have fewer samples than the recording
// rules take for one number, and before longer ones there is no baseline.
const (
	ShortestWindow = 5 * time.Minute
	LongestWindow  = 7 * 24 * time.Hour
)

// A Host is what is to be looked at without an alert.
type Host struct {
	// Labels are those of the target: instance, and job and cluster if it has them.
	Labels map[string]string
	// Window is over how long, up to now.
	Window time.Duration
	// Scopes are what to ask about.
	Scopes []Scope
}

// ForHost returns what to ask about a host, in the order of the scopes.
func ForHost(window time.Duration, scopes []Scope) []Query {
	var all []Query
	for _, s := range Scopes {
		if slices.Contains(scopes, s) {
			all = append(all, ofHost[s]...)
		}
	}
	for i := range all {
		if all[i].Window != 0 {
			all[i].Window = window
		}
	}
	return all
}

// Of returns the queries that a set is the result of.
func Of(s *fact.Set) []Query {
	if s.Host == nil {
		return For(s.Alert.Name)
	}
	var scopes []Scope
	for _, name := range s.Host.Scopes {
		scopes = append(scopes, Scope(name))
	}
	return ForHost(s.Host.Window, scopes)
}

// Says returns what the query of a name asks for, or what a fact about offenders is, "" if
// the set has none of this name.
func Says(s *fact.Set, name string) string {
	for _, q := range append(Of(s), OffenderFacts...) {
		if q.Name == name {
			return q.Says
		}
	}
	return ""
}

// BaselinesOf returns how long ago the queries of a set with a baseline are asked for too:
// a window that reaches back behind a baseline would be compared with a part of itself.
func BaselinesOf(s *fact.Set) []time.Duration {
	if s.Host == nil {
		return Baselines
	}
	return slices.DeleteFunc(slices.Clone(Baselines), func(before time.Duration) bool { return before < s.Host.Window })
}

// mostHostQueries is above the number of all queries about a host with their baselines,
// which a test counts.
const mostHostQueries = 90

// forHost returns the limits of a question about a host. It has more queries than an alert,
// and nobody is paged by its answer, so it may take four times as long.
func (l Limits) forHost() Limits {
	l.Queries, l.Total = max(l.Queries, mostHostQueries), 4*l.Total
	return l
}

// GatherHost is Gather for a host that no alert is about.
func GatherHost(ctx context.Context, by Querier, h Host, t *handle.Table, now time.Time, limits Limits) *fact.Set {
	set := &fact.Set{Host: &fact.Host{Window: h.Window}}
	for _, s := range Scopes {
		if slices.Contains(h.Scopes, s) {
			set.Host.Scopes = append(set.Host.Scopes, string(s))
		}
	}
	set.Alert.Labels = set.Show(t, h.Labels)
	fill(ctx, by, set, Of(set), usable(h.Labels), t, now, limits.forHost())
	return set
}
