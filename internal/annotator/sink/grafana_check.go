package sink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// mostDashboard is the largest dashboard in bytes that is read; ours have below
// 300 kB.
const mostDashboard = 16 << 20

// Check tells whether Grafana answers, whether the token may do what is needed, and
// whether the dashboards and panels exist. Only the first keeps all messages from
// being delivered; the class of the others is Dead. It writes nothing. It also makes
// the next changes be verified again, so it is to be called at start and every hour.
func (g *Grafana) Check(ctx context.Context) error {
	g.forget()
	var any []annotation
	if err := g.ask(ctx, http.MethodGet, url.Values{"tags": {ourTag}, "limit": {"1"}}, nil, &any, "annotations"); err != nil {
		return fmt.Errorf("%w; %s", elsewhere(err), cureOf(err))
	}
	var silent, faults []error
	granted, err := g.permissions(ctx)
	if err != nil {
		silent = append(silent, err)
	}
	organisation := len(g.options.Places) == 0
	for _, p := range g.options.Places {
		organisation = organisation || len(p.Match) == 0 && p.UID == ""
		if p.UID == "" {
			continue
		}
		d, err := g.dashboard(ctx, p.UID)
		switch codeOf(err) {
		case http.StatusNotFound, http.StatusForbidden:
			faults = append(faults, g.flaw("dashboard %q does not exist, or the token may not see it; import it, or correct its uid", p.UID))
			continue
		}
		if err != nil {
			silent = append(silent, err)
			continue
		}
		if p.Panel != 0 && !slices.Contains(d.panels(), p.Panel) {
			faults = append(faults, g.flaw("dashboard %q has no panel %d; it has %v", p.UID, p.Panel, d.panels()))
		}
		faults = append(faults, g.denied(granted, scopesOf(p.UID, d.Meta.FolderUID))...)
	}
	if organisation {
		faults = append(faults, g.denied(granted, []string{"annotations:type:organization"})...)
	}
	return errors.Join(append(silent, faults...)...) // the class is that of the first
}

// flaw is a fault with which some messages are delivered all the same.
func (g *Grafana) flaw(format string, args ...any) error {
	return &Error{Sink: g.Name(), Class: Dead, Err: fmt.Errorf(format, args...)}
}

func cureOf(err error) string {
	switch codeOf(err) {
	case http.StatusUnauthorized:
		return "make a new token for the service account"
	case http.StatusForbidden:
		return "give the service account the role Editor"
	case http.StatusNotFound:
		return "is the address that of Grafana, with its sub-path?"
	}
	return "is Grafana running, and is the address right?"
}

// A dashboard is the part of one that is needed here.
type dashboard struct {
	Dashboard struct {
		Panels []panel `json:"panels"`
	} `json:"dashboard"`
	Meta struct {
		FolderUID string `json:"folderUid"`
	} `json:"meta"`
}

// A panel may be a row, which holds others while it is folded.
type panel struct {
	ID     int64   `json:"id"`
	Panels []panel `json:"panels"`
}

func (d dashboard) panels() []int64 {
	var ids []int64
	for _, p := range d.Dashboard.Panels {
		ids = append(ids, p.ID)
		for _, folded := range p.Panels {
			ids = append(ids, folded.ID)
		}
	}
	return ids
}

func (g *Grafana) dashboard(ctx context.Context, uid string) (dashboard, error) {
	var d dashboard
	err := g.ask(ctx, http.MethodGet, nil, nil, &d, "dashboards", "uid", url.PathEscape(uid))
	return d, err
}

// needed are the actions that the sink takes: the last deletes duplicates.
var needed = []string{"annotations:read", "annotations:create", "annotations:write", "annotations:delete"}

// permissions returns the scopes of each action that the token may take, or nil if
// this Grafana does not tell.
func (g *Grafana) permissions(ctx context.Context) (map[string][]string, error) {
	var granted map[string][]string
	err := g.ask(ctx, http.MethodGet, nil, nil, &granted, "access-control", "user", "permissions")
	switch codeOf(err) {
	case http.StatusNotFound, http.StatusForbidden:
		return nil, nil
	}
	return granted, err
}

// scopesOf returns the scopes that include a dashboard, as Grafana's reference of
// the annotations API names them.
func scopesOf(uid, folder string) []string {
	if folder == "" {
		folder = "general"
	}
	return []string{"annotations:type:dashboard", "dashboards:*", "dashboards:uid:*", "dashboards:uid:" + uid,
		"folders:*", "folders:uid:*", "folders:uid:" + folder}
}

// denied returns a fault for each action that none of the scopes grants.
func (g *Grafana) denied(granted map[string][]string, scopes []string) []error {
	if granted == nil {
		return nil
	}
	scopes = append([]string{"*", "annotations:*", "annotations:type:*"}, scopes...)
	var faults []error
	for _, action := range needed {
		if !slices.ContainsFunc(granted[action], func(s string) bool { return slices.Contains(scopes, s) }) {
			faults = append(faults, g.flaw("the token may not do %s on %s; give the service account the role Editor", action, scopes[len(scopes)-1]))
		}
	}
	return faults
}
