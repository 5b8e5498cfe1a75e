package guarder

import (
	"cmp"
	"slices"
	"time"
)

// A Top is what happens now, as JSON of GET /top. Counters count since Status.Since, so
// that two of them give rates, also if the agent was restarted in between. Fields may
// be added; none is renamed or removed.
type Top struct {
	// Time is when it was made.
	Time   time.Time `json:"time"`
	Status Status    `json:"status"`
	// Sources are those that rules hit: see [SourceStatus].
	Sources []SourceStatus `json:"sources"`
	// Samples are the last packets that were copied, the newest last.
	Samples []Sample `json:"samples"`
}

// most leaves at most n sources, those with the most packets; 0 leaves all.
func most(sources []SourceStatus, n int) []SourceStatus {
	slices.SortStableFunc(sources, func(a, b SourceStatus) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), b.Last.Compare(a.Last))
	})
	if n > 0 && n < len(sources) {
		return sources[:n]
	}
	return sources
}
