//go:build e2e && linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	model "github.com/packetscope/packetscope/internal/annotator/model/double"
	grafana "github.com/packetscope/packetscope/internal/annotator/sink/double"
	"github.com/packetscope/packetscope/internal/servers"
)

// forged is the alert of the attack that is explained.
const forged = "PacketScopeGuardForgedICMP"

// source is where the attack comes from, as far as its packets tell.
const source = "203.0.113.66"

// untilResolved bounds the end of an alert: at the pace it goes on for 30 s after the attack.
const untilResolved = 2 * soon

// An explained is an annotator behind an Alertmanager of its own, and the Grafana that it
// annotates.
type explained struct {
	name, address string
	alertmanager  *servers.Alertmanager
	grafana       *grafana.Grafana
	// model is nil if there is none to ask.
	model *model.Server
	// speak, when closed, lets the model answer.
	speak chan struct{}
	// hook gets what is explained, in the format packetscope.
	hook *hook
}

// A hook keeps the messages that it is sent.
type hook struct {
	mu       sync.Mutex
	messages []explanation
}

// An explanation is what tests look at of a message.
type explanation struct {
	Explanation struct{ By string }
	Suggestion  *struct {
		YAML, Action string
		MatchedShare *float64 `json:"matched_share"`
	}
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m explanation
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = append(h.messages, m)
}

// heard returns nil if there is any message.
func (h *hook) heard() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.messages) == 0 {
		return errors.New("no message came")
	}
	return nil
}

// mustHaveProposed looks for a rule about the source that only counts, and of which it is
// known that it hits no established traffic.
func (h *hook) mustHaveProposed(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.messages {
		if s := m.Suggestion; s != nil {
			if s.Action != "monitor" || !strings.Contains(s.YAML, `src: ["`+source+`/32"]`) || s.MatchedShare == nil || *s.MatchedShare != 0 {
				t.Errorf("proposed is %+v", s)
			}
			return
		}
	}
	t.Errorf("nothing was proposed in %d messages", len(h.messages))
}

// TestAnAttackIsExplainedWhereePeopleLook has one attack and one Prometheus, which tells two
// Alertmanagers: behind one is an annotator that asks a model, behind the other one that
// does without.
func TestAnAttackIsExplainedWherePeopleLook(t *testing.T) {
	w := &world{address: servers.FreeAddress(t), inbox: servers.NewInbox(t), guard: newGuard(t)}
	w.startExporter(t)
	alone, asks := newExplained(t, w.inbox, "builtin"), newExplained(t, w.inbox, "model")
	asks.speak = make(chan struct{})
	asks.model = model.New(asks.answer)
	t.Cleanup(asks.model.Close)
	w.startPrometheus(t, alone.alertmanager.Address, asks.alertmanager.Address)
	w.works(t)
	for _, x := range []*explained{alone, asks} {
		x.start(t, w.prometheus.URL, "http://"+w.address)
	}

	servers.Eventually(t, soon, func() error {
		w.guard.attack(t)
		return errors.Join(alone.says("builtin", "firing"), asks.says("builtin", "firing"))
	})
	first := map[*explained]grafana.Annotation{}
	for _, x := range []*explained{alone, asks} {
		first[x] = x.annotation(t)
		x.mustSay(t, first[x], "(pmtu_poison)", "they do not arrive", "group forged-icmp", source)
		servers.Eventually(t, soon, func() error { return x.hook.heard() })
		x.hook.mustHaveProposed(t)
		if a := first[x]; a.TimeEnd > a.Time {
			t.Errorf("%s: a region although the alert fires: %+v", x.name, a)
		}
	}

	close(asks.speak)
	servers.Eventually(t, soon, func() error { return asks.says("model", "firing") })
	asks.mustSay(t, asks.annotation(t), "Guarder keeps forged errors away", "They come at ")

	servers.Eventually(t, untilResolved, func() error {
		return errors.Join(alone.says("builtin", "resolved"), asks.says("model", "resolved"))
	})
	for _, x := range []*explained{alone, asks} {
		a := x.annotation(t)
		if a.ID != first[x].ID || a.Time != first[x].Time || a.TimeEnd <= a.Time {
			t.Errorf("%s: %+v\nis not the region of\n%+v", x.name, a, first[x])
		}
	}
	alone.mustSay(t, alone.annotation(t), "(pmtu_poison)", "they do not arrive")
	asks.mustSay(t, asks.annotation(t), "Guarder keeps forged errors away")
	asks.mustHaveTold(t, `\"remote\":\"S1\"`, "offender_share")
	asks.mustNotHaveTold(t, "localhost", source, "192.0.2.1", "198.51.100.7", asks.grafana.Token, ingestToken)
	for _, x := range []*explained{alone, asks} {
		if refused := answered(t, x.address, 401) + answered(t, x.address, 403); refused > 0 || answered(t, x.address, 202) == 0 {
			t.Errorf("%s: %v messages of Alertmanager were refused, %v taken", x.name, refused, answered(t, x.address, 202))
		}
	}
}

