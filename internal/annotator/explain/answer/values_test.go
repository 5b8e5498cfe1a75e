package answer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inValues is the good answer as a model writes it that was shown values.
var inValues = strings.NewReplacer(
	`"facts":["F3"]`, `"facts":["F3","F4"]`, "H1 is flooded", "web-1:10142 is flooded", "e.g. to P1", "e.g. to port 443", "sent to P1.", "sent to port 443.",
	`"S1","S2"`, `"198.51.100.0/24","203.0.113.0/24"`, `"target":"P1"`, `"target":"443"`, "S1 sends", "198.51.100.0/24 sends",
).Replace(good)

func TestValuesBecomeTheirHandles(t *testing.T) {
	g := ground(t)
	want, code := g.Parse([]byte(strings.Replace(good, `"facts":["F3"]`, `"facts":["F3","F4"]`, 1)))
	if code != OK {
		t.Fatal(code)
	}
	if code := g.Check([]byte(inValues)); code == OK {
		t.Error("values are taken from who was shown handles")
	}
	g.Values = true
	got, code := g.Parse([]byte(inValues))
	if code != OK {
		t.Fatalf("refused: %s", code)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	kept := g.WithHandles([]byte(inValues))
	for _, value := range []string{"web-1", "198.51", "203.0", "443"} {
		if strings.Contains(string(kept), value) {
			t.Errorf("%q is kept: %s", value, kept)
		}
	}
	g.Values = false
	if again, code := g.Parse(kept); code != OK || cmp.Diff(want, again) != "" {
		t.Errorf("what is kept is no answer of handles: %q, %s", code, cmp.Diff(want, again))
	}
	if g.WithHandles([]byte("{}")) != nil {
		t.Error("what is no answer is kept")
	}
}

func TestValuesInSentences(t *testing.T) {
	g := ground(t)
	for in, want := range map[string]string{
		"From 198.51.100.0/24, and 203.0.113.0/24.":         "From S1, and S2.",
		"It is web-1:10142's queue (port 443): look at it.": "It is H1's queue (P1): look at it.",
		"Port 443 and port 80 of db.example.net; 443.":      "P1 and port 80 of D1; 443.",
		"Nothing of \u201cdb.example.net\u201d.":            "Nothing of \u201cD1\u201d.",
		"two  spaces\tand a tab":                            "two  spaces\tand a tab",
		"198.51.100.7 is in 198.51.100.0/24":                "198.51.100.7 is in S1",
	} {
		got := in
		if g.handled(&got); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestNothingIsNamedThatWasNotShown plays a hostile model that is shown values.
func TestNothingIsNamedThatWasNotShown(t *testing.T) {
	g := ground(t)
	g.Values = true
	for _, c := range []struct {
		name, key string
		value     any
		want      Code
	}{
		{"the gateway", "summary", "Look at 192.0.2.1 first.", AddressInText},
		{"a part of a network that was shown", "summary", "It is 198.51.100.7 alone.", AddressInText},
		{"another host", "summary", "See evil.example for more.", Link},
		{"a link to a host that was shown", "summary", "See http://db.example.net for more.", Link},
		{"a path of a host that was shown", "summary", "See db.example.net/login for more.", Link},
		{"a port as a number", "summary", "There are 443 of them.", Number},
		{"a rule about the gateway", "rule", rule(map[string]any{"sources": []any{"192.0.2.1"}}), UnknownHandle},
		{"a rule about everybody", "rule", rule(map[string]any{"sources": []any{"0.0.0.0/0"}}), UnknownHandle},
		{"a rule about a host that was shown", "rule", rule(map[string]any{"sources": []any{"web-1:10142"}}), UnknownHandle},
		{"a rule for a port that was not shown", "rule", rule(map[string]any{"target": "22"}), UnknownHandle},
		{"two spaces", "summary", "web-1:10142  is slow.", BadCharacter},
	} {
		if got := g.Check([]byte(with(t, c.key, c.value))); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
