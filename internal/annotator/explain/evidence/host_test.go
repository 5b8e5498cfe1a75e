package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// asked remembers what it is asked, and answers each query with one.
type asked struct {
	mu  sync.Mutex
	all map[time.Duration][]string // by how long ago
}

func (a *asked) Query(_ context.Context, expr string, at time.Time) ([]Sample, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = map[time.Duration][]string{}
	}
	a.all[now.Sub(at)] = append(a.all[now.Sub(at)], expr)
	return []Sample{{Value: 1}}, nil
}

var web = map[string]string{"cluster": "c1", "job": "packetscope", "instance": "web-1:10142"}

func TestScopesChooseTheQueries(t *testing.T) {
	count := 0
	for _, s := range Scopes {
		own := ForHost(quarter, []Scope{s})
		if len(own) == 0 {
			t.Errorf("%s asks nothing", s)
		}
		count += len(own)
		var by asked
		set := GatherHost(t.Context(), &by, Host{web, quarter, []Scope{s}}, &handle.Table{}, now, Defaults)
		if len(by.all[0]) != len(own) || len(set.Asked) != len(own) || !slices.Equal(set.Host.Scopes, []string{string(s)}) {
			t.Errorf("%s: %d were asked, %d noted, of %v; want %d", s, len(by.all[0]), len(set.Asked), set.Host.Scopes, len(own))
		}
		if diff := cmp.Diff(Names(own), Names(Of(set))); diff != "" {
			t.Errorf("%s: the set is the result of other queries (-want +got):\n%s", s, diff)
		}
	}
	if all := ForHost(quarter, Scopes); len(all) != count {
		t.Errorf("%d queries of all scopes, %d of each", len(all), count)
	}
}

func TestTheWindowIsInAllQueries(t *testing.T) {
	for window, want := range map[time.Duration]string{quarter: "[15m]", 36 * time.Hour: "[1d12h]", LongestWindow: "[1w]"} {
		var by asked
		set := GatherHost(t.Context(), &by, Host{web, window, Scopes}, &handle.Table{}, now, Defaults)
		for _, expr := range by.all[0] {
			if !strings.Contains(expr, want) || !strings.Contains(expr, `{cluster="c1",job="packetscope",instance="web-1:10142"`) || strings.Contains(expr, "$") {
				t.Errorf("%v: %s", window, expr)
			}
		}
		for _, f := range set.Facts {
			if f.Window != window {
				t.Errorf("%v: fact %s is over %v", window, f.Name, f.Window)
			}
		}
		if n := len(set.Gaps); n != 0 && slices.ContainsFunc(set.Gaps, func(g fact.Gap) bool { return g.Why != fact.NoLabel }) {
			t.Errorf("%v: gaps %v", window, set.Gaps)
		}
	}
}

// TestABaselineIsNoPartOfTheWindow claims that a window is not compared with a time that it
// reaches back behind.
func TestABaselineIsNoPartOfTheWindow(t *testing.T) {
	for window, want := range map[time.Duration]string{
		quarter:       "[1h0m0s 168h0m0s]",
		time.Hour:     "[1h0m0s 168h0m0s]",
		2 * time.Hour: "[168h0m0s]",
		LongestWindow: "[168h0m0s]",
	} {
		var by asked
		GatherHost(t.Context(), &by, Host{web, window, Scopes}, &handle.Table{}, now, Defaults)
		var got []time.Duration
		for before := range by.all {
			if before != 0 {
				got = append(got, before)
			}
		}
		slices.Sort(got)
		if fmt.Sprint(got) != want {
			t.Errorf("%v: baselines %v, want %s", window, got, want)
		}
	}
}

func TestAHostWithoutItsFormIsNotAskedAbout(t *testing.T) {
	var by asked
	set := GatherHost(t.Context(), &by, Host{map[string]string{"instance": "<img src=x>", "job": "j"}, quarter, Scopes}, &handle.Table{}, now, Defaults)
	if len(by.all) != 0 || len(set.Facts) != 0 || len(set.Gaps) != len(ForHost(quarter, Scopes)) {
		t.Errorf("asked %v, facts %v, %d gaps", by.all, set.Facts, len(set.Gaps))
	}
}
