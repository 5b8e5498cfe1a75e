package dashboards

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/packetscope/packetscope/rules"
)

// runbook explains every alert.
const runbook = "https://github.com/packetscope/packetscope/blob/main/rules/README.md"

var (
	templates = regexp.MustCompile(`\{\{[^}]*\}\}`)
	// details are parentheses around what is not known.
	details = regexp.MustCompile(` \([^()]*…[^()]*\)`)
)

// sentences says what each alert means, by its name. Prometheus keeps labels of an
// alert as a series, but not its summary; so this is the summary's template, with
// "this host" for the host and an ellipsis for what is not known here.
func sentences() map[string]string {
	all := make(map[string]string)
	for _, a := range rules.Alerts() {
		all[a.Name] = sentence(a.Summary)
	}
	return all
}

func sentence(summary string) string {
	text := strings.ReplaceAll(summary, "{{ $labels.instance }}", "this host")
	text = templates.ReplaceAllString(text, "…")
	text = details.ReplaceAllString(text, "")
	text = strings.Replace(text, " with: ….", " badly.", 1)
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
