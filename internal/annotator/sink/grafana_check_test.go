package sink

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/annotator/sink/double"
)

func TestCheckTellsWhatIsMissingInGrafana(t *testing.T) {
	all := func(scopes ...string) map[string][]string {
		granted := make(map[string][]string)
		for _, action := range needed {
			granted[action] = scopes
		}
		return granted
	}
	withoutDelete := all("annotations:*")
	delete(withoutDelete, "annotations:delete")
	onDashboards := []Place{{UID: "ps-guarder", Panel: 4, Match: map[string]*regexp.Regexp{"alertname": regexp.MustCompile("x")}}}
	for name, c := range map[string]struct {
		double *double.Grafana
		places []Place
		want   []string // nil if all is well
	}{
		"all is well":                   {&double.Grafana{}, onDashboards, nil},
		"a Grafana that does not tell":  {&double.Grafana{Hushed: true}, onDashboards, nil},
		"may do all":                    {&double.Grafana{Granted: all("*")}, onDashboards, nil},
		"may do it on all dashboards":   {&double.Grafana{Granted: all("dashboards:*")}, onDashboards, nil},
		"may do it on the dashboard":    {&double.Grafana{Granted: all("dashboards:uid:ps-guarder")}, onDashboards, nil},
		"may do it in the folder":       {&double.Grafana{Granted: all("folders:uid:network")}, onDashboards, nil},
		"may do it on another":          {&double.Grafana{Granted: all("dashboards:uid:other")}, onDashboards, []string{"annotations:read", "annotations:create", "annotations:write", "annotations:delete"}},
		"may not delete":                {&double.Grafana{Granted: withoutDelete}, onDashboards, []string{"annotations:delete on folders:uid:network; give the service account the role Editor"}},
		"may not read":                  {&double.Grafana{Granted: map[string][]string{}}, onDashboards, []string{"status 403", "role Editor"}},
		"organisation, all is well":     {&double.Grafana{Granted: all("annotations:type:organization")}, nil, nil},
		"organisation, only dashboards": {&double.Grafana{Granted: all("dashboards:*")}, nil, []string{"annotations:create on annotations:type:organization"}},
		"unknown dashboard":             {&double.Grafana{}, []Place{{UID: "gone"}}, []string{`dashboard "gone" does not exist`, "import it"}},
		"unknown panel":                 {&double.Grafana{}, []Place{{UID: "ps-guarder", Panel: 5}}, []string{`no panel 5; it has [4]`}},
		"unknown dashboard and panel":   {&double.Grafana{}, []Place{{UID: "gone"}, {UID: "ps-guarder", Panel: 5}}, []string{`"gone"`, "panel 5"}},
		"wrong token":                   {&double.Grafana{Token: "other"}, nil, []string{"status 401", "make a new token"}},
	} {
		d := c.double
		d.AddDashboard(double.Dashboard{UID: "ps-guarder", Folder: "network", Panels: []int64{4}})
		g := newGrafana(t, GrafanaOptions{URL: serve(t, d), TokenFile: secretFile(t, "t0ken"), Places: c.places})
		err := g.Check(t.Context())
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %v", name, want, err)
			}
		}
		if n := len(d.Annotations()); n != 0 {
			t.Errorf("%s: %d annotations were written", name, n)
		}
	}
}

func TestClassOfACheckTellsWhetherAnythingIsTaken(t *testing.T) {
	refuses := func(path string, code int) func(http.Handler) http.Handler {
		return func(by http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, path) {
					w.WriteHeader(code)
					return
				}
				by.ServeHTTP(w, r)
			})
		}
	}
	well := refuses("/none", 0)
	withoutDelete := map[string][]string{"annotations:read": {"*"}, "annotations:create": {"*"}, "annotations:write": {"*"}}
	for name, c := range map[string]struct {
		places  []Place
		granted map[string][]string
		through func(http.Handler) http.Handler
		want    Class
	}{
		"all is well":       {[]Place{{UID: "ps-guarder", Panel: 4}}, nil, well, ""},
		"unknown dashboard": {[]Place{{UID: "gone"}}, nil, well, Dead},
		"unknown panel":     {[]Place{{UID: "ps-guarder", Panel: 5}}, nil, well, Dead},
		"may not delete":    {nil, withoutDelete, well, Dead},
		"may not see it":    {[]Place{{UID: "ps-guarder"}}, nil, refuses("/api/dashboards", 403), Dead},
		"refuses all":       {[]Place{{UID: "gone"}}, nil, refuses("/api", 401), Pause},
		"is ill":            {[]Place{{UID: "gone"}}, nil, refuses("/api/access-control", 500), Retry},
	} {
		d := &double.Grafana{Granted: c.granted}
		d.AddDashboard(double.Dashboard{UID: "ps-guarder", Panels: []int64{4}})
		g := newGrafana(t, GrafanaOptions{URL: serve(t, c.through(d)), Places: c.places})
		if err := g.Check(t.Context()); ClassOf(err) != c.want {
			t.Errorf("%s: class %q, want %q: %v", name, ClassOf(err), c.want, err)
		}
	}
}

func TestDashboardThatMayNotBeAnnotatedPausesNoOthers(t *testing.T) {
	for name, c := range map[string]struct {
		granted map[string][]string
		want    Class
	}{
		"may on others":   {map[string][]string{"annotations:read": {"*"}, "annotations:create": {"dashboards:uid:other"}}, Retry},
		"may on none":     {map[string][]string{"annotations:read": {"*"}}, Pause},
		"it does not say": {nil, Pause},
	} {
		d := &double.Grafana{Granted: c.granted, Hushed: c.granted == nil}
		d.AddDashboard(double.Dashboard{UID: "ps-guarder", Panels: []int64{4}})
		server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			d.ServeHTTP(w, r)
		})
		g := newGrafana(t, GrafanaOptions{URL: serve(t, server), Places: places})
		if _, err := g.Send(t.Context(), flood(1), nil); ClassOf(err) != c.want {
			t.Errorf("%s: class %q, want %q: %v", name, ClassOf(err), c.want, err)
		}
	}
}

func TestDuplicateThatMayNotBeDeletedPausesNoOthers(t *testing.T) {
	d := &double.Grafana{Granted: map[string][]string{"annotations:read": {"*"}, "annotations:create": {"*"}, "annotations:write": {"*"}}}
	for range 2 {
		d.Add(double.Annotation{Time: start.UnixMilli(), TimeEnd: start.UnixMilli(), Text: "old", Tags: []string{"packetscope", "ep:ab12cd34ef56"}})
	}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, d)})
	if _, err := g.Send(t.Context(), flood(1), nil); ClassOf(err) != Retry {
		t.Errorf("class %q: %v", ClassOf(err), err)
	}
}

func TestAddressThatIsNoGrafanaPausesTheSink(t *testing.T) {
	g := newGrafana(t, GrafanaOptions{URL: serve(t, http.NotFoundHandler())})
	_, err := g.Send(t.Context(), flood(1), nil)
	checked := g.Check(t.Context())
	if ClassOf(err) != Pause || checked == nil || !strings.Contains(checked.Error(), "sub-path") {
		t.Errorf("send %v, check %v", err, checked)
	}
}

func TestSubPathOfGrafanaIsKept(t *testing.T) {
	d := &double.Grafana{}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, http.StripPrefix("/grafana", d)) + "/grafana/"})
	if _, err := g.Send(t.Context(), flood(1), nil); err != nil {
		t.Fatal(err)
	}
	expect(t, d, g, flood(1))
}
