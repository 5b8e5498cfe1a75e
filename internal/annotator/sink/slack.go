package sink

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// Limits of Slack's blocks in characters: those of a header, of a text and of the
// notification, which Slack cuts above 4,000.
const (
	mostSlackHeader = 150
	mostSlackText   = 3000
	mostSlackPlain  = 1000
)

// A slackText is a text of type plain_text: Slack reads no markup, mention or link
// in it. It does read the three entities.
type slackText struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji bool   `json:"emoji"`
}

func slackPlain(text string, most int) *slackText {
	return &slackText{Type: "plain_text", Text: slackDialect.fit(text, most)}
}

type slackElement struct {
	Type string     `json:"type"`
	Text *slackText `json:"text"`
	URL  string     `json:"url"`
}

type slackBlock struct {
	Type     string     `json:"type"`
	Text     *slackText `json:"text,omitempty"`
	Elements []any      `json:"elements,omitempty"`
}

type slackMessage struct {
	// Text is what notifications show. It is read as markup whatever the blocks are,
	// unless mrkdwn is false.
	Text        string       `json:"text"`
	Mrkdwn      bool         `json:"mrkdwn"`
	UnfurlLinks bool         `json:"unfurl_links"`
	UnfurlMedia bool         `json:"unfurl_media"`
	Blocks      []slackBlock `json:"blocks"`
}

// slackDialect also takes the at sign away from names, which some that speak Slack's
// format, such as Mattermost, read as mentions.
var slackDialect = dialect{func(r rune) string {
	if r == '@' {
		return "＠"
	}
	return entities(r)
}, inRunes}

func slackBody(m Message, _ *url.URL, bases []*url.URL) ([]byte, error) {
	b := briefOf(m, bases)
	text := &slackText{Type: "plain_text", Text: slackDialect.lines(b.lines, mostSlackText)}
	message := slackMessage{
		Text: slackDialect.fit(b.title, mostSlackPlain),
		Blocks: []slackBlock{
			{Type: "header", Text: slackPlain(b.title, mostSlackHeader)},
			{Type: "section", Text: text},
		},
	}
	var buttons []any
	for _, l := range b.links {
		buttons = append(buttons, slackElement{"button", slackPlain(l.text, mostSlackHeader), l.url})
	}
	if len(buttons) > 0 {
		message.Blocks = append(message.Blocks, slackBlock{Type: "actions", Elements: buttons})
	}
	message.Blocks = append(message.Blocks, slackBlock{Type: "context", Elements: []any{slackPlain(b.footer, mostSlackHeader)}})
	return encode(message)
}

// slackTook wants Slack's "ok", or what others that speak its format say.
func slackTook(a answer) (Class, error) {
	if strings.TrimSpace(string(a.body)) == "ok" {
		return "", nil
	}
	var said struct{ OK, Success bool }
	if json.Unmarshal(a.body, &said) == nil && (said.OK || said.Success) {
		return "", nil
	}
	return Retry, errors.New(`the answer is not "ok"`)
}
