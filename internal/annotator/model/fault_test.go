package model

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
)

func TestErrorsAreReadInAllShapes(t *testing.T) {
	for body, want := range map[string]fault{
		`{"error":{"message":"m","type":"t","param":"p","code":"c"}}`: {400, "c", "t", "p", "m"},
		`{"error":{"message":"m","type":null,"code":400}}`:            {400, "400", "", "", "m"},
		`{"error":"m"}`:                               {400, "", "", "", "m"},
		`{"error":["m"]}`:                             {400, "", "", "", `["m"]`},
		`{"error":null,"message":"m"}`:                {400, "", "", "", "m"},
		`{"object":"error","message":"m","type":"t"}`: {400, "", "t", "", "m"},
		`{"detail":"m"}`:                              {400, "", "", "", "m"},
		`{"detail":[{"msg":"m"}]}`:                    {400, "", "", "", `[{"msg":"m"}]`},
		`[{"error":{"code":400,"message":"m"}}]`:      {400, "400", "", "", "m"},
		`{"error":{"message":{"a":1},"param":["x"]}}`: {400, "", "", `["x"]`, `{"a":1}`},
		``:                     {status: 400},
		`<html>`:               {status: 400},
		`null`:                 {status: 400},
		`[]`:                   {status: 400},
		`"m"`:                  {status: 400},
		`{"errors":["m"]}`:     {status: 400},
		"\n {\"error\":\"m\"}": {400, "", "", "", "m"},
	} {
		if got := readFault(400, []byte(body)); got != want {
			t.Errorf("%s: got %+v, want %+v", body, got, want)
		}
	}
}

// Whatever a server sends is refused, or is what the library reads as it is meant.
func FuzzMendBody(f *testing.F) {
	for _, body := range []string{
		`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`,
		`{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"x"}]}}]}`,
		`{"choices":[{"error":{"code":502}}]}`, `{"error":"a"}`, `{"error":{"code":429}}`, `[{"error":{}}]`,
		`{"choices":[{"message":{"content":null,"refusal":"no"}}]}`, `{"detail":[{}]}`, `<html>`, ``,
	} {
		f.Add(200, []byte(body))
		f.Add(400, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 || status/100 == 3 {
			return
		}
		got, mended, err := mendBody(status, body)
		if err != nil {
			return
		}
		if got >= 400 {
			var outer struct{ Error *openai.Error }
			if err := json.Unmarshal(mended, &outer); err != nil || outer.Error == nil {
				t.Fatalf("the library cannot read the error %s: %v", mended, err)
			}
			want := readFault(got, mended)
			if diff := cmp.Diff(want.message, outer.Error.Message); diff != "" {
				t.Fatalf("message (-want +got):\n%s", diff)
			}
			if want.class() == OK || want.class() == "" {
				t.Fatalf("%+v is of no class", want)
			}
			return
		}
		var answer openai.ChatCompletion
		if err := json.Unmarshal(mended, &answer); err != nil || len(answer.Choices) != 1 {
			t.Fatalf("the library cannot read the answer %s: %v", mended, err)
		}
		if out := said(&answer, got); !out.class.said() || out.usage.Tokens() < 0 {
			t.Fatalf("got %+v", out)
		}
	})
}
