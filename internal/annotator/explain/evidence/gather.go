package evidence

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// A Sample is one series of a result.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// A Querier answers an instant query. It may be asked from several goroutines at once.
type Querier interface {
	Query(ctx context.Context, expr string, at time.Time) ([]Sample, error)
}

// Limits say how much may be asked.
type Limits struct {
	// PerQuery is the time for one query, and Total that for all.
	PerQuery, Total time.Duration
	// Queries is the most queries of one alert, those of baselines included, and Parallel
	// how many of them run at once.
	Queries, Parallel int
	// Facts is the most facts of one query, and Series the most series of its result.
	Facts, Series int
}

// Defaults leave room in the three seconds in which the first explanation is to be out.
var Defaults = Limits{PerQuery: time.Second, Total: 2500 * time.Millisecond, Queries: 12, Parallel: 4, Facts: 5, Series: 50}

// An Alert is what is known of an alert beforehand.
type Alert struct {
	Labels map[string]string
	// Offenders asks the exporter of the host whom rules of Guarder hit; nil if no exporter
	// is asked at all, which leaves no gap.
	Offenders func(context.Context) (Offenders, error)
	// Place tells where an address belongs; nil if nobody can.
	Place func(netip.Addr) Place
}

// ask is one query at one time.
type ask struct {
	Query
	handle string
	expr   string
	before time.Duration

	samples []Sample
	why     fact.Why
}

// Gather asks all that there is to ask about an alert, and returns what is known and what
// is not. It returns within the total time, whatever the server does; handles come from
// the table, in the order of the queries.
func Gather(ctx context.Context, by Querier, a Alert, t *handle.Table, now time.Time, limits Limits) *fact.Set {
	set := &fact.Set{}
	a.Labels = likened(a.Labels)
	name := a.Labels["alertname"]
	if clean.IsWord(name) && !clean.LikeAddress(name) {
		set.Alert.Name = name
	}
	if severity := a.Labels["severity"]; clean.IsWord(severity) {
		set.Alert.Severity = severity
	}
	set.Alert.Labels = set.Show(t, a.Labels)
	queries := For(name)
	if len(queries) == 0 {
		set.Gaps = append(set.Gaps, fact.Gap{Name: "evidence", Why: fact.NoEvidence})
		return set
	}
	offenders := a.ask(ctx, limits)
	fill(ctx, by, set, queries, usable(a.Labels), t, now, limits)
	if offenders != nil {
		(<-offenders).into(set, t, a.Place)
		set.Number(append(order(queries), offenderNames...))
	}
	return set
}

// fill asks the queries, and adds to a set what becomes known and what does not.
func fill(ctx context.Context, by Querier, set *fact.Set, queries []Query, labels map[string]string, t *handle.Table, now time.Time, limits Limits) {
	asks := plan(queries, labels, t, limits, set)
	run(ctx, by, asks, now, limits)
	for _, q := range asks {
		q.into(set, t, limits)
	}
	compare(set, queries)
	set.Number(order(queries))
}

// usable returns the labels that may go into a query, which people read too: those whose
// values have their form. Without all labels of the target there is no target, as the
// query would be about another one.
func usable(labels map[string]string) map[string]string {
	out := make(map[string]string)
	for name, value := range labels {
		if fact.HasForm(name, value) {
			out[name] = value
		}
	}
	for _, name := range host {
		if labels[name] != "" && out[name] == "" {
			delete(out, "instance")
		}
	}
	return out
}

// order puts the change of a number behind the number.
func order(queries []Query) []string {
	var names []string
	for _, q := range queries {
		names = append(names, q.Name, q.Name+Change)
	}
	return names
}

// plan renders the queries and notes those that cannot be asked.
func plan(queries []Query, labels map[string]string, t *handle.Table, limits Limits, set *fact.Set) []*ask {
	var asks []*ask
	for _, q := range queries {
		expr, err := q.Render(labels)
		if err != nil {
			set.Gaps = append(set.Gaps, fact.Gap{Name: q.Name, Why: fact.NoLabel})
			continue
		}
		name, ok := t.Name(handle.Query, expr)
		if !ok {
			set.Gaps = append(set.Gaps, fact.Gap{Name: q.Name, Why: fact.LeftOut})
			continue
		}
		set.Asked = append(set.Asked, fact.Asked{Name: q.Name, Query: name})
		times := []time.Duration{0}
		if q.Baseline {
			times = append(times, BaselinesOf(set)...)
		}
		for _, before := range times {
			asks = append(asks, &ask{Query: q, handle: name, expr: expr, before: before})
		}
	}
	// What is so now is worth more than what was.
	slices.SortStableFunc(asks, func(a, b *ask) int { return cmp.Compare(a.before, b.before) })
	for _, q := range asks[min(len(asks), limits.Queries):] {
		set.Gaps = append(set.Gaps, fact.Gap{Name: q.Name, Before: q.before, Why: fact.LeftOut})
	}
	return asks[:min(len(asks), limits.Queries)]
}

