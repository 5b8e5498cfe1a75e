package dropreason

import (
	"regexp"
	"strings"
	"testing"
)

func TestEveryReasonIsExplainedInOneLine(t *testing.T) {
	name := regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)
	seen := make(map[string]string)
	for _, reason := range Names() {
		text := Explain(reason)
		if !name.MatchString(reason) || len(text) < 15 || len(text) > 110 || strings.ContainsAny(text, "\n") || strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q", reason, text)
		}
		if seen[text] != "" {
			t.Errorf("%s and %s have the same text", reason, seen[text])
		}
		seen[text] = reason
	}
	if got := Explain("NEWER_THAN_THIS"); seen[got] != "" || got == "" {
		t.Errorf("a reason that is not known is explained by %q", got)
	}
}
