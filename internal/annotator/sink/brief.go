package sink

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// A brief is a message as people read it. Its texts are plain, not escaped.
type brief struct {
	// title is for a heading.
	title string
	// lines are the explanation, the most important first.
	lines []string
	// footer names the episode.
	footer string
	// links are ours.
	links []link
}

// A link leads to one of our pages.
type link struct{ text, url string }

func briefOf(m Message, bases []*url.URL) brief {
	b := brief{
		title:  title(m),
		lines:  explanation(m),
		footer: fmt.Sprintf("Episode %s, revision %d", m.Episode, m.Revision),
	}
	for _, l := range []link{{"Dashboard", m.Links.Dashboard}, {"Episode", m.Links.Episode}} {
		if l.url = ownLink(l.url, bases); l.url != "" {
			b.links = append(b.links, l)
		}
	}
	return b
}

func title(m Message) string {
	words := []string{"Firing:"}
	if m.Status == Resolved {
		words[0] = "Resolved:"
	}
	if severity := plain(m.Alert.Severity); severity != "" {
		words = append(words, severity)
	}
	words = append(words, plain(m.Alert.Name))
	if all := m.Alert.Count + m.Alert.Truncated; all > 1 {
		words = append(words, fmt.Sprintf("(%d alerts)", all))
	}
	return strings.Join(words, " ")
}

func explanation(m Message) []string {
	e := m.Explanation
	var lines []string
	if summary := plain(e.Summary); summary != "" {
		lines = append(lines, summary)
	}
	lines = append(lines, judgement(e))
	if m.Status == Resolved {
		lines = append(lines, lasted(m))
	}
	for _, f := range e.Findings {
		lines = append(lines, "• "+plain(f.Text))
	}
	if len(e.Checks) > 0 {
		lines = append(lines, "Check next:")
	}
	for _, c := range e.Checks {
		line := "• " + plain(c.Text)
		if c.PromQL != "" {
			line += " PromQL: " + plain(c.PromQL)
		}
		lines = append(lines, line)
	}
	if s := m.Suggestion; s != nil {
		lines = append(lines, fmt.Sprintf("Proposed rule %s: %s for %s, %s.", plain(s.ID), plain(s.Action), model.Duration(s.TTL), plain(s.State)))
	}
	return lines
}

// judgement says what was found, how sure that is, and who says so.
func judgement(e Explanation) string {
	by := "the built-in explainer"
	if e.By == "model" {
		by = "a model"
		if name := plain(e.Model); name != "" {
			by = "the model " + name
		}
	}
	verdict := strings.ReplaceAll(plain(e.Verdict), "_", " ")
	return fmt.Sprintf("Verdict: %s, confidence %s, by %s.", verdict, plain(e.Confidence), by)
}

func lasted(m Message) string {
	start, end := m.start(), m.end()
	took := model.Duration(max(end.Sub(start), 0).Round(time.Second))
	return fmt.Sprintf("From %s to %s (%s).", start.UTC().Format(time.DateTime), end.UTC().Format(time.DateTime+" MST"), took)
}
