package model

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

const object = `{"a":{"b":[1,"}"]}}`

func TestTheOneObjectIsFound(t *testing.T) {
	for name, text := range map[string]string{
		"alone":                        object,
		"after a byte order mark":      "\ufeff" + object + "\n",
		"after a thought":              "<think>\nMaybe {\"a\":1}? No.\n</think>\n" + object,
		"after two thoughts":           "<think>a</think><think>{}</think>" + object,
		"after a thought begun before": "Maybe {\"a\":1}? No.\n</think>\n\n" + object,
		"after other tags":             "<reasoning>hm</reasoning>" + object,
		"in a fence":                   "```json\n" + object + "\n```",
		"in a fence after a thought":   "<thinking>{}</thinking>\n```\n" + object + "\n```\nDone.",
		"after a sentence":             "Here is the answer {as asked}: " + object + " I hope {this} helps.",
		"after braces":                 "{{{ " + object,
	} {
		got, ok := extract([]byte(text))
		if !ok || string(got) != object {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	// What looks like the end of a thought is the text of an answer.
	text := `{"a":"</think>{\"b\":1}"}`
	if got, ok := extract([]byte(text)); !ok || string(got) != text {
		t.Errorf("an end of a thought in a string: %q, %v", got, ok)
	}
}

func TestNoObjectIsMadeUp(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                      "",
		"a sentence":                   "I cannot help with that.",
		"an array":                     "[1]",
		"two objects":                  `{"a":1} {"a":1}`,
		"two objects in fences":        "```json\n{}\n```\nor\n```json\n{}\n```",
		"one cut off":                  `{"a":{"b":1},"c`,
		"the inside of a broken one":   `{"a":{"b":1}, c: {"d" 1}}`,
		"one in a thought":             `<think>{"a":1}`,
		"one before a thought":         `{"a":1}<think>x</think>`,
		"one in a thought without end": `<think>x</think><think>{"a":1}`,
		"invalid UTF-8":                "{\"a\":\"\xff\"}",
		"a long one":                   `{"a":"` + strings.Repeat("a", maxAnswer) + `"}`,
		"single quotes":                `{'a':1}`,
		"deep":                         strings.Repeat(`{"a":`, 20_000),
	} {
		if got, ok := extract([]byte(text)); ok {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add([]byte(object), []byte("<think>{</think>"), []byte("```"))
	f.Add([]byte(`{"a":"</think>"}`), []byte("Here {is} it: "), []byte(" {"))
	f.Add([]byte(`{`), []byte("{{"), []byte("}}"))
	f.Fuzz(func(t *testing.T, middle, before, after []byte) {
		text := bytes.Join([][]byte{before, middle, after}, nil)
		kept := bytes.Clone(text)
		got, ok := extract(text)
		if !bytes.Equal(text, kept) {
			t.Fatal("the text was changed")
		}
		if !ok {
			if got != nil {
				t.Fatalf("%q without being one", got)
			}
			return
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(got, &object); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if !bytes.Contains(text, got) {
			t.Fatalf("%q was never said", got)
		}
		// It is settled: what was found is found in itself.
		if again, ok := extract(got); !ok || !bytes.Equal(again, got) {
			t.Fatalf("%q in %q", again, got)
		}
		// And it is the only one.
		if both := append(append(bytes.Clone(got), ' '), got...); len(both) <= maxAnswer {
			if again, ok := extract(both); ok {
				t.Fatalf("%q of two", again)
			}
		}
	})
}
