package double

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// dashboardID returns the number of a dashboard, or 0 if there is none.
func (g *Grafana) dashboardID(uid string) int64 {
	return 1 + int64(slices.IndexFunc(g.dashboards, func(d Dashboard) bool { return d.UID == uid }))
}

func (g *Grafana) saveDashboard(w http.ResponseWriter, r *http.Request) {
	var c struct {
		Dashboard struct {
			UID    string `json:"uid"`
			Title  string `json:"title"`
			Panels []struct {
				ID int64 `json:"id"`
			} `json:"panels"`
		} `json:"dashboard"`
		FolderUID string `json:"folderUid"`
	}
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		say(w, http.StatusBadRequest, "bad request data")
		return
	}
	d := Dashboard{UID: c.Dashboard.UID, Title: c.Dashboard.Title, Folder: c.FolderUID}
	for _, p := range c.Dashboard.Panels {
		d.Panels = append(d.Panels, p.ID)
	}
	g.dashboards = append(g.dashboards, d)
	slug := strings.ReplaceAll(strings.ToLower(d.Title), " ", "-")
	reply(w, http.StatusOK, map[string]any{
		"folderUid": d.Folder, "id": g.dashboardID(d.UID), "slug": slug, "status": "success",
		"uid": d.UID, "url": "/d/" + d.UID + "/" + slug, "version": 1})
}

func (g *Grafana) getDashboard(w http.ResponseWriter, r *http.Request) {
	id := g.dashboardID(r.PathValue("uid"))
	if id == 0 {
		say(w, http.StatusNotFound, "Dashboard not found")
		return
	}
	d := g.dashboards[id-1]
	panels := []any{}
	for _, p := range d.Panels {
		panels = append(panels, map[string]any{"id": p})
	}
	reply(w, http.StatusOK, map[string]any{
		"dashboard": map[string]any{"uid": d.UID, "title": d.Title, "panels": panels},
		"meta":      map[string]any{"folderUid": d.Folder},
	})
}
