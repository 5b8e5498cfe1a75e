package sink

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// mostTeamsBody is the length of a message in bytes. Teams refuses more than about 28
// kB, and says of other messages that it counts them in UTF-16, which has up to two
// bytes for each of ours.
const mostTeamsBody = 13_000

// mostTeamsText is how much text in bytes is tried first.
const mostTeamsText = 6_000

type teamsMessage struct {
	Type        string            `json:"type"`
	Summary     string            `json:"summary"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string    `json:"contentType"`
	Content     teamsCard `json:"content"`
}

// A teamsCard is an Adaptive Card.
type teamsCard struct {
	Schema  string        `json:"$schema"`
	Type    string        `json:"type"`
	Version string        `json:"version"`
	Body    []teamsBlock  `json:"body"`
	Actions []teamsAction `json:"actions,omitempty"`
}

// A teamsBlock is a RichTextBlock: unlike in a TextBlock no Markdown is read in it,
// and without entities there are no mentions.
type teamsBlock struct {
	Type    string     `json:"type"`
	Inlines []teamsRun `json:"inlines"`
}

type teamsRun struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Weight string `json:"weight,omitempty"`
	Subtle bool   `json:"isSubtle,omitempty"`
}

type teamsAction struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

func teamsLine(run teamsRun) teamsBlock {
	run.Type = "TextRun"
	return teamsBlock{"RichTextBlock", []teamsRun{run}}
}

// teamsDialect takes the at sign away from names for clients that see a mention in
// it; the summary is read by others than the card.
var teamsDialect = dialect{func(r rune) string {
	switch r {
	case '@':
		return "＠"
	case '<':
		return "‹"
	case '>':
		return "›"
	}
	return string(r)
}, inBytes}

func teamsBody(m Message, _ *url.URL, bases []*url.URL) ([]byte, error) {
	b := briefOf(m, bases)
	for most := mostTeamsText; ; most /= 2 {
		body, err := encode(teamsMessageOf(b, most))
		if err != nil || len(body) <= mostTeamsBody {
			return body, err
		}
		if most == 0 {
			return nil, errors.New("the message has no room for words")
		}
	}
}

func teamsMessageOf(b brief, most int) teamsMessage {
	const mostTitle = 300
	title := teamsDialect.fit(b.title, mostTitle)
	card := teamsCard{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		Body: []teamsBlock{teamsLine(teamsRun{Text: title, Weight: "Bolder"})},
	}
	for line := range strings.SplitSeq(teamsDialect.lines(b.lines, most), "\n") {
		card.Body = append(card.Body, teamsLine(teamsRun{Text: line}))
	}
	card.Body = append(card.Body, teamsLine(teamsRun{Text: b.footer, Subtle: true}))
	for _, l := range b.links {
		card.Actions = append(card.Actions, teamsAction{"Action.OpenUrl", l.text, l.url})
	}
	return teamsMessage{Type: "message", Summary: title,
		Attachments: []teamsAttachment{{"application/vnd.microsoft.card.adaptive", card}}}
}

// teamsError is how a connector tells, with status 200, that Teams refused.
var teamsError = regexp.MustCompile(`(?i)\bHTTP error (\d{3})\b`)

// teamsTook reads the body of a 200: a connector says "1", or why it failed.
// Workflows say 202.
func teamsTook(a answer) (Class, error) {
	if a.code != http.StatusOK {
		return "", nil
	}
	said := strings.ToLower(string(a.body))
	if !strings.Contains(said, "fail") && !strings.Contains(said, "error") {
		return "", nil
	}
	class := Retry
	if found := teamsError.FindSubmatch(a.body); found != nil {
		code, err := strconv.Atoi(string(found[1]))
		if err != nil {
			panic(err) // three digits
		}
		class = classOf(code)
	}
	return class, errors.New("the body reports a failure")
}
