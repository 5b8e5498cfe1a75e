//go:build unix

package annotator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
)

// fleet is a Prometheus that knows hosts, and numbers by the names of queries about one.
type fleet struct {
	hosts  []map[string]string
	values map[string][]evidence.Sample
	err    error

	mu    sync.Mutex
	asked []string
}

func (f *fleet) Query(_ context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
	f.mu.Lock()
	f.asked = append(f.asked, expr)
	f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	var all []evidence.Sample
	for _, labels := range f.hosts {
		if strings.HasPrefix(expr, "group by (cluster, job, instance)") {
			if i := labels["instance"]; !strings.Contains(expr, "instance=") || strings.Contains(expr, fmt.Sprintf("instance=%q", i)) {
				if !strings.Contains(expr, "job=") || strings.Contains(expr, fmt.Sprintf("job=%q", labels["job"])) {
					all = append(all, evidence.Sample{Labels: labels, Value: 1})
				}
			}
			continue
		}
		for _, q := range evidence.ForHost(DefaultWindow, evidence.Scopes) {
			if rendered, err := q.Render(labels); err == nil && rendered == expr && at.Equal(time.Now()) {
				all = append(all, f.values[q.Name]...)
			}
		}
	}
	return all, nil
}

func target(instance, job string) map[string]string {
	return map[string]string{"instance": instance, "job": job, "cluster": ""}
}

func series(value float64, labels ...string) []evidence.Sample {
	s := evidence.Sample{Value: value, Labels: map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		s.Labels[labels[i]] = labels[i+1]
	}
	return []evidence.Sample{s}
}

var flooded = map[string][]evidence.Sample{
	"answered": series(1), "traffic": series(61000), "loss_share": series(0.00001), "cookies_sent": series(4100), "top_sender_share": series(0.9),
	"top_senders": series(50000, "remote", "198.51.100.0/24"),
}

func TestAHostIsExplainedWithoutAnAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{hosts: []map[string]string{target("web-1:10142", "packetscope")}, values: flooded}
		server := models(t, double.Say(strings.ReplaceAll(`{"findings":[{"text":"SYN cookies are sent at 4100 per second.","weighs":"for","facts":["Fn"]}],"verdict":"volumetric_attack",
			"confidence":"high","summary":"H1 is flooded.","checks":[],"steps":[],"rule":null}`, "Fn", "F6")))
		p := start(t, dbPath(t), Config{Suggest: propose.Defaults}, Parts{Querier: f, Model: newModel(t, server, nil)}, nil)
		x, err := p.Explain(t.Context(), Request{Mode: "security", DryRun: true})
		if err != nil || x.NoModel != "dry_run" || x.Explanation.Verdict != "volumetric_attack" || !strings.Contains(x.Rule, "198.51.100.0/24") {
			t.Fatalf("%+v, %v", x, err)
		}
		const want = "What stands out on web-1:10142 over 15 minutes: SYN cookies, the busiest sender."
		if x.Explanation.Summary != want || !strings.Contains(x.Prompt.User, `"scope":["stats","tcp","udp","icmp"]`) || strings.Contains(x.Prompt.User, "web-1") ||
			!strings.Contains(string(x.Prompt.Schema), "inconspicuous") {
			t.Errorf("summary %q, prompt %s", x.Explanation.Summary, x.Prompt.User)
		}
		x, err = p.Explain(t.Context(), Request{Mode: "security"})
		if err != nil || x.NoModel != "" || x.Explanation.Summary != "web-1:10142 is flooded." || x.Builtin.Summary != want {
			t.Errorf("%+v, %v", x, err)
		}
		x, err = p.Explain(t.Context(), Request{Mode: "analyze", DryRun: true, Host: HostRequest{Scopes: []evidence.Scope{evidence.UDP}}})
		if err != nil || x.Rule != "" || strings.Contains(x.Known, "cookies") || x.Explanation.Verdict != "unknown" {
			t.Errorf("%+v, %v", x, err)
		}
		if n := len(audit(t, p.Engine)); n != 0 {
			t.Errorf("%d entries of audit: requests keep nothing", n)
		}
	})
}

