package sink

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// An annotation is what Grafana returns of one.
type annotation struct {
	ID      int64    `json:"id"`
	Time    int64    `json:"time"`
	TimeEnd int64    `json:"timeEnd"`
	Text    string   `json:"text"`
	Tags    []string `json:"tags"`
}

// end returns where it ends. Some versions do not say that a point ends where it
// starts.
func (a annotation) end() int64 { return max(a.TimeEnd, a.Time) }

// A posting creates an annotation, and with fewer fields changes it: given tags
// replace all.
type posting struct {
	DashboardUID string   `json:"dashboardUID,omitempty"`
	PanelID      int64    `json:"panelId,omitempty"`
	Time         int64    `json:"time,omitempty"`
	TimeEnd      int64    `json:"timeEnd,omitempty"`
	Text         string   `json:"text"`
	Tags         []string `json:"tags"`
}

// ask sends a request to a path of the API and decodes the answer into out, if that
// is not nil.
func (g *Grafana) ask(ctx context.Context, method string, query url.Values, in, out any, path ...string) error {
	r := call{method: method, url: g.base.JoinPath(append([]string{"api"}, path...)...), header: make(http.Header)}
	r.url.RawQuery = query.Encode()
	if path[0] == "dashboards" {
		r.most = mostDashboard
	}
	if g.options.TokenFile != "" {
		token, err := readSecret("token of Grafana", g.options.TokenFile)
		if err != nil {
			return &Error{Sink: g.Name(), Class: Pause, Err: err}
		}
		r.header.Set("Authorization", "Bearer "+token)
		r.secrets = []string{token}
	}
	if in != nil {
		body, err := encode(in)
		if err != nil {
			return &Error{Sink: g.Name(), Class: Dead, Err: err}
		}
		r.body = body
	}
	a, err := g.client.do(ctx, r)
	if err != nil {
		return err
	}
	if !a.ok() {
		return g.client.refusal(r, a)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		// The page of a proxy, say.
		return &Error{Sink: g.Name(), Class: Retry, Code: a.code, Err: fmt.Errorf("%s: the answer is not Grafana's: %w", method, err)}
	}
	return nil
}

// find returns the annotations of an episode, the first created first.
func (g *Grafana) find(ctx context.Context, episode string) ([]annotation, error) {
	want := []string{ourTag, episodeTag(episode)}
	var all []annotation
	err := g.ask(ctx, http.MethodGet, url.Values{"tags": want, "type": {"annotation"}}, nil, &all, "annotations")
	if err != nil {
		return nil, elsewhere(err)
	}
	// Whoever else writes annotations shall not lose them to a server that ignores
	// the query.
	all = slices.DeleteFunc(all, func(a annotation) bool {
		return a.ID <= 0 || slices.ContainsFunc(want, func(tag string) bool { return !slices.Contains(a.Tags, tag) })
	})
	slices.SortFunc(all, func(a, b annotation) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

func (g *Grafana) get(ctx context.Context, id int64) (annotation, error) {
	var a annotation
	err := g.ask(ctx, http.MethodGet, nil, nil, &a, "annotations", strconv.FormatInt(id, 10))
	return a, vanished(err)
}

// post creates an annotation. Grafana answers 500 for a dashboard that it does not
// know, as it does for its own troubles; then the annotation becomes one of the
// organisation, as older versions make of it, rather than nothing.
func (g *Grafana) post(ctx context.Context, n note) (int64, error) {
	p := posting{DashboardUID: n.dashboard, PanelID: n.panel, Time: n.time, Text: n.text, Tags: n.tags}
	if n.resolved {
		p.TimeEnd = n.endAfter(n.time)
	}
	id, err := g.postOnce(ctx, p)
	if err == nil || n.dashboard == "" || ClassOf(err) == Pause && codeOf(err) != http.StatusForbidden || codeOf(err) < 400 {
		return id, elsewhere(err)
	}
	if _, unknown := g.dashboard(ctx, n.dashboard); codeOf(unknown) != http.StatusNotFound {
		return 0, elsewhere(g.onlyHere(ctx, err))
	}
	g.options.Logger.Warn("dashboard to annotate does not exist, so the annotation is the organisation's", "sink", g.Name(), "uid", n.dashboard)
	p.DashboardUID, p.PanelID = "", 0
	id, err = g.postOnce(ctx, p)
	return id, elsewhere(err)
}

// onlyHere judges a refusal of an annotation on a dashboard. While the token may annotate
// others, it is no reason to hold back what goes there.
func (g *Grafana) onlyHere(ctx context.Context, err error) error {
	if codeOf(err) != http.StatusForbidden {
		return err
	}
	if granted, fault := g.permissions(ctx); fault != nil || len(granted["annotations:create"]) == 0 {
		return err
	}
	return reclass(err, http.StatusForbidden, Retry)
}

func (g *Grafana) postOnce(ctx context.Context, p posting) (int64, error) {
	var made struct {
		ID int64 `json:"id"`
	}
	if err := g.ask(ctx, http.MethodPost, nil, p, &made, "annotations"); err != nil {
		return 0, err
	}
	if made.ID <= 0 {
		return 0, &Error{Sink: g.Name(), Class: Retry, Code: http.StatusOK, Err: fmt.Errorf("POST: the answer names no annotation")}
	}
	return made.ID, nil
}

// patch changes an annotation; its class is Gone if there is none.
func (g *Grafana) patch(ctx context.Context, known mark, n note) error {
	p := posting{Text: n.text, Tags: n.tags}
	if known.End != n.endAfter(known.Time) {
		p.TimeEnd = n.endAfter(known.Time)
	}
	return vanished(g.ask(ctx, http.MethodPatch, nil, p, nil, "annotations", strconv.FormatInt(known.ID, 10)))
}

// delete does not mind if the annotation is gone already. Who may not delete may annotate
// all the same.
func (g *Grafana) delete(ctx context.Context, id int64) error {
	err := vanished(g.ask(ctx, http.MethodDelete, nil, nil, nil, "annotations", strconv.FormatInt(id, 10)))
	if ClassOf(err) == Gone {
		return nil
	}
	return reclass(err, http.StatusForbidden, Retry)
}

// vanished gives a 404 for one annotation its class.
func vanished(err error) error { return reclass(err, http.StatusNotFound, Gone) }

// elsewhere gives a 404 for all annotations its class: that is no Grafana.
func elsewhere(err error) error { return reclass(err, http.StatusNotFound, Pause) }

func reclass(err error, code int, class Class) error {
	if codeOf(err) != code {
		return err
	}
	e := *err.(*Error)
	e.Class = class
	return &e
}

// codeOf returns the HTTP status of an error of this package, or 0.
func codeOf(err error) int {
	if e, ok := err.(*Error); ok && e != nil {
		return e.Code
	}
	return 0
}
