package promtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"gopkg.in/yaml.v3"
)

// A RuleTestFile is a file of unit tests for rules, in the format of promtool
// (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/).
type RuleTestFile struct {
	// RuleFiles are relative to the file and may be patterns.
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	// GroupEvalOrder lists all groups, unless there is one alone: promtool evaluates
	// those that are not listed in no order.
	GroupEvalOrder []string   `yaml:"group_eval_order"`
	Tests          []RuleTest `yaml:"tests"`

	// Change, if not nil, may change each rule before the tests are run, and leaves out
	// those for which it returns false: it is for finding out what the tests notice.
	Change func(*rulefmt.Rule) (keep bool) `yaml:"-"`

	path string
}

// A RuleTest feeds series to the rules, and says what follows from them.
type RuleTest struct {
	Name        string
	Interval    model.Duration
	InputSeries []struct {
		Series string
		// Values are in promtool's notation, such as "0+10x60 _x5 stale".
		Values string
	} `yaml:"input_series"`
	AlertRuleTests  []AlertRuleTest   `yaml:"alert_rule_test"`
	PromQLExprTests []PromQLExprTest  `yaml:"promql_expr_test"`
	ExternalLabels  map[string]string `yaml:"external_labels"`
	ExternalURL     string            `yaml:"external_url"`
}

// An AlertRuleTest lists the alerts of one name that fire at a time.
type AlertRuleTest struct {
	EvalTime  model.Duration  `yaml:"eval_time"`
	AlertName string          `yaml:"alertname"`
	ExpAlerts []ExpectedAlert `yaml:"exp_alerts"`
}

// An ExpectedAlert is compared exactly; labels do not include "alertname".
type ExpectedAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// A PromQLExprTest lists all samples of a query at a time.
type PromQLExprTest struct {
	Expr       string
	EvalTime   model.Duration   `yaml:"eval_time"`
	ExpSamples []ExpectedSample `yaml:"exp_samples"`
}

// An ExpectedSample has a Value, or a Histogram in the notation of series.
type ExpectedSample struct {
	Labels    string
	Value     float64
	Histogram string
}

// ReadRuleTests parses a file of tests. Unknown keys are errors.
func ReadRuleTests(path string) (*RuleTestFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	f := &RuleTestFile{EvaluationInterval: model.Duration(time.Minute), path: path}
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Run runs all tests of the file, and returns every difference.
func (f *RuleTestFile) Run() error {
	var faults []error
	for i := range f.Tests {
		t := &f.Tests[i]
		name := t.Name
		if name == "" {
			name = fmt.Sprint("test ", i+1)
		}
		if err := f.run(t); err != nil {
			faults = append(faults, fmt.Errorf("%s: %s: %w", f.path, name, err))
		}
	}
	return errors.Join(faults...)
}

// run evaluates the rules at every interval up to the last moment that the test asks
// about, and compares at each moment with the evaluation before it.
func (f *RuleTestFile) run(t *RuleTest) error {
	db, err := t.load()
	if err != nil {
		return err
	}
	rules := NewRules(db)
	rules.ExternalLabels, rules.ExternalURL = t.ExternalLabels, t.ExternalURL
	if err := f.parseRules(rules); err != nil {
		return err
	}
	var faults []error
	step := time.Duration(f.EvaluationInterval)
	for at := time.Duration(0); at <= t.end(); at += step {
		if err := rules.Eval(epoch.Add(at)); err != nil {
			return err
		}
		for _, a := range t.AlertRuleTests {
			if asked := time.Duration(a.EvalTime); at <= asked && asked < at+step {
				faults = append(faults, a.check(rules))
			}
		}
	}
	for _, e := range t.PromQLExprTests {
		faults = append(faults, e.check(db))
	}
	return errors.Join(faults...)
}

// load returns a database with the input series.
func (t *RuleTest) load() (*DB, error) {
	if t.Interval == 0 {
		t.Interval = model.Duration(time.Minute)
	}
	db := New()
	for _, in := range t.InputSeries {
		l, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(in.Series + " " + in.Values)
		if err != nil {
			return nil, fmt.Errorf("series %s: %w", in.Series, err)
		}
		for i, v := range values {
			if v.Omitted {
				continue
			}
			ms := int64(i) * time.Duration(t.Interval).Milliseconds()
			if err := db.add(l, sample{t: ms, f: v.Value, h: v.Histogram}); err != nil {
				return nil, err
			}
		}
	}
	return db, nil
}

func (f *RuleTestFile) parseRules(rules *Rules) error {
	for _, pattern := range f.RuleFiles {
		paths, err := filepath.Glob(filepath.Join(filepath.Dir(f.path), pattern))
		if err != nil {
			return err
		}
		if len(paths) == 0 {
			return fmt.Errorf("rule_files: no file is named %s", pattern)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := rules.Parse(path, text); err != nil {
				return err
			}
		}
	}
	if f.Change != nil {
		for _, g := range rules.groups {
			g.rules = slices.DeleteFunc(g.rules, func(x *rule) bool { return !f.Change(&x.Rule) })
		}
	}
	return rules.order(f.GroupEvalOrder)
}

// end is the last moment that the test asks about.
func (t *RuleTest) end() time.Duration {
	var last model.Duration
	for _, a := range t.AlertRuleTests {
		last = max(last, a.EvalTime)
	}
	for _, e := range t.PromQLExprTests {
		last = max(last, e.EvalTime)
	}
	return time.Duration(last)
}
