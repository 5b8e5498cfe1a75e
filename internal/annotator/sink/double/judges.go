package double

import (
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf16"
	"unicode/utf8"
)

// The judges know the limits that the documentation of their service states, as of
// 2026.

// Slack wants blocks with texts that are neither empty nor too long.
func Slack(_ string, body []byte) Answer {
	var m struct {
		Text   string
		Blocks []struct {
			Type     string
			Text     *struct{ Type, Text string }
			Elements []json.RawMessage
		}
	}
	bad := func(why string) Answer { return Answer{Code: http.StatusBadRequest, Body: why} }
	if err := json.Unmarshal(body, &m); err != nil {
		return bad("invalid_payload")
	}
	if m.Text == "" && len(m.Blocks) == 0 {
		return bad("no_text")
	}
	if utf8.RuneCountInString(m.Text) > 4000 || len(m.Blocks) > 50 {
		return bad("invalid_blocks: too long")
	}
	most := map[string]int{"header": 150, "section": 3000}
	for _, b := range m.Blocks {
		if limit, ok := most[b.Type]; ok && (b.Text == nil || b.Text.Text == "" || utf8.RuneCountInString(b.Text.Text) > limit) {
			return bad("invalid_blocks: " + b.Type)
		}
		for _, raw := range b.Elements {
			var button struct{ Type, URL string }
			if json.Unmarshal(raw, &button) == nil && button.Type == "button" && (button.URL == "" || len(button.URL) > 3000) {
				return bad("invalid_blocks: button")
			}
		}
	}
	return Answer{Code: http.StatusOK, Body: "ok"}
}

// Discord counts in units of UTF-16.
func Discord(_ string, body []byte) Answer {
	var m struct {
		Content string
		Embeds  []struct {
			Title, Description string
			Footer             struct{ Text string }
		}
	}
	bad := func(why string) Answer {
		return Answer{Code: http.StatusBadRequest, Body: fmt.Sprintf(`{"code":50035,"message":%q}`, why)}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return bad("invalid form body")
	}
	if m.Content == "" && len(m.Embeds) == 0 {
		return bad("cannot send an empty message")
	}
	total := 0
	for _, e := range m.Embeds {
		title, description, footer := units(e.Title), units(e.Description), units(e.Footer.Text)
		if title > 256 || description > 4096 || footer > 2048 || description == 0 {
			return bad("embed too long")
		}
		total += title + description + footer
	}
	if units(m.Content) > 2000 || total > 6000 {
		return bad("message too long")
	}
	return Answer{Code: http.StatusNoContent}
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

// Teams is a workflow, which says 202 and delivers later. The limit is stated for
// bytes, and for bots for bytes in UTF-16, so the narrower one is meant here.
func Teams(_ string, body []byte) Answer {
	var m struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Type string
				Body []json.RawMessage
			}
		}
	}
	if 2*units(string(body)) > 28*1024 {
		return Answer{Code: http.StatusRequestEntityTooLarge, Body: "too large"}
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Type != "message" || len(m.Attachments) != 1 {
		return Answer{Code: http.StatusBadRequest, Body: "bad message"}
	}
	a := m.Attachments[0]
	if a.ContentType != "application/vnd.microsoft.card.adaptive" || a.Content.Type != "AdaptiveCard" || len(a.Content.Body) == 0 {
		return Answer{Code: http.StatusBadRequest, Body: "no card"}
	}
	return Answer{Code: http.StatusAccepted}
}

// Ntfy takes messages at the server's root only, as JSON.
func Ntfy(path string, body []byte) Answer {
	var m struct {
		Topic, Title, Message string
		Priority              int
		Markdown              bool
		Actions               []struct{ Action, Label, URL string }
	}
	bad := func(why string) Answer {
		return Answer{Code: http.StatusBadRequest, Body: fmt.Sprintf(`{"code":40000,"http":400,"error":%q}`, why)}
	}
	switch err := json.Unmarshal(body, &m); {
	case err != nil:
		return bad("invalid request: request body must be message JSON")
	case path != "/" || m.Topic == "":
		return bad("invalid request: topic invalid")
	case m.Priority < 1 || m.Priority > 5:
		return bad("invalid request: priority invalid")
	case len(m.Title) > 1024:
		return bad("invalid request: title too long")
	case len(m.Message) > 4096:
		return bad("the message becomes an attachment")
	case len(m.Actions) > 3:
		return bad("invalid request: actions invalid, too many actions")
	}
	return Answer{Code: http.StatusOK, Body: `{"id":"sPs71M8A2T","event":"message","topic":"t"}`}
}
