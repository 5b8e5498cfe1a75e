//go:build unix

package annotator

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// message returns a revision of an episode, without Alertmanager's message.
func (e *Engine) message(job store.Job, k known, x sink.Explanation, s *sink.Suggestion) sink.Message {
	episode := job.Episode
	m := sink.Message{
		ID: fmt.Sprintf("%s-%d", episode.ID, job.Revision), Episode: episode.ID, Revision: job.Revision, Status: sink.Firing, Time: e.Now().UTC(),
		Alert: sink.Alert{
			Name: k.Lead.Labels["alertname"], Severity: episode.Severity, Labels: k.Lead.Labels, Hosts: k.Hosts,
			StartsAt: episode.Started, Count: len(episode.Alerts), Truncated: episode.Truncated,
		},
		Explanation: x, Suggestion: s,
		Links: sink.Links{Dashboard: e.config.DashboardURL}, Hops: episode.Hops,
	}
	if !episode.Open() {
		m.Status, m.Alert.EndsAt = sink.Resolved, episode.Ended
	}
	if e.config.EpisodeURL != "" {
		m.Links.Episode = e.config.EpisodeURL + episode.ID
	}
	return m
}

// toExplanation puts names in place of handles, and says what is not known.
func toExplanation(g answer.Ground, a answer.Answer, v voice) sink.Explanation {
	x := sink.Explanation{
		By: v.by, Model: v.model, Verdict: string(a.Verdict), Confidence: string(a.Confidence), Summary: g.Table.Expand(a.Summary),
		Findings: []sink.Finding{}, Checks: []sink.Step{}, Withheld: g.Set.Withheld,
	}
	for _, f := range a.Findings {
		x.Findings = append(x.Findings, sink.Finding{Text: g.Table.Expand(f.Text), Facts: f.Facts})
	}
	if gaps := gapsOf(g); gaps != "" {
		x.Findings = append(x.Findings, sink.Finding{Text: gaps})
	}
	for _, c := range a.Checks {
		step := sink.Step{Text: g.Table.Expand(c.Text)}
		switch kind, value, ok := g.Table.Value(c.Query); {
		case ok && kind == handle.Query:
			step.PromQL = value
		case ok && kind == handle.Command:
			step.Text += " Run: " + value
		}
		x.Checks = append(x.Checks, step)
	}
	for _, s := range a.Steps {
		x.Checks = append(x.Checks, sink.Step{Text: "Do: " + g.Table.Expand(s)})
	}
	return x
}

// mostGaps is how many gaps are told one by one.
const mostGaps = 3

// gapsOf says what is not known of now, or "".
func gapsOf(g answer.Ground) string {
	var gaps []string
	more := 0
	for _, gap := range g.Set.Gaps {
		if gap.Before != 0 {
			continue
		}
		if len(gaps) == mostGaps {
			more++
			continue
		}
		says := cmp.Or(evidence.Says(g.Set, gap.Name), "what to ask about this alert")
		gaps = append(gaps, says+" ("+gap.Why.Words()+")")
	}
	if gaps == nil {
		return ""
	}
	text := "Not known: " + strings.Join(gaps, "; ")
	if more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text + "."
}