// newExplained starts an Alertmanager with our routes, which tells the annotator that is to
// come.
func newExplained(t *testing.T, inbox *servers.Inbox, name string) *explained {
	t.Helper()
	x := &explained{name: name, address: servers.FreeAddress(t), grafana: &grafana.Grafana{Token: "token-of-" + name}}
	config := routes(t, inbox, pace)
	if err := config.Call("annotator", "http://"+x.address+"/api/v1/alerts"); err != nil {
		t.Fatal(err)
	}
	x.alertmanager = servers.StartAlertmanager(t, found.Tools, config)
	return x
}

// start starts the annotator.
func (x *explained) start(t *testing.T, prometheus, exporter string) {
	t.Helper()
	serve := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	x.hook = &hook{}
	text := fmt.Sprintf(`prometheus: {url: %q, timeout: 10s, total: 20s}
exporters: [{instance: localhost, url: %q, timeout: 20s}]
alertmanager: {url: %q, receiver: annotator, reconcile: 10s}
sinks:
  grafana: {url: %q, token_file: %q}
  notify: [{name: hook, format: packetscope, url: %q}]
`, prometheus, exporter, "http://"+x.alertmanager.Address, serve(x.grafana), tokenFile(t, x.grafana.Token), serve(x.hook))
	if x.model != nil {
		text += fmt.Sprintf("llm: {providers: [{name: double, base_url: %q, model: double}]}\n", serve(x.model)+"/v1")
	}
	file := annotatorFile(t, text)
	run(t, found.Annotator, "check-config", file)
	run(t, found.Annotator, "doctor", "--config.file="+file, "--no-models")
	startAnnotator(t, file, x.address)
}

// answer is what the model says of the attack, when it may: what it was shown, with the fact
// that proves it.
func (x *explained) answer(w http.ResponseWriter, r *http.Request, c model.Call) {
	select {
	case <-x.speak:
	case <-r.Context().Done():
		return
	}
	var shown struct {
		Facts []struct{ ID, Name, Says, Ago string }
	}
	for line := range strings.Lines(c.Chat.Prompt()) {
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &shown) == nil {
			break
		}
	}
	type finding struct {
		Text   string   `json:"text"`
		Weighs string   `json:"weighs"`
		Facts  []string `json:"facts"`
	}
	findings := []finding{}
	for _, f := range shown.Facts {
		if f.Name == "attack_packets" && f.Ago == "" {
			findings = append(findings, finding{"They come at " + f.Says + ".", "for", []string{f.ID}})
		}
	}
	text, err := json.Marshal(map[string]any{
		"findings": findings, "verdict": "targeted_attack", "confidence": "low", "summary": "Guarder keeps forged errors away.",
		"checks": []any{}, "steps": []any{}, "rule": nil,
	})
	if err != nil {
		panic(err)
	}
	model.Say(string(text))(w, r, c)
}

// says returns nil if Grafana has one annotation of the attack, by whom and in what state it
// should be.
func (x *explained) says(by, status string) error {
	all := x.grafana.Annotations("packetscope", "alert:"+forged)
	if len(all) != 1 {
		return fmt.Errorf("%s: %d annotations of %s, want one", x.name, len(all), forged)
	}
	for _, tag := range []string{"by:" + by, status, "verdict:targeted_attack", "sev:warning"} {
		if !slices.Contains(all[0].Tags, tag) {
			return fmt.Errorf("%s: the annotation is not %s: %+v", x.name, tag, all[0])
		}
	}
	return nil
}

// annotation returns the only one of the attack.
func (x *explained) annotation(t *testing.T) grafana.Annotation {
	t.Helper()
	all := x.grafana.Annotations("packetscope", "alert:"+forged)
	if len(all) != 1 {
		t.Fatalf("%s: %d annotations of %s, want one: %+v", x.name, len(all), forged, all)
	}
	return all[0]
}

// mustSay holds the text of an annotation against what people have to read there.
func (x *explained) mustSay(t *testing.T, a grafana.Annotation, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(a.Text, w) {
			t.Errorf("%s: %q is not in\n%s", x.name, w, a.Text)
		}
	}
}

// mustHaveTold looks for what the model has to be shown.
func (x *explained) mustHaveTold(t *testing.T, words ...string) {
	t.Helper()
	for _, c := range x.model.Calls() {
		for _, word := range words {
			if !strings.Contains(string(c.Body), word) {
				t.Errorf("%s: the model is not told %q in\n%s", x.name, word, c.Body)
			}
		}
	}
}

// mustNotHaveTold looks for what is no business of a model.
func (x *explained) mustNotHaveTold(t *testing.T, secrets ...string) {
	t.Helper()
	if len(x.model.Calls()) == 0 {
		t.Errorf("%s: no model was asked", x.name)
	}
	for _, c := range x.model.Calls() {
		for _, secret := range secrets {
			if text := fmt.Sprint(c.Header, string(c.Body)); strings.Contains(text, secret) {
				t.Errorf("%s: the model is told %q in\n%s", x.name, secret, text)
			}
		}
	}
}
