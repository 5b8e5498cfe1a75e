package sink

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/packetscope/packetscope/internal/annotator/sink/double"
)

// unstable are the parts of an annotation that a test cannot know.
var unstable = cmpopts.IgnoreFields(double.Annotation{}, "Created", "Updated")

// places put the flood on panel 4 of a dashboard.
var places = []Place{
	{Match: map[string]*regexp.Regexp{"alertname": regexp.MustCompile("Syn|PacketScope")}, UID: "other"},
	{Match: map[string]*regexp.Regexp{"alertname": regexp.MustCompile("PacketScope.*"), "instance": regexp.MustCompile("web.*")}, UID: "ps-guarder", Panel: 4},
}

func TestEpisodeIsAPointThatIsRevisedAndBecomesARegion(t *testing.T) {
	d := &double.Grafana{Token: "t0ken"}
	d.AddDashboard(double.Dashboard{UID: "ps-guarder", Panels: []int64{4}})
	g := newGrafana(t, GrafanaOptions{URL: serve(t, d), TokenFile: secretFile(t, "t0ken"), Places: places})

	want := double.Annotation{
		ID: 1, DashboardID: 1, DashboardUID: "ps-guarder", PanelID: 4,
		Time: start.UnixMilli(), TimeEnd: start.UnixMilli(),
		Text: `Firing: critical PacketScopeSynFlood (4 alerts)
SYNs without a handshake arrive 40 times as often as an hour ago.
Verdict: volumetric attack, confidence medium, by the built-in explainer.
• 5,200 SYNs per second arrive at port 443.
Check next:
• Are SYN cookies sent? PromQL: rate(packetscope_tcp_syncookies_total[5m]) &gt; 0`,
		Tags: []string{"packetscope", "alert:PacketScopeSynFlood", "sev:critical", "verdict:volumetric_attack", "conf:medium", "by:builtin", "host:web7", "ep:ab12cd34ef56", "firing"},
		Data: map[string]any{},
	}
	var state State
	step := func(revision int) {
		t.Helper()
		var err error
		if state, err = g.Send(t.Context(), flood(revision), state); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]double.Annotation{want}, d.Annotations(), unstable); diff != "" {
			t.Errorf("revision %d (-want +got):\n%s", revision, diff)
		}
	}
	step(1)

	want.Text = strings.Replace(want.Text, "medium, by the built-in explainer", "high, by the model qwen3:14b", 1) +
		"\nProposed rule s-1: ratelimit for 1h, pending."
	want.Tags[4], want.Tags[5] = "conf:high", "by:model"
	step(2)

	want.Text = strings.NewReplacer("Firing:", "Resolved:", "14b.\n", "14b.\nFrom 2026-09-21 14:13:20 to 2026-09-21 14:18:20 UTC (5m).\n").Replace(want.Text)
	want.Tags[8] = "resolved"
	want.TimeEnd = start.Add(5 * time.Minute).UnixMilli()
	step(3)
	step(2) // late, and nothing happens
}

func TestRegionIsNeverShorterThanASecondAndNeverTurnsAround(t *testing.T) {
	for _, end := range []time.Duration{-time.Hour, 0, time.Millisecond, time.Second, time.Minute} {
		d := &double.Grafana{}
		g := newGrafana(t, GrafanaOptions{URL: serve(t, d)})
		m := flood(3)
		m.Alert.EndsAt = start.Add(end)
		first, err := g.Send(t.Context(), flood(1), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Send(t.Context(), m, first); err != nil {
			t.Fatal(err)
		}
		m.Episode = "000000000000"
		if _, err := g.Send(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
		want := []int64{start.UnixMilli(), start.Add(max(end, time.Second)).UnixMilli()}
		for _, a := range d.Annotations() {
			if got := []int64{a.Time, a.TimeEnd}; !slices.Equal(got, want) {
				t.Errorf("end %v: %v, want %v", end, got, want)
			}
		}
	}
}

func TestEpisodeThatFiresAgainIsAPointAgain(t *testing.T) {
	d := &double.Grafana{}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, d)})
	state, err := g.Send(t.Context(), flood(3), nil)
	if err != nil {
		t.Fatal(err)
	}
	again := flood(2)
	again.Revision = 4
	for _, s := range []State{state, nil} {
		if _, err := g.Send(t.Context(), again, s); err != nil {
			t.Fatal(err)
		}
		all := d.Annotations()
		if len(all) != 1 || all[0].TimeEnd != all[0].Time || all[0].ID != 1 {
			t.Errorf("got %+v", all)
		}
	}
}

func TestDuplicatesOfACrashAreRemovedAndStrangersStay(t *testing.T) {
	ours := double.Annotation{Time: start.UnixMilli(), TimeEnd: start.UnixMilli(), Text: "old", Tags: []string{"packetscope", "ep:ab12cd34ef56"}}
	strangers := []double.Annotation{
		{Time: 1, TimeEnd: 1, Text: "deploy", Tags: []string{"deploy"}},
		{Time: 1, TimeEnd: 1, Text: "other episode", Tags: []string{"packetscope", "ep:ab12cd34ef57"}},
		{Time: 1, TimeEnd: 1, Text: "a tag of the same name", Tags: []string{"ep:ab12cd34ef56"}},
	}
	for _, ignores := range []bool{false, true} {
		d := &double.Grafana{IgnoresQuery: ignores}
		for _, a := range strangers {
			d.Add(a)
		}
		for range 3 {
			d.Add(ours)
		}
		g := newGrafana(t, GrafanaOptions{URL: serve(t, d)})
		if _, err := g.Send(t.Context(), flood(1), nil); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range d.Annotations() {
			first, _, _ := strings.Cut(a.Text, "\n")
			got = append(got, first)
		}
		want := []string{"deploy", "other episode", "a tag of the same name", "Firing: critical PacketScopeSynFlood (4 alerts)"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ignores %t (-want +got):\n%s", ignores, diff)
		}
	}
}

