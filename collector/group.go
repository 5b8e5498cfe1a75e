package collector

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
)

// maxLabels is the greatest number of labels of a family whose series are folded.
const maxLabels = 8

// labelSet holds the label values of one series in the order of Family.Labels;
// the rest is empty. It is an array because that is a map key.
type labelSet [maxLabels]string

// labels makes a labelSet. Names of devices are whatever bytes the kernel was
// given, and one that is not UTF-8 would make the registry reject the scrape.
func labels(values ...string) labelSet {
	var set labelSet
	for i, v := range values {
		set[i] = strings.ToValidUTF8(v, "\uFFFD")
	}
	return set
}

func compareLabels(a, b labelSet) int { return slices.Compare(a[:], b[:]) }

// value is what a group adds up: a count or a histogram.
type value[V any] interface {
	// plus returns the sum. It may reuse the memory of the receiver, which is no
	// longer valid, but not that of a snapshot: other collectors read it.
	plus(V) V
	// weight is the number of observations.
	weight() uint64
	// metric returns the value as a metric.
	metric(f *metric.Family, created time.Time, labels []string) prometheus.Metric
}

// group is the series of one family, added up by label set.
type group[V value[V]] struct {
	family *metric.Family
	rows   map[labelSet]V
}

func newGroup[V value[V]](f *metric.Family, size int) group[V] {
	return group[V]{family: f, rows: make(map[labelSet]V, size)}
}

// add adds v to the series with the given labels.
func (g group[V]) add(v V, values ...string) { g.addSet(v, labels(values...)) }

func (g group[V]) addSet(v V, set labelSet) {
	if sum, ok := g.rows[set]; ok {
		v = sum.plus(v)
	}
	g.rows[set] = v
}

// emitter sends the series of groups within their limits.
type emitter struct {
	limits *limits
	since  time.Time
	ch     chan<- prometheus.Metric
}

// emit folds what is beyond the limit of the family, and sends the rest. It
// changes g, which cannot be used any more.
func emit[V value[V]](e emitter, g group[V]) {
	other := overflow(g.family)
	weights := make([]weighted, 0, len(g.rows))
	for set, v := range g.rows {
		// Devices have a series "other" of their own; there it is the same thing.
		if set != other {
			weights = append(weights, weighted{set, v.weight()})
		}
	}
	for _, folded := range e.limits.fold(g.family, weights) {
		v := g.rows[folded.set]
		delete(g.rows, folded.set)
		g.addSet(v, other)
	}

	n := len(g.family.Labels)
	watch := slices.Index(g.family.Labels, "watch")
	for set, v := range g.rows {
		created := e.since
		if watch >= 0 && set[watch] != "" {
			created = time.Time{}
		}
		e.ch <- v.metric(g.family, created, set[:n])
	}
}

// overflow returns the label set that others are folded into.
func overflow(f *metric.Family) labelSet {
	var set labelSet
	for i := range f.Labels {
		set[i] = "other"
	}
	return set
}
