package sink

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestCleanLeavesVisibleCharactersOnly(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "",
		"plain words":                       "plain words",
		"  two\tspaces \r\n and\u00a0more ": "two spaces and more",
		"\x1b[31mred\x1b[0m":                "[31mred[0m",
		"bell\a nul\x00 del\x7f c1\u009b":   "bell nul del c1",
		"abc\u202egnp.exe\u2066":            "abcgnp.exe",
		"zero\u200bwidth\ufeff":             "zerowidth",
		"tags\U000e0041\U000e0042":          "tags",
		"selector\ufe0f\U000e0101":          "selector",
		"filler\u3164x":                     "fillerx",
		"joiner\u034f\u17b4":                "joiner",
		"braille\u2800":                     "braille",
		"private\ue000 \U0010fffd":          "private",
		"line\u2028par\u2029":               "line par",
		"not utf-8 \xff\xfe":                "not utf-8 ??",
		"Việt שָׁלוֹם naïve":                "Việt שָׁלוֹם naïve",
		"z\u0301\u0302\u0303\u0304\u0305":   "z\u0301\u0302\u0303",
		"日本 🙂":                              "日本 🙂",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestLinksInWordsDoNotWork(t *testing.T) {
	for in, want := range map[string]string{
		"see https://evil.example/a":        "see https[:]//evil.example/a",
		"http:\u200b//e":                    "http[:]//e",
		"WWW.evil.example www.b":            "WWW[.]evil.example www[.]b",
		"://://":                            "[:]//[:]//",
		"a ratio 3:1 // and web7:9100 stay": "a ratio 3:1 // and web7:9100 stay",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, 40)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = max(0, min(most, 5000))
		p := plain(s)
		if p != plain(p) || clean(p) != p {
			t.Errorf("plain is not idempotent: %q, then %q", p, plain(p))
		}
		if bad := strings.IndexFunc(p, func(r rune) bool { return r == utf8.RuneError && !strings.ContainsRune(s, r) || !unicode.IsPrint(r) }); bad >= 0 {
			t.Errorf("%q is left in %q", p[bad:], p)
		}
		for name, d := range map[string]dialect{"html": {entities, inBytes}, "slack": slackDialect, "discord": discordDialect, "msteams": teamsDialect, "ntfy": ntfyDialect} {
			got := d.fit(p, most)
			if d.length(got) > most {
				t.Errorf("%s: %q is longer than %d", name, got, most)
			}
			var b strings.Builder
			for _, r := range p {
				b.WriteString(d.escape(r))
			}
			whole := b.String()
			if cut, isCut := strings.CutSuffix(got, "…"); got != whole && got != "" && (!isCut || !strings.HasPrefix(whole, cut)) {
				t.Errorf("%s: %q is no start of %q", name, got, whole)
			}
			if all := d.lines([]string{p, p, p}, most); d.length(all) > most {
				t.Errorf("%s: lines %q are longer than %d", name, all, most)
			}
		}
		data, err := encode(s)
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(data, &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && back != string([]rune(s)) {
			t.Errorf("%q became %s, which is %q (%v)", s, data, back, err)
		}
		if i := strings.IndexFunc(string(data), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s shows what cannot be seen", data)
		}
	})
}

func TestLinesThatDoNotFitAreLeftOut(t *testing.T) {
	d := dialect{entities, inBytes}
	texts := []string{"a first sentence", "a <second> sentence that is longer", "third"}
	got := map[int]string{}
	for _, most := range []int{5, 16, 30, 46, 60, 100} {
		got[most] = d.lines(texts, most)
	}
	want := map[int]string{
		5:   "a …",
		16:  "a first sentence",
		30:  "a first sentence",
		46:  "a first sentence\na &lt;second&gt; sentence …",
		60:  "a first sentence\na &lt;second&gt; sentence that is longer",
		100: "a first sentence\na &lt;second&gt; sentence that is longer\nthird",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestOnlyOurLinksAreShown(t *testing.T) {
	bases, err := parseBases([]string{"https://grafana.example.net/grafana/", "http://annotator:10143"})
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"https://grafana.example.net/grafana/d/x?a=b&c=d":         "https://grafana.example.net/grafana/d/x?a=b&c=d",
		"https://GRAFANA.example.net/grafana":                     "https://GRAFANA.example.net/grafana",
		"http://annotator:10143/episodes/1":                       "http://annotator:10143/episodes/1",
		"https://grafana.example.net/grafana/d/x?i=web7|<b>@(é":   "https://grafana.example.net/grafana/d/x?i=web7%7C%3Cb%3E%40%28%C3%A9",
		"https://grafana.example.net/grafanas":                    "",
		"https://grafana.example.net/grafana/../x":                "",
		"https://grafana.example.net/grafana/%2e%2e/x":            "",
		`https://grafana.example.net/grafana/..\x`:                "",
		"http://grafana.example.net/grafana/d":                    "",
		"https://grafana.example.net.evil.example/grafana/":       "",
		"https://grafana.example.net@evil.example/grafana/":       "",
		"https://u:p@grafana.example.net/grafana/":                "",
		"//grafana.example.net/grafana/":                          "",
		"javascript:alert(1)":                                     "",
		"":                                                        "",
		"http://annotator:10143/" + strings.Repeat("a", mostLink): "",
	} {
		if got := ownLink(in, bases); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