func TestAnnotationThatWasDeletedIsCreatedAnew(t *testing.T) {
	d := &double.Grafana{}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, d)})
	state, err := g.Send(t.Context(), flood(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Remove(1)
	if _, err := g.Send(t.Context(), flood(2), state); err != nil {
		t.Fatal(err)
	}
	if all := d.Annotations(); len(all) != 1 || all[0].ID != 2 {
		t.Errorf("got %+v", all)
	}
}

func TestAnnotationThatVanishesAllTheTimeIsGone(t *testing.T) {
	d := &double.Grafana{}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			http.Error(w, `{"message":"Annotation not found"}`, http.StatusNotFound)
			return
		}
		d.ServeHTTP(w, r)
	}))})
	state, err := g.Send(t.Context(), flood(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	state, err = g.Send(t.Context(), flood(2), state)
	if ClassOf(err) != Gone || markOf(state) != (mark{Revision: 1}) {
		t.Errorf("state %s, error %v", state, err)
	}
}

func TestGrafanaThatIgnoresChangesGetsNewAnnotations(t *testing.T) {
	for name, d := range map[string]*double.Grafana{"text": {KeepsText: true}, "times": {KeepsTimes: true}} {
		line := &double.Line{Server: d}
		g := newGrafana(t, GrafanaOptions{URL: serve(t, line)})
		var state State
		for revision := 1; revision <= 3; revision++ {
			var err error
			if state, err = g.Send(t.Context(), flood(revision), state); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			expect(t, d, g, flood(revision))
		}
		// Another episode is not tried again, but after a check.
		other := flood(1)
		other.Episode = "000000000000"
		state, err := g.Send(t.Context(), other, nil)
		if err != nil {
			t.Fatal(err)
		}
		other.Revision = 2
		before := d.Annotations("ep:000000000000")[0].ID
		if _, err := g.Send(t.Context(), other, state); err != nil {
			t.Fatal(err)
		}
		if after := d.Annotations("ep:000000000000")[0].ID; after != before {
			t.Errorf("%s: annotation %d became %d though it says the same", name, before, after)
		}
		if err := g.Check(t.Context()); err != nil || g.replace {
			t.Errorf("%s: after a check: error %v, replace %t", name, err, g.replace)
		}
	}
}

func TestFirstChangesAreVerifiedAndLaterOnesAreNot(t *testing.T) {
	line := &double.Line{Server: &double.Grafana{}}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, line)})
	var counts []int
	for _, episode := range []string{"000000000001", "000000000002"} {
		var state State
		for revision := 1; revision <= 3; revision++ {
			m := flood(revision)
			m.Episode = episode
			before := line.Count()
			var err error
			if state, err = g.Send(t.Context(), m, state); err != nil {
				t.Fatal(err)
			}
			counts = append(counts, line.Count()-before)
		}
	}
	// Look-up and POST; PATCH and GET; look-up, PATCH and GET. Then without GET.
	if diff := cmp.Diff([]int{2, 2, 3, 2, 1, 2}, counts); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestAnnotationThatSaysItAlreadyIsLeftAlone(t *testing.T) {
	line := &double.Line{Server: &double.Grafana{}}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, line)})
	states := []State{nil}
	for range 3 { // the state was lost twice
		state, err := g.Send(t.Context(), flood(3), nil)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, state)
	}
	// Look-up and POST, and two times only a look-up.
	if line.Count() != 4 || string(states[1]) != string(states[2]) || string(states[1]) != string(states[3]) {
		t.Errorf("%d requests, states %s", line.Count(), states)
	}
}

func TestChangesThatChangeNothingProveNothing(t *testing.T) {
	d := &double.Grafana{KeepsText: true, KeepsTimes: true}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, d)})
	m := flood(1)
	state, err := g.Send(t.Context(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The second differs by a label only, the third by its text, the fourth by its end.
	for _, next := range []Message{m, flood(2), flood(3)} {
		next.Revision = markOf(state).Revision + 1
		if state, err = g.Send(t.Context(), next, state); err != nil {
			t.Fatal(err)
		}
		expect(t, d, g, next)
	}
}

func TestUnknownDashboardMakesAnAnnotationOfTheOrganisation(t *testing.T) {
	for _, old := range []bool{false, true} {
		d := &double.Grafana{TakesUnknown: old}
		g := newGrafana(t, GrafanaOptions{URL: serve(t, d), Places: places})
		if _, err := g.Send(t.Context(), flood(1), nil); err != nil {
			t.Fatal(err)
		}
		if all := d.Annotations("packetscope"); len(all) != 1 || all[0].DashboardUID != "" || all[0].PanelID != 0 {
			t.Errorf("old %t: %+v", old, all)
		}
	}
}

// expect fails unless the episode has exactly the annotation of the message.
func expect(t testing.TB, d *double.Grafana, g *Grafana, m Message) {
	t.Helper()
	n := g.noteOf(m)
	var got []annotation
	for _, a := range d.Annotations("packetscope", "ep:"+m.Episode) {
		got = append(got, annotation{a.ID, a.Time, a.TimeEnd, a.Text, a.Tags})
	}
	if len(got) != 1 {
		t.Fatalf("there are %d annotations: %+v", len(got), got)
	}
	want := annotation{got[0].ID, n.time, n.endAfter(n.time), n.text, n.tags}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Fatalf("annotation (-want +got):\n%s", diff)
	}
}
