package adopt

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var end = time.Date(2026, 11, 29, 10, 0, 0, 5, time.FixedZone("", 3600))

func TestStampIsWrittenIntoTheText(t *testing.T) {
	for _, c := range []struct {
		claim      string
		stamp      Stamp
		text, want string
	}{
		{
			"what is proposed", Stamp{Until: end, Origin: "Adopted from\nhttp://127.0.0.1", Labels: map[string]string{"proposal": "ab12cd34ef56"}}, proposed,
			`# Adopted from http://127.0.0.1

# Proposed by the annotator of PacketScope for the episode ab12cd34ef56. It is meant to end
# after 60 minutes, which whoever adopts it sees to.
version: 1
until: 2026-11-29T09:00:00Z
defaults: {labels: {proposal: ab12cd34ef56}}
groups:
  - name: ai-ab12cd34ef56
    mode: enforce
    rules:
      - rule: drop
        match: {src: ["192.0.2.0/25", "2001:db8:5::/48"], proto: tcp, dst_port: 443}
        action: drop
        labels: {origin: annotator}
        annotations: {summary: "Drops what these sources send."}
`,
		},
		{
			"only watched", Stamp{Until: end, Audit: true, Origin: "x", Labels: map[string]string{"a": "123456789012", "origin": "cli"}}, `
groups:
- name: g # of mine
  rules:
  - {rule: r, mode: "enforce", match: {src: 192.0.2.7}, action: drop}
  - {rule: s, mode: off, match: {src: 192.0.2.8}, action: drop}
- {name: h, mode: enforce, rules: []}
defaults:
  mode: enforce
  labels:
    origin: me
version: 1
`,
			`# x

until: 2026-11-29T09:00:00Z
groups:
  - name: g # of mine
    rules:
      - {rule: r, mode: audit, match: {src: 192.0.2.7}, action: drop}
      - {rule: s, mode: off, match: {src: 192.0.2.8}, action: drop}
  - {name: h, mode: audit, rules: []}
defaults:
  mode: audit
  labels:
    origin: me
    a: "123456789012"
version: 1
`,
		},
	} {
		got, err := c.stamp.On([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.claim, err)
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
	}
}

func TestStampRefusesWhatIsNoPolicy(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "not YAML",
		"# nothing\n":                      "not YAML",
		"{":                                "not YAML",
		"[]":                               "no policy",
		"~":                                "no policy",
		"a: 1\n---\nb: 1\n":                "more than one document",
		"version: 1\nuntil: 2026-01-01\n":  "says until: already",
		"\"until\": x\nversion: 1\n":       "says until: already",
		"version: 1\ngroups: [\x00]\n":     "not YAML",
		"<html><body>\nSign in\n</html>\n": "no policy",
	} {
		got, err := Stamp{Until: end}.On([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s\n%s", text, err, want, got)
		}
	}
}

// FuzzStamp claims that it never fails but by an error, whatever it is given, and that
// what it writes says when it ends, once.
func FuzzStamp(f *testing.F) {
	for _, text := range []string{proposed, "a: &a {mode: enforce}\ndefaults: *a\n", "defaults: []\n", "defaults: {labels: 1}\ngroups: {}\n", "groups: [1, [2], {rules: 3}]\n", "? [a]\n: b\n", "# c\n", "version: 1\n<<: {until: 1}\n"} {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, audit bool) {
		out, err := Stamp{Until: end, Audit: audit, Labels: map[string]string{"origin": "cli"}, Origin: text}.On([]byte(text))
		if err != nil {
			return
		}
		if !strings.Contains(string(out), "\nuntil: 2026-11-29T09:00:00Z\n") {
			t.Errorf("no end in\n%s", out)
		}
		if _, err := (Stamp{Until: end}).On(out); err == nil {
			t.Errorf("it was taken for one without an end:\n%s", out)
		}
	})
}
