package evidence

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/prometheus/common/model"
)

// A Query is something to ask about an alert.
type Query struct {
	// Name is that of its facts.
	Name string
	// Says is what it asks for, in words that may follow "what is known of".
	Says string
	// Expr is a template, see the package.
	Expr string
	Unit fact.Unit
	// Window is over how long the expression looks; 0 means at one moment.
	Window time.Duration
	// By are the labels of the result that tell its facts apart.
	By []string
	// Text is the label that is the fact, if its number says nothing.
	Text string
	// MayBeEmpty tells that there is no result where there is nothing of it, as of reasons
	// for which nothing is dropped: then that is no gap.
	MayBeEmpty bool
	// Baseline asks also how it was an hour and a week ago.
	Baseline bool
}

// Baselines are how long ago a query with a baseline is asked for too.
var Baselines = []time.Duration{time.Hour, 7 * 24 * time.Hour}

// host are the labels of a target, which $host stands for.
var host = []string{"cluster", "job", "instance"}

var placeholder = regexp.MustCompile(`\$[a-z_]+`)

// Render returns the expression for an alert with these labels. An error tells of a label
// that the alert lacks.
func (q Query) Render(labels map[string]string) (string, error) {
	var missing string
	expr := placeholder.ReplaceAllStringFunc(q.Expr, func(p string) string {
		name := p[1:]
		if name == "window" {
			return promDuration(q.Window)
		}
		if name != "host" {
			if labels[name] == "" {
				missing = name
			}
			return matcher(name, labels[name])
		}
		if labels["instance"] == "" {
			missing = "instance"
		}
		var all []string
		for _, name := range host {
			// Without a value it matches series without the label, as it should: targets
			// have no cluster where nobody sets it.
			all = append(all, matcher(name, labels[name]))
		}
		return strings.Join(all, ",")
	})
	if missing != "" {
		return "", fmt.Errorf("query %q: the alert has no label %q", q.Name, missing)
	}
	return expr, nil
}

// promDuration writes a time as PromQL does.
func promDuration(d time.Duration) string { return model.Duration(d).String() }

// matcher compares a label with a value. The rules for strings in PromQL are those of Go,
// so that the quotes of Go hold every value.
func matcher(name, value string) string { return name + "=" + strconv.QuoteToASCII(value) }
