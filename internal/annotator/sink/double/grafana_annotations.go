package double

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A command creates or changes an annotation.
type command struct {
	DashboardUID string   `json:"dashboardUID"`
	PanelID      int64    `json:"panelId"`
	Time         int64    `json:"time"`
	TimeEnd      int64    `json:"timeEnd"`
	Text         string   `json:"text"`
	Tags         []string `json:"tags"`
}

func (g *Grafana) create(w http.ResponseWriter, r *http.Request) {
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		say(w, http.StatusBadRequest, "bad request data")
		return
	}
	if c.Text == "" {
		say(w, http.StatusBadRequest, "Failed to save annotation")
		return
	}
	a := Annotation{DashboardUID: c.DashboardUID, PanelID: c.PanelID, Time: c.Time, TimeEnd: c.TimeEnd, Text: c.Text, Tags: c.Tags}
	a.DashboardID = g.dashboardID(c.DashboardUID)
	if c.DashboardUID != "" && a.DashboardID == 0 {
		if !g.TakesUnknown {
			say(w, http.StatusInternalServerError, "Error while checking annotation permissions")
			return
		}
		a.DashboardUID, a.PanelID = "", 0
	}
	if a.Time == 0 {
		a.Time = time.Now().UnixMilli()
	}
	if !g.takes(w, &a) {
		return
	}
	reply(w, http.StatusOK, map[string]any{"id": g.add(a), "message": "Annotation added"})
}

// takes puts the times of an annotation in order, and refuses too many tags.
func (g *Grafana) takes(w http.ResponseWriter, a *Annotation) bool {
	if a.TimeEnd == 0 {
		a.TimeEnd = a.Time
	}
	if a.TimeEnd < a.Time {
		a.Time, a.TimeEnd = a.TimeEnd, a.Time
	}
	limit := cmp.Or(g.TagLimit, 500)
	if len(`["`+strings.Join(a.Tags, `","`)+`"]`) <= limit {
		return true
	}
	reply(w, http.StatusBadRequest, map[string]any{
		"statusCode": 400, "messageId": "annotations.tag-limit-exceeded", "message": "Tags length exceeds the maximum allowed."})
	return false
}

func (g *Grafana) find(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	tags := query["tags"]
	if g.IgnoresQuery {
		tags = nil
	}
	found := append([]Annotation{}, g.tagged(tags)...)
	slices.SortStableFunc(found, func(a, b Annotation) int {
		return cmp.Or(cmp.Compare(b.TimeEnd, a.TimeEnd), cmp.Compare(b.Time, a.Time))
	})
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit == 0 {
		limit = 100
	}
	reply(w, http.StatusOK, found[:min(len(found), limit)])
}

// at returns the annotation of the path, or nil after the answer that there is
// none.
func (g *Grafana) at(w http.ResponseWriter, r *http.Request) *Annotation {
	for i := range g.annotations {
		if strconv.FormatInt(g.annotations[i].ID, 10) == r.PathValue("id") {
			return &g.annotations[i]
		}
	}
	say(w, http.StatusNotFound, "Annotation not found")
	return nil
}

func (g *Grafana) get(w http.ResponseWriter, r *http.Request) {
	if a := g.at(w, r); a != nil {
		reply(w, http.StatusOK, *a)
	}
}

func (g *Grafana) patch(w http.ResponseWriter, r *http.Request) {
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		say(w, http.StatusBadRequest, "bad request data")
		return
	}
	a := g.at(w, r)
	if a == nil {
		return
	}
	changed := *a
	if c.Text != "" && !g.KeepsText {
		changed.Text = c.Text
	}
	if c.Tags != nil {
		changed.Tags = c.Tags
	}
	if !g.KeepsTimes {
		changed.Time = cmp.Or(c.Time, changed.Time)
		changed.TimeEnd = cmp.Or(c.TimeEnd, changed.TimeEnd)
	}
	changed.Updated = time.Now().UnixMilli()
	if !g.takes(w, &changed) {
		return
	}
	*a = changed
	say(w, http.StatusOK, "Annotation patched")
}

func (g *Grafana) delete(w http.ResponseWriter, r *http.Request) {
	a := g.at(w, r)
	if a == nil {
		return
	}
	id := a.ID
	g.annotations = slices.DeleteFunc(g.annotations, func(a Annotation) bool { return a.ID == id })
	say(w, http.StatusOK, "Annotation deleted")
}

func (g *Grafana) countTags(w http.ResponseWriter, r *http.Request) {
	type count struct {
		Tag   string `json:"tag"`
		Count int    `json:"count"`
	}
	counts := []count{}
	for _, a := range g.annotations {
		for _, tag := range a.Tags {
			i := slices.IndexFunc(counts, func(c count) bool { return c.Tag == tag })
			switch {
			case !strings.Contains(tag, r.URL.Query().Get("tag")):
			case i < 0:
				counts = append(counts, count{tag, 1})
			default:
				counts[i].Count++
			}
		}
	}
	slices.SortFunc(counts, func(a, b count) int { return cmp.Compare(a.Tag, b.Tag) })
	reply(w, http.StatusOK, map[string]any{"result": map[string]any{"tags": counts}})
}
