package promtest

import (
	"context"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// A DB holds series in memory. It implements storage.Queryable.
type DB struct {
	series map[uint64][]*series // by the hash of their labels
	order  []*series
}

// A series is one set of labels, with its samples in the order of time.
type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// New returns an empty database.
func New() *DB {
	return &DB{series: make(map[uint64][]*series)}
}

// Add adds a sample. The time is in milliseconds since 1970 and must be later
// than that of the sample before; the labels include the name.
func (db *DB) Add(l labels.Labels, ms int64, value float64) error {
	return db.add(l, sample{t: ms, f: value})
}

// AddHistogram adds a native histogram, which is kept and must not be changed.
func (db *DB) AddHistogram(l labels.Labels, ms int64, h *histogram.FloatHistogram) error {
	return db.add(l, sample{t: ms, h: h})
}

func (db *DB) add(l labels.Labels, s sample) error {
	into := db.find(l)
	if n := len(into.samples); n > 0 && into.samples[n-1].T() >= s.t {
		return fmt.Errorf("sample of %s at %d ms is not later than the one before it", l, s.t)
	}
	into.samples = append(into.samples, s)
	return nil
}

func (db *DB) find(l labels.Labels) *series {
	hash := l.Hash()
	for _, s := range db.series[hash] {
		if labels.Equal(s.labels, l) {
			return s
		}
	}
	s := &series{labels: l.Copy()}
	db.series[hash] = append(db.series[hash], s)
	db.order = append(db.order, s)
	return s
}

// Series returns the labels of all series, sorted.
func (db *DB) Series() []labels.Labels {
	all := make([]labels.Labels, len(db.order))
	for i, s := range db.order {
		all[i] = s.labels
	}
	slices.SortFunc(all, labels.Compare)
	return all
}

// Querier implements storage.Queryable. The times are in milliseconds.
func (db *DB) Querier(from, to int64) (storage.Querier, error) {
	return &querier{db, from, to}, nil
}

type querier struct {
	db       *DB
	from, to int64
}

// Close implements storage.Querier.
func (q *querier) Close() error { return nil }

// Select implements storage.Querier.
func (q *querier) Select(_ context.Context, sorted bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
	for _, s := range q.matching(matchers) {
		set.series = append(set.series, storage.NewListSeries(s.labels, q.within(s.samples)))
	}
	if sorted {
		slices.SortFunc(set.series, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	}
	return set
}

func (q *querier) matching(matchers []*labels.Matcher) []*series {
	var found []*series
	for _, s := range q.db.order {
		if matches(s.labels, matchers) && len(q.within(s.samples)) > 0 {
			found = append(found, s)
		}
	}
	return found
}

func (q *querier) within(all []chunks.Sample) []chunks.Sample {
	compare := func(s chunks.Sample, ms int64) int { return int(s.T() - ms) }
	first, _ := slices.BinarySearchFunc(all, q.from, compare)
	end, _ := slices.BinarySearchFunc(all, q.to+1, compare)
	return all[first:max(first, end)]
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

// LabelValues implements storage.Querier.
func (q *querier) LabelValues(_ context.Context, name string, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var values []string
	for _, s := range q.matching(matchers) {
		if v := s.labels.Get(name); v != "" {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil, nil
}

// LabelNames implements storage.Querier.
func (q *querier) LabelNames(_ context.Context, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var names []string
	for _, s := range q.matching(matchers) {
		s.labels.Range(func(l labels.Label) { names = append(names, l.Name) })
	}
	slices.Sort(names)
	return slices.Compact(names), nil, nil
}

// A seriesSet iterates over a slice.
type seriesSet struct {
	series []storage.Series
	at     int
}

func (s *seriesSet) Next() bool {
	s.at++
	return s.at < len(s.series)
}
func (s *seriesSet) At() storage.Series                { return s.series[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// A sample is a number, or a native histogram if h is set. Histograms have
// floats for counts, because the iterators over lists do not convert whole ones.
type sample struct {
	t int64
	f float64
	h *histogram.FloatHistogram
}

func (s sample) ST() int64                     { return 0 }
func (s sample) T() int64                      { return s.t }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return s.h }

func (s sample) Type() chunkenc.ValueType {
	if s.h != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

func (s sample) Copy() chunks.Sample {
	if s.h != nil {
		s.h = s.h.Copy()
	}
	return s
}
