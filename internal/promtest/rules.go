package promtest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Rules are rule groups that remember, from one evaluation to the next, which alerts
// are active and which series were recorded, as a server does.
type Rules struct {
	groups []*group
	db     *DB
	// ExternalLabels and ExternalURL are what templates know of the server.
	ExternalLabels map[string]string
	ExternalURL    string
}

// A group is a list of rules that are evaluated one after the other.
type group struct {
	name     string
	interval time.Duration // 0 for each evaluation
	next     time.Time     // not evaluated before
	rules    []*rule
}

// A rule records or alerts. It remembers what its last evaluation wrote.
type rule struct {
	rulefmt.Rule
	active  map[uint64]*activeAlert // by the hash of the alert's labels
	written map[uint64]labels.Labels
}

// NewRules returns no rules, for evaluation on db.
func NewRules(db *DB) *Rules { return &Rules{db: db} }

// Parse adds the groups of a rule file. It returns all faults, each with its line.
// Settings of a group beside its name, interval and rules have no effect here and are
// refused.
func (r *Rules) Parse(file string, text []byte) error {
	parsed, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
	if len(errs) > 0 {
		return fmt.Errorf("%s: %w", file, errors.Join(errs...))
	}
	for _, g := range parsed.Groups {
		if g.QueryOffset != nil || g.Limit != 0 || len(g.Labels) > 0 {
			return fmt.Errorf("%s: group %q: query_offset, limit and labels are not supported in tests", file, g.Name)
		}
		into := &group{name: g.Name, interval: time.Duration(g.Interval)}
		for _, x := range g.Rules {
			into.rules = append(into.rules, &rule{Rule: x, active: make(map[uint64]*activeAlert)})
		}
		r.groups = append(r.groups, into)
	}
	return nil
}

// Eval evaluates all rules once, group by group in the order in which they were added,
// and adds what they record to the database; alerts are recorded as ALERTS. The time
// must be later than that of the evaluation before. A group whose own interval is not
// over yet is left out.
func (r *Rules) Eval(at time.Time) error {
	for _, g := range r.groups {
		if at.Before(g.next) {
			continue
		}
		g.next = at.Add(g.interval)
		for _, x := range g.rules {
			if err := r.eval(x, at); err != nil {
				return fmt.Errorf("group %q, %s at %s: %w", g.name, x.name(), offset(at), err)
			}
		}
	}
	return nil
}

func (r *Rules) eval(x *rule, at time.Time) error {
	result, _, err := r.db.Instant(x.Expr, at)
	if err != nil {
		return err
	}
	var out promql.Vector
	if x.Alert != "" {
		if err := r.advance(x, result, at); err != nil {
			return err
		}
		out = x.alertSeries()
	} else {
		out = x.recorded(result)
	}
	return r.write(x, out, at.UnixMilli())
}

func (x *rule) name() string { return x.Record + x.Alert }

// recorded gives the result the name and the labels of the rule.
func (x *rule) recorded(result promql.Vector) promql.Vector {
	for i, s := range result {
		b := labels.NewBuilder(s.Metric).Set(model.MetricNameLabel, x.Record)
		for name, text := range x.Labels {
			b.Set(name, text)
		}
		result[i].Metric = b.Labels()
	}
	return result
}

// write adds samples, and ends the series that the evaluation before wrote and this
// one did not.
func (r *Rules) write(x *rule, out promql.Vector, ms int64) error {
	now := make(map[uint64]labels.Labels, len(out))
	for _, s := range out {
		hash := s.Metric.Hash()
		if _, twice := now[hash]; twice {
			return fmt.Errorf("two results have the labels %s", s.Metric)
		}
		now[hash] = s.Metric
		if err := r.db.add(s.Metric, sample{t: ms, f: s.F, h: s.H}); err != nil {
			return err
		}
	}
	for hash, l := range x.written {
		if _, still := now[hash]; still {
			continue
		}
		if err := r.db.Add(l, ms, math.Float64frombits(value.StaleNaN)); err != nil {
			return err
		}
	}
	x.written = now
	return nil
}

// order sorts the groups as listed by name. A list must be complete, and may be missing
// if there is one group.
func (r *Rules) order(names []string) error {
	if len(r.groups) < 2 && names == nil {
		return nil
	}
	for _, g := range r.groups {
		if !slices.Contains(names, g.name) {
			return fmt.Errorf("group_eval_order: group %q is not listed", g.name)
		}
	}
	slices.SortStableFunc(r.groups, func(a, b *group) int {
		return slices.Index(names, a.name) - slices.Index(names, b.name)
	})
	return nil
}

// offset is a time of a test as its author writes it.
func offset(at time.Time) string { return model.Duration(at.Sub(epoch)).String() }

// epoch is when the tests of rules begin, as promtool has it.
var epoch = time.Unix(0, 0).UTC()
