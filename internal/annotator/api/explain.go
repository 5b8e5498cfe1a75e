package api

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/prometheus/common/model"
)

// Modes are what an explanation on demand can be about: threats, waste, both, what Focus
// says, or what is there without a proposal.
var Modes = []string{"security", "performance", "balanced", "custom", "analyze"}

const (
	mostFocus  = 300 // bytes
	mostLabels = 64
	mostLabel  = 1024 // bytes of a name or a value
	mostWait   = time.Minute
)

// A Question asks to explain an episode, or an alert that need not fire, from facts of now.
// Without either it asks how a host is.
type Question struct {
	// Mode is one of [Modes]; balanced if it is missing.
	Mode string `json:"mode"`
	// Focus is what to look at in the mode custom, at most 300 bytes. It is data for the
	// model, not an instruction.
	Focus string `json:"focus,omitempty"`
	// Episode is the name of one. Without it Labels are those of an alert, of which
	// alertname must be there; most need instance, too.
	Episode string            `json:"episode,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	// Instance is that of the host, which need not be named if there is one only. If
	// several targets have it, Labels choose by job and cluster.
	Instance string `json:"instance,omitempty"`
	// Window is over how long to look at the host, up to now: 5m to 7d, 15m if it is
	// missing.
	Window string `json:"window,omitempty"`
	// Scope is what to look at, all if it is missing.
	Scope *Scope `json:"scope,omitempty"`
	// DryRun asks for what a model would be shown. No model is asked.
	DryRun bool `json:"dry_run,omitempty"`
}

// A Scope chooses what to look at of a host. What is missing is looked at.
type Scope struct {
	TCP  *bool `json:"tcp,omitempty"`
	UDP  *bool `json:"udp,omitempty"`
	ICMP *bool `json:"icmp,omitempty"`
	// Stats is what is not of one protocol: traffic, losses, CPU, Guarder, alerts.
	Stats *bool `json:"stats,omitempty"`
}

// chosen returns the scopes that are not excluded, nil if there is no scope.
func (s *Scope) chosen() []evidence.Scope {
	if s == nil {
		return nil
	}
	all := []evidence.Scope{}
	for _, one := range evidence.Scopes {
		on := map[evidence.Scope]*bool{evidence.TCP: s.TCP, evidence.UDP: s.UDP, evidence.ICMP: s.ICMP, evidence.Stats: s.Stats}[one]
		if on == nil || *on {
			all = append(all, one)
		}
	}
	return all
}

// Explained is the answer to a Question.
type Explained struct {
	// Explanation is the model's, or if it has none the one of the built-in explainer, which
	// is Builtin.
	Explanation *sink.Explanation `json:"explanation"`
	Builtin     *sink.Explanation `json:"builtin"`
	// NoModel says why the explanation is not a model's: dry_run, none if there is no model,
	// or how it failed.
	NoModel string `json:"no_model,omitempty"`
	// Prompt is what a model was shown, or would be.
	Prompt Prompt `json:"prompt"`
	Usage  Usage  `json:"usage"`
	// Known are the facts, for people.
	Known string `json:"known"`
	// Rule is the policy that is proposed, if one is. It is not kept and cannot be approved.
	Rule string `json:"rule,omitempty"`
}

// Usage is what an answer took.
type Usage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	// Cost is in the currency of the prices in the configuration.
	Cost float64 `json:"cost"`
	// Estimated tells that the server did not say.
	Estimated bool `json:"estimated"`
}

func explainedOf(x annotator.Explained) *Explained {
	u := x.Usage
	return &Explained{
		Explanation: explanationOf(&x.Explanation), Builtin: explanationOf(&x.Builtin), NoModel: x.NoModel, Prompt: promptOf(x.Prompt),
		Usage: Usage{u.PromptTokens, u.CompletionTokens, u.Cost, u.Estimated}, Known: x.Known, Rule: x.Rule,
	}
}

// request returns what the engine is asked, or says what is wrong with a question.
func (q *Question) request() (annotator.Request, error) {
	q.Mode = cmp.Or(q.Mode, "balanced")
	var none annotator.Request
	switch {
	case !slices.Contains(Modes, q.Mode):
		return none, invalid("unknown mode %.40q (one of %s)", q.Mode, strings.Join(Modes, ", "))
	case (q.Mode == "custom") != (q.Focus != ""):
		return none, invalid("a focus belongs to the mode custom, and to no other")
	case q.Episode != "" && len(q.Labels) > 0:
		return none, invalid("there is both an episode and labels: leave one out")
	case q.Episode != "" && !isID(q.Episode):
		return none, invalid("episode %.40q is not the name of one", q.Episode)
	case (q.Episode != "" || q.Labels["alertname"] != "") && (q.Instance != "" || q.Window != "" || q.Scope != nil):
		return none, invalid("instance, window and scope are of a host: leave them out, or the episode and the alertname")
	case len(q.Instance) > mostLabel:
		return none, invalid("the instance has %d bytes: at most %d", len(q.Instance), mostLabel)
	case len(q.Labels) > mostLabels:
		return none, invalid("there are %d labels: at most %d", len(q.Labels), mostLabels)
	}
	for name, value := range q.Labels {
		if len(name) > mostLabel || len(value) > mostLabel {
			return none, invalid("label %.40q is too long: at most %d bytes", name, mostLabel)
		}
	}
	if err := text("focus", q.Focus, mostFocus); err != nil {
		return none, err
	}
	window, err := q.window()
	if err != nil {
		return none, err
	}
	return annotator.Request{
		Mode: q.Mode, Focus: q.Focus, Episode: q.Episode, Labels: q.Labels, DryRun: q.DryRun,
		Host: annotator.HostRequest{Instance: q.Instance, Window: window, Scopes: q.Scope.chosen()},
	}, nil
}

// window returns the window, 0 if there is none.
func (q *Question) window() (time.Duration, error) {
	if q.Window == "" {
		return 0, nil
	}
	window, err := model.ParseDuration(q.Window)
	if d := time.Duration(window); err != nil || d < evidence.ShortestWindow || d > evidence.LongestWindow {
		return 0, invalid("bad window %.40q: want a time from 5m to 7d, such as 15m, 1h or 2d", q.Window)
	}
	return time.Duration(window), nil
}

func (h *Handler) explain(q *request) (any, error) {
	wait, err := h.wait(q)
	if err != nil {
		return nil, err
	}
	var question Question
	if err := q.body(&question); err != nil {
		return nil, err
	}
	asked, err := question.request()
	if err != nil {
		return nil, err
	}
	w, err := h.works.begin(question, asked, q.actor)
	if err != nil {
		return nil, err
	}
	return h.works.await(q.Context(), w, wait), nil
}

// wait returns for how long an answer is waited for.
func (h *Handler) wait(q *request) (time.Duration, error) {
	values, err := q.parameters("wait")
	if err != nil || values.Get("wait") == "" {
		return 0, err
	}
	wait, err := time.ParseDuration(values.Get("wait"))
	if err != nil || wait < 0 || wait > mostWait {
		return 0, invalid("bad wait %.40q: want a time up to %s, such as 30s", values.Get("wait"), mostWait)
	}
	return wait, nil
}

func (h *Handler) explained(q *request) (any, error) {
	wait, err := h.wait(q)
	if err != nil {
		return nil, err
	}
	w, err := h.works.find(q.id)
	if err != nil {
		return nil, err
	}
	return h.works.await(q.Context(), w, wait), nil
}