// run asks, some at once, and returns when the time is over at the latest: who does not
// heed a context is left behind, and what it still says is not read.
func run(ctx context.Context, by Querier, asks []*ask, now time.Time, limits Limits) {
	ctx, cancel := context.WithTimeout(ctx, limits.Total)
	defer cancel()
	type answer struct {
		at      int
		samples []Sample
		why     fact.Why
	}
	answers := make(chan answer, len(asks))
	places := make(chan struct{}, max(1, limits.Parallel))
	for _, q := range asks {
		q.why = fact.TimedOut
	}
	go func() {
		for i, q := range asks {
			select {
			case places <- struct{}{}:
			case <-ctx.Done():
				return
			}
			expr, at := q.expr, now.Add(-q.before)
			go func() {
				defer func() { <-places }()
				one, cancel := context.WithTimeout(ctx, limits.PerQuery)
				defer cancel()
				samples, err := by.Query(one, expr, at)
				answers <- answer{i, samples, reason(one, samples, err)}
			}()
		}
	}()
	for range asks {
		select {
		case a := <-answers:
			asks[a.at].samples, asks[a.at].why = a.samples, a.why
		case <-ctx.Done():
			return
		}
	}
}

// reason returns why there is no result, or "".
func reason(ctx context.Context, samples []Sample, err error) fact.Why {
	switch {
	case errors.Is(err, context.DeadlineExceeded), err != nil && ctx.Err() != nil:
		return fact.TimedOut
	case err != nil:
		return fact.Failed
	case len(samples) == 0:
		return fact.NoData
	}
	return ""
}

// into adds the result as facts, or as a gap.
func (q *ask) into(set *fact.Set, t *handle.Table, limits Limits) {
	gap := func(why fact.Why) {
		set.Gaps = append(set.Gaps, fact.Gap{Name: q.Name, Before: q.before, Why: why})
	}
	switch {
	case q.why == fact.NoData && q.MayBeEmpty:
		return
	case q.why != "":
		gap(q.why)
		return
	case len(q.samples) > limits.Series:
		gap(fact.LeftOut)
		return
	case len(q.By) == 0 && q.Text == "" && len(q.samples) > 1:
		gap(fact.Ambiguous)
		return
	}
	samples := slices.Clone(q.samples)
	slices.SortStableFunc(samples, func(a, b Sample) int { return cmp.Compare(b.Value, a.Value) })
	found := 0
	for _, s := range samples {
		f := fact.Fact{Name: q.Name, Value: s.Value, Unit: q.Unit, Window: q.Window, Before: q.before, Query: q.handle}
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
			gap(fact.NotANumber)
			return
		}
		if !q.label(&f, s.Labels, t, set) {
			continue
		}
		if found++; found > limits.Facts {
			gap(fact.LeftOut)
			return
		}
		set.Facts = append(set.Facts, f)
	}
	if found == 0 {
		gap(fact.NoLabel)
	}
}

// label gives a fact the labels that tell it apart, and its word. It reports false for a
// result without them.
func (q *ask) label(f *fact.Fact, labels map[string]string, t *handle.Table, set *fact.Set) bool {
	wanted := make(map[string]string)
	for _, name := range q.By {
		wanted[name] = labels[name]
	}
	if q.Text != "" {
		wanted[q.Text] = labels[q.Text]
	}
	before := set.Withheld
	for _, l := range set.Show(t, wanted) {
		if l.Name == q.Text {
			f.Text = l.Value
		} else {
			f.Of = append(f.Of, l)
		}
	}
	return set.Withheld == before && (q.Text == "" || f.Text != "")
}

// Change is added to the name of a number for how many times of what it was it is.
const Change = "_change"

// compare adds how numbers have changed, where both are known and neither is zero.
func compare(set *fact.Set, queries []Query) {
	for _, q := range queries {
		now := set.Now(q.Name)
		if !q.Baseline || len(now) != 1 || q.Unit == fact.State || q.Text != "" {
			continue
		}
		for _, before := range BaselinesOf(set) {
			was := set.At(q.Name, before)
			if len(was) != 1 || was[0].Value <= 0 || now[0].Value <= 0 {
				continue
			}
			set.Facts = append(set.Facts, fact.Fact{
				Name: q.Name + Change, Value: now[0].Value / was[0].Value, Unit: fact.Times,
				Window: q.Window, Before: before, Query: now[0].Query,
			})
		}
	}
}
