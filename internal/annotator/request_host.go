//go:build unix

package annotator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
)

// ErrNoFacts is of a request that cannot be answered, as Prometheus does not answer.
var ErrNoFacts = errors.New("no answer from Prometheus")

// A HostRequest says which host is asked about.
type HostRequest struct {
	// Instance is that of its target; it may be "" if there is one host only. The labels
	// job and cluster of the Request choose among targets with the same one.
	Instance string
	// Window is over how long, up to now: from [evidence.ShortestWindow] to
	// [evidence.LongestWindow], and 0 is DefaultWindow.
	Window time.Duration
	// Scopes are what to ask about; nil is all.
	Scopes []evidence.Scope
}

// DefaultWindow is over how long is looked if nobody says otherwise.
const DefaultWindow = 15 * time.Minute

func (r HostRequest) any() bool { return r.Instance != "" || r.Window != 0 || r.Scopes != nil }

// host returns the host that is asked about.
func (e *Engine) host(ctx context.Context, r Request) (evidence.Host, error) {
	h := evidence.Host{Window: cmp.Or(r.Host.Window, DefaultWindow), Scopes: r.Host.Scopes}
	if h.Scopes == nil {
		h.Scopes = evidence.Scopes
	}
	if h.Window < evidence.ShortestWindow || h.Window > evidence.LongestWindow {
		return h, fmt.Errorf("%w: a window of %s is not from 5m to 7d", ErrRequest, h.Window)
	}
	for _, s := range h.Scopes {
		if !slices.Contains(evidence.Scopes, s) {
			return h, fmt.Errorf("%w: scope %.20q is none of %s", ErrRequest, s, join(evidence.Scopes))
		}
	}
	if len(h.Scopes) == 0 {
		return h, fmt.Errorf("%w: the scope leaves nothing: it is one of %s at least", ErrRequest, join(evidence.Scopes))
	}
	for name := range r.Labels {
		if name != "job" && name != "cluster" {
			return h, fmt.Errorf("%w: label %.40q: there is no alertname, and a host is chosen by instance, job and cluster alone", ErrRequest, name)
		}
	}
	all, err := e.hosts(ctx, r, h.Window)
	if err != nil {
		return h, err
	}
	h.Labels, err = theOne(all, r)
	return h, err
}

func join(scopes []evidence.Scope) string {
	var all []string
	for _, s := range scopes {
		all = append(all, string(s))
	}
	return strings.Join(all, ", ")
}

// hosts returns the labels of the targets from which there were metrics within the window, or
// within an hour if that is longer, sorted.
func (e *Engine) hosts(ctx context.Context, r Request, window time.Duration) ([]map[string]string, error) {
	var matchers []string
	for _, m := range []struct{ name, value string }{{"instance", r.Host.Instance}, {"job", r.Labels["job"]}, {"cluster", r.Labels["cluster"]}} {
		switch {
		case m.value == "":
		case !fact.HasForm(m.name, m.value):
			return nil, fmt.Errorf("%w: %s %.60q has not the form of one", ErrRequest, m.name, m.value)
		default:
			matchers = append(matchers, m.name+"="+strconv.QuoteToASCII(m.value))
		}
	}
	expr := fmt.Sprintf("group by (cluster, job, instance) (last_over_time(packetscope_scrape_collector_success{%s}[%ds]))",
		strings.Join(matchers, ","), int(max(window, time.Hour).Seconds()))
	limited, cancel := context.WithTimeout(ctx, e.config.Limits.Total)
	defer cancel()
	samples, err := e.Querier.Query(limited, expr, e.Now().UTC())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		e.Logger.Warn("hosts not listed", "err", err)
		return nil, fmt.Errorf("%w, so nobody knows which hosts there are", ErrNoFacts)
	}
	var all []map[string]string
	for _, s := range samples {
		all = append(all, s.Labels)
	}
	slices.SortFunc(all, func(a, b map[string]string) int { return cmp.Compare(named(a), named(b)) })
	return all, nil
}

// mostNamed is how many hosts are named to who has to choose one.
const mostNamed = 10

// theOne returns the only one of the hosts, or says how to choose.
func theOne(all []map[string]string, r Request) (map[string]string, error) {
	var names []string
	for _, labels := range all[:min(len(all), mostNamed)] {
		names = append(names, named(labels))
	}
	if len(all) > mostNamed {
		names = append(names, fmt.Sprintf("and %d more", len(all)-mostNamed))
	}
	switch list := strings.Join(names, ", "); {
	case len(all) == 1:
		return all[0], nil
	case len(all) > 1 && r.Host.Instance == "":
		return nil, fmt.Errorf("%w: there are several hosts, so say which one by instance: %s", ErrRequest, list)
	case len(all) > 1:
		return nil, fmt.Errorf("%w: several targets have this instance, so say which one by the labels job and cluster: %s", ErrRequest, list)
	case r.Host.Instance == "":
		return nil, fmt.Errorf("%w: Prometheus knows no host with an exporter of PacketScope: does it scrape one?", ErrRequest)
	}
	return nil, fmt.Errorf("%w: Prometheus knows no host of the instance %.60q: it is host:port, as in the label of its metrics", ErrRequest, r.Host.Instance)
}

// named returns the instance of a target, with the labels that tell it from others.
func named(labels map[string]string) string {
	var more []string
	for _, name := range []string{"job", "cluster"} {
		if fact.HasForm(name, labels[name]) {
			more = append(more, name+" "+labels[name])
		}
	}
	name := labels["instance"]
	if !fact.HasForm("instance", name) {
		name = "(not a name)"
	}
	if more != nil {
		name += " (" + strings.Join(more, ", ") + ")"
	}
	return name
}
