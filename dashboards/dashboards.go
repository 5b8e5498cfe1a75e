package dashboards

import "github.com/packetscope/packetscope/internal/query"

// All lists the boards, in the order in which a reader goes from what is wrong to
// why.
func All() []Board {
	return []Board{overview(), stackBoard(), drops(), tcp(), self()}
}

// knownSeries are those that queries may name.
func knownSeries() (query.Catalogue, error) {
	return query.Builtin(), nil
}
