package double

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Grafana keeps annotations and dashboards. Its fields are set before the first
// request.
type Grafana struct {
	// Token, if not "", is what requests have to bring.
	Token string
	// Granted, if not nil, maps the actions that the token may take to their scopes.
	Granted map[string][]string
	// Hushed makes it not tell what is granted.
	Hushed bool
	// TakesUnknown makes it keep annotations of unknown dashboards for the
	// organisation, as older versions do.
	TakesUnknown bool
	// KeepsTimes and KeepsText make it ignore a part of changes, whatever it answers,
	// as proxies to newer interfaces did.
	KeepsTimes, KeepsText bool
	// IgnoresQuery makes it find all annotations, whatever tags are asked for.
	IgnoresQuery bool
	// TagLimit is the length of all tags that it takes; 0 means 500.
	TagLimit int

	mu          sync.Mutex
	annotations []Annotation
	dashboards  []Dashboard
	last        int64 // the id that was given last
}

// An Annotation is one as Grafana shows it.
type Annotation struct {
	ID           int64          `json:"id"`
	DashboardID  int64          `json:"dashboardId"`
	DashboardUID string         `json:"dashboardUID"`
	PanelID      int64          `json:"panelId"`
	Created      int64          `json:"created"`
	Updated      int64          `json:"updated"`
	Time         int64          `json:"time"`
	TimeEnd      int64          `json:"timeEnd"`
	Text         string         `json:"text"`
	Tags         []string       `json:"tags"`
	Data         map[string]any `json:"data"`
}

// A Dashboard is one with the ids of its panels.
type Dashboard struct {
	UID, Title, Folder string
	Panels             []int64
}

// AddDashboard makes a dashboard known.
func (g *Grafana) AddDashboard(d Dashboard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dashboards = append(g.dashboards, d)
}

// Add keeps an annotation of somebody else and returns its id.
func (g *Grafana) Add(a Annotation) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.add(a)
}

func (g *Grafana) add(a Annotation) int64 {
	g.last++
	a.ID, a.Data = g.last, map[string]any{}
	a.Created = time.Now().UnixMilli()
	a.Updated = a.Created
	g.annotations = append(g.annotations, a)
	return a.ID
}

// Remove deletes an annotation behind everybody's back.
func (g *Grafana) Remove(id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.annotations = slices.DeleteFunc(g.annotations, func(a Annotation) bool { return a.ID == id })
}

// Annotations returns those that have all of the tags, in the order of their ids.
func (g *Grafana) Annotations(tags ...string) []Annotation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tagged(tags)
}

func (g *Grafana) tagged(tags []string) []Annotation {
	var found []Annotation
	for _, a := range g.annotations {
		if !slices.ContainsFunc(tags, func(t string) bool { return !slices.Contains(a.Tags, t) }) {
			a.Tags = slices.Clone(a.Tags)
			found = append(found, a)
		}
	}
	return found
}

// ServeHTTP answers as Grafana does.
func (g *Grafana) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.Token != "" && r.Header.Get("Authorization") != "Bearer "+g.Token {
		say(w, http.StatusUnauthorized, "Invalid API key")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.routes().ServeHTTP(w, r)
}

func (g *Grafana) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, route := range map[string]struct {
		action string
		handle http.HandlerFunc
	}{
		"POST /api/annotations":                    {"annotations:create", g.create},
		"GET /api/annotations":                     {"annotations:read", g.find},
		"GET /api/annotations/tags":                {"annotations:read", g.countTags},
		"GET /api/annotations/{id}":                {"annotations:read", g.get},
		"PATCH /api/annotations/{id}":              {"annotations:write", g.patch},
		"DELETE /api/annotations/{id}":             {"annotations:delete", g.delete},
		"POST /api/dashboards/db":                  {"", g.saveDashboard},
		"GET /api/dashboards/uid/{uid}":            {"", g.getDashboard},
		"GET /api/access-control/user/permissions": {"", g.permissions},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if _, ok := g.Granted[route.action]; !ok && g.Granted != nil && route.action != "" {
				say(w, http.StatusForbidden, "permissions needed: "+route.action)
				return
			}
			route.handle(w, r)
		})
	}
	return mux
}

func (g *Grafana) permissions(w http.ResponseWriter, r *http.Request) {
	if g.Hushed {
		http.NotFound(w, r)
		return
	}
	granted := g.Granted
	if granted == nil {
		granted = make(map[string][]string)
		for _, verb := range []string{"read", "create", "write", "delete"} {
			granted["annotations:"+verb] = []string{"annotations:*"}
		}
	}
	reply(w, http.StatusOK, granted)
}

func say(w http.ResponseWriter, code int, message string) {
	reply(w, code, map[string]any{"message": message})
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	if _, err := w.Write([]byte(b.String())); err != nil {
		panic(http.ErrAbortHandler)
	}
}
