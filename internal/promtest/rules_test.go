package promtest

import (
	"strings"
	"testing"
	"time"
)

// evaluated evaluates one group of rules once on a series "up" of two instances.
func evaluated(t *testing.T, rules string) (*Rules, error) {
	t.Helper()
	test := RuleTest{InputSeries: []struct{ Series, Values string }{
		{`up{instance="a"}`, "1x5"}, {`up{instance="b"}`, "0x5"},
	}}
	db, err := test.load()
	if err != nil {
		t.Fatal(err)
	}
	r := NewRules(db)
	if err := r.Parse("x.yaml", []byte("groups:\n- name: g\n  rules:\n"+rules)); err != nil {
		return nil, err
	}
	return r, r.Eval(epoch.Add(time.Minute))
}

func TestFaultsInRules(t *testing.T) {
	for name, c := range map[string]struct{ rules, want string }{
		"syntax":           {"  - {record: x, expr: 'sum('}", `x.yaml: 4:23: group "g", rule 1, "x": could not parse expression`},
		"unknown key":      {"  - {record: x, expr: up, fro: 1m}", "x.yaml: "},
		"two equal series": {"  - {record: x, expr: up, labels: {instance: c}}", `group "g", x at 1m: two results have the labels {__name__="x", instance="c"}`},
		"two equal alerts": {"  - {alert: X, expr: up, labels: {instance: c}}", `group "g", X at 1m: two results give the alert {alertname="X", instance="c"}`},
		"template":         {"  - {alert: X, expr: up, annotations: {summary: '{{ query 1 }}'}}", `annotation "summary": error executing template`},
		"group settings":   {"  - {alert: X, expr: up}\n  limit: 5", `x.yaml: group "g": query_offset, limit and labels are not supported in tests`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := evaluated(t, c.rules)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestFiringListsAllAlerts(t *testing.T) {
	r, err := evaluated(t, "  - {alert: X, expr: up == 1}\n  - {alert: Y, expr: up == 0}\n  - {alert: Z, expr: up == 0, for: 1m}")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range r.Firing("") {
		got = append(got, a.Labels.String())
	}
	if want := `{alertname="X", instance="a"} {alertname="Y", instance="b"}`; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, " "), want)
	}
	if x := r.Firing("X"); len(x) != 1 || x[0].Value != 1 {
		t.Errorf("got %v", x)
	}
	if err := r.Eval(epoch.Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if z := r.Firing("Z"); len(z) != 1 {
		t.Errorf("a minute later Z fires %d times", len(z))
	}
}

func TestGroupsKeepTheirInterval(t *testing.T) {
	r, err := evaluated(t, "  - {alert: X, expr: up == 0, for: 1m}\n  interval: 2m")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ minute, want int }{{2, 0}, {3, 1}} {
		if err := r.Eval(epoch.Add(time.Duration(c.minute) * time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got := len(r.Firing("X")); got != c.want {
			t.Errorf("after %d minutes X fires %d times, want %d", c.minute, got, c.want)
		}
	}
}
