package double

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A recording is what a real Grafana answered.
type recording struct {
	Grafana   string
	Exchanges []struct {
		Note    string
		Request struct {
			Method, Path string
			Body         json.RawMessage
		}
		Status   int
		Response any
	}
}

func TestGrafanaAnswersAsRecorded(t *testing.T) {
	data, err := os.ReadFile("testdata/grafana-annotations.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Exchanges) == 0 {
		t.Fatal("nothing was recorded")
	}
	g := &Grafana{}
	for _, e := range r.Exchanges {
		t.Run(e.Note, func(t *testing.T) {
			body := []byte(e.Request.Body)
			var text string // broken JSON was recorded as a string
			if json.Unmarshal(body, &text) == nil {
				body = []byte(text)
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest(e.Request.Method, e.Request.Path, bytes.NewReader(body)))
			if w.Code != e.Status {
				t.Errorf("status %d, recorded %d", w.Code, e.Status)
			}
			var got any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v in %s", err, w.Body)
			}
			// The numbers of dashboards count others, too.
			dashboard := e.Request.Path == "/api/dashboards/db"
			if diff := cmp.Diff(timeless(t, e.Response, dashboard), timeless(t, got, dashboard)); diff != "" {
				t.Errorf("answer (-recorded +got):\n%s", diff)
			}
		})
	}
}

// timeless replaces what differs between any two Grafanas, if it is a number above
// 0.
func timeless(t *testing.T, v any, dashboard bool) any {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = timeless(t, v[i], dashboard)
		}
	case map[string]any:
		for _, key := range []string{"created", "updated", "dashboardId", "id"} {
			n, ok := v[key]
			if !ok || key == "id" && !dashboard {
				continue
			}
			if n, ok := n.(float64); !ok || n <= 0 {
				t.Errorf("%s is %v", key, v[key])
			}
			v[key] = "a number"
		}
	}
	return v
}

func TestGrafanaRefusesWithoutTokenAndPermission(t *testing.T) {
	ask := func(g *Grafana, token string) int {
		r := httptest.NewRequest("GET", "/api/annotations", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w.Code
	}
	g := &Grafana{Token: "secret"}
	denying := &Grafana{Token: "secret", Granted: map[string][]string{"annotations:write": {"annotations:*"}}}
	got := []int{ask(g, ""), ask(g, "wrong"), ask(g, "secret"), ask(denying, "secret")}
	if diff := cmp.Diff([]int{401, 401, 200, 403}, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}

func TestJudgesRefuseWhatIsTooLong(t *testing.T) {
	long := string(bytes.Repeat([]byte("a"), 5000))
	for name, c := range map[string]struct {
		judge func(string, []byte) Answer
		good  string
		bad   string
	}{
		"slack":        {Slack, `{"text":"t","blocks":[{"type":"header","text":{"type":"plain_text","text":"t"}}]}`, `{"text":"t","blocks":[{"type":"header","text":{"type":"plain_text","text":"` + long + `"}}]}`},
		"slack button": {Slack, `{"blocks":[{"type":"actions","elements":[{"type":"button","url":"https://e.org"}]}]}`, `{"blocks":[{"type":"actions","elements":[{"type":"button","url":""}]}]}`},
		"discord":      {Discord, `{"embeds":[{"title":"t","description":"d"}]}`, `{"embeds":[{"title":"t","description":"` + long + `"}]}`},
		"msteams": {Teams, `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","body":[{}]}}]}`,
			`{"type":"message","attachments":[]}`},
		"msteams size": {Teams, `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","body":[{"x":"` + long + `"}]}}]}`,
			`{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","body":[{"x":"` + long + long + long + `"}]}}]}`},
		"ntfy": {Ntfy, `{"topic":"t","message":"m","priority":3}`, `{"topic":"t","priority":3,"message":"` + long + `"}`},
	} {
		if a := c.judge("/", []byte(c.good)); a.Code >= 300 {
			t.Errorf("%s refuses a good message: %v", name, a)
		}
		if a := c.judge("/", []byte(c.bad)); a.Code < 300 {
			t.Errorf("%s takes a bad message", name)
		}
	}
}