func TestAHostIsQuietUnlessSomethingStandsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{hosts: []map[string]string{target("web-1:10142", "packetscope")}, values: map[string][]evidence.Sample{
			"answered": series(1), "traffic": series(8000), "loss_share": series(0.00001), "retransmits": series(0.001),
		}}
		p := start(t, dbPath(t), Config{}, Parts{Querier: f}, nil)
		x, err := p.Explain(t.Context(), Request{})
		if err != nil || x.NoModel != "none" || x.Explanation.Verdict != "inconspicuous" || x.Explanation.Confidence != "high" {
			t.Errorf("%+v, %v", x, err)
		}
	})
}

func TestWhichHostIsMeant(t *testing.T) {
	two := []map[string]string{target("web-2:10142", "packetscope"), target("web-1:10142", "packetscope")}
	twin := append(two, target("web-1:10142", "other"))
	many := make([]map[string]string, 0, 12)
	for i := range 12 {
		many = append(many, target(fmt.Sprintf("h%02d:1", i), "p"))
	}
	for name, c := range map[string]struct {
		hosts   []map[string]string
		err     error
		request Request
		want    error
		says    string
	}{
		"the only one":   {hosts: two[:1]},
		"one of two":     {hosts: two, request: Request{Host: HostRequest{Instance: "web-1:10142"}}},
		"one of twins":   {hosts: twin, request: Request{Host: HostRequest{Instance: "web-1:10142"}, Labels: map[string]string{"job": "other"}}},
		"not named":      {hosts: two, want: ErrRequest, says: "there are several hosts, so say which one by instance: web-1:10142 (job packetscope), web-2:10142 (job packetscope)"},
		"not told apart": {hosts: twin, request: Request{Host: HostRequest{Instance: "web-1:10142"}}, want: ErrRequest, says: "by the labels job and cluster: web-1:10142 (job other), web-1:10142 (job packetscope)"},
		"too many":       {hosts: many, want: ErrRequest, says: "h09:1 (job p), and 2 more"},
		"none":           {want: ErrRequest, says: "does it scrape one?"},
		"not this one":   {hosts: two, request: Request{Host: HostRequest{Instance: "web-9:10142"}}, want: ErrRequest, says: `no host of the instance "web-9:10142"`},
		"no name":        {hosts: two, request: Request{Host: HostRequest{Instance: `x"} or up{a="`}}, want: ErrRequest, says: "has not the form of one"},
		"other labels":   {hosts: two, request: Request{Labels: map[string]string{"device": "eth0"}}, want: ErrRequest, says: `label "device": there is no alertname`},
		"no scope":       {hosts: two[:1], request: Request{Host: HostRequest{Scopes: []evidence.Scope{}}}, want: ErrRequest, says: "one of stats, tcp, udp, icmp at least"},
		"another scope":  {hosts: two[:1], request: Request{Host: HostRequest{Scopes: []evidence.Scope{"sctp"}}}, want: ErrRequest, says: `scope "sctp" is none of`},
		"a short window": {hosts: two[:1], request: Request{Host: HostRequest{Window: time.Minute}}, want: ErrRequest, says: "a window of 1m0s is not from 5m to 7d"},
		"of an alert":    {hosts: two[:1], request: Request{Labels: flood, Host: HostRequest{Window: time.Hour}}, want: ErrRequest, says: "are of a host"},
		"no Prometheus":  {err: errBroken, want: ErrNoFacts, says: "no answer from Prometheus, so nobody knows which hosts there are"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := start(t, dbPath(t), Config{}, Parts{Querier: &fleet{hosts: c.hosts, err: c.err}}, nil)
			x, err := p.Explain(t.Context(), c.request)
			if !errors.Is(err, c.want) || c.want == nil && err != nil || err != nil && (!strings.Contains(err.Error(), c.says) || c.says == "") {
				t.Errorf("%s: %v, want %q", name, err, c.says)
			}
			if err == nil && x.Explanation.Summary == "" {
				t.Errorf("%s: %+v", name, x)
			}
		})
	}
}
