package sink

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of an embed in characters; the whole may have 6,000.
const (
	mostDiscordTitle       = 256
	mostDiscordDescription = 4096
)

type discordMessage struct {
	Embeds []discordEmbed `json:"embeds"`
	// AllowedMentions names nobody, so that nobody is notified whatever the text says.
	AllowedMentions discordMentions `json:"allowed_mentions"`
}

type discordMentions struct {
	Parse []string `json:"parse"`
}

type discordEmbed struct {
	Title       string        `json:"title"`
	Description string        `json:"description"`
	Color       int           `json:"color"`
	Timestamp   time.Time     `json:"timestamp"`
	Footer      discordFooter `json:"footer"`
}

type discordFooter struct {
	Text string `json:"text"`
}

// discordDialect writes a backslash before everything that could be markup. Mentions
// are none, so the at sign becomes another one.
var discordDialect = dialect{func(r rune) string {
	switch {
	case r == '@':
		return "＠"
	case strings.ContainsRune("\\*_~`|>#-[]()<!", r):
		return `\` + string(r)
	}
	return string(r)
}, inUnits}

func discordBody(m Message, _ *url.URL, bases []*url.URL) ([]byte, error) {
	b := briefOf(m, bases)
	var links []string
	for _, l := range b.links {
		links = append(links, "["+l.text+"](<"+l.url+">)")
	}
	last := strings.Join(links, " ")
	if last != "" {
		last = "\n" + last
	}
	return encode(discordMessage{
		Embeds: []discordEmbed{{
			Title:       discordDialect.fit(b.title, mostDiscordTitle),
			Description: discordDialect.lines(b.lines, mostDiscordDescription-inUnits(last)) + last,
			Color:       colour(m),
			Timestamp:   m.Time.UTC(),
			Footer:      discordFooter{discordDialect.fit(b.footer, mostDiscordTitle)},
		}},
		AllowedMentions: discordMentions{Parse: []string{}},
	})
}

// colour returns red, green and blue in three bytes.
func colour(m Message) int {
	switch {
	case m.Status == Resolved:
		return 0x2e7d32
	case m.Alert.Severity == "critical":
		return 0xc62828
	}
	return 0xef6c00
}

// discordTook knows the empty answer and, if the address asks to wait, the message.
func discordTook(a answer) (Class, error) {
	var made struct {
		ID string `json:"id"`
	}
	if a.code == http.StatusNoContent || json.Unmarshal(a.body, &made) == nil && made.ID != "" {
		return "", nil
	}
	return Retry, errors.New("the answer names no message")
}
