package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
)

func TestAllFaultsOfAConfigurationAreTold(t *testing.T) {
	hot := 3.0
	at := func(base string) model.Provider { return model.Provider{Name: "a", Model: "m", BaseURL: base} }
	with := func(change func(*model.Provider)) model.Config {
		p := at("https://a.example/v1")
		change(&p)
		return model.Config{Providers: []model.Provider{p}}
	}
	only := func(base string) model.Config { return model.Config{Providers: []model.Provider{at(base)}} }
	const scheme = `provider "a": base URL must begin with http:// or https:// and name a host`
	for _, c := range []struct {
		config model.Config
		want   string
	}{
		{model.Config{}, ""},
		{only("https://api.openai.com/v1"), ""},
		{only("http://127.0.0.1:11434/v1/"), ""},
		{only("https://x.openai.azure.com/openai/v1/"), ""},
		{only(""), scheme},
		{only("api.openai.com/v1"), scheme},
		{only("file:///etc/passwd"), scheme},
		{only("https:///v1"), scheme},
		{only("https://a.example/%zz"), `provider "a": base URL does not parse: it looks like https://host/v1`},
		{only("https://user:pass@a.example/v1"), `provider "a": base URL holds a user or password: put the key into a file`},
		{only("https://a.example/v1?key=k"), `provider "a": base URL of "a.example" has a query or fragment: leave it out (Azure takes keys at /openai/v1/ without one)`},
		{only("https://a.example/v1/chat/completions/"), `provider "a": base URL of "a.example" ends with /chat/completions, which is appended: end it before`},
		{with(func(p *model.Provider) { p.KeyHeader = "api-key" }), ""},
		{with(func(p *model.Provider) { p.KeyHeader = "api key:" }), `provider "a": "api key:" is no name of a header`},
		{with(func(p *model.Provider) { p.KeyHeader = "host" }), `provider "a": header "host" is no place for a key: leave it out, or set api-key`},
		{with(func(p *model.Provider) { p.Temperature = &hot }), `provider "a": the temperature 3 is not between 0 and 2`},
		{with(func(p *model.Provider) { p.Temperature = new(float64) }), ""},
		{with(func(p *model.Provider) { p.Timeout = -1 }), `provider "a": times, tokens and prices cannot be negative`},
		{with(func(p *model.Provider) { p.Proxy = "socks5://127.0.0.1:1080" }), ""},
		{with(func(p *model.Provider) { p.Proxy = "127.0.0.1:3128" }), `provider "a": proxy must be a URL with http, https or socks5`},
		{
			model.Config{
				Providers: []model.Provider{{BaseURL: "https://a.example/v1"}, at("https://a.example"), at("https://b.example")},
				Budget:    model.Budget{CallsPerMinute: -1, ReserveCritical: 1},
				Breaker:   model.Breaker{Open: -1},
			},
			`provider has no name: give it one, it labels the metrics
provider "" names no model: set the name that the server knows it by
provider "a" is there twice: rename one
budget: calls and tokens cannot be negative
budget: the reserve for critical alerts is 1, and must be at least 0 and less than 1
breaker: failures and times cannot be negative`,
		},
	} {
		var got string
		if _, err := model.New(c.config); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestWhatIsNoKeyIsNotSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for text, want := range map[string]string{
		"":                            "the file is empty: write the key into it",
		" \n\t":                       "the file is empty: write the key into it",
		"two keys":                    "holds something else than one key",
		"a\r\nX-Evil: 1":              "holds something else than one key",
		"schlüssel":                   "holds something else than one key",
		strings.Repeat("k", 16<<10+1): "holds something else than one key",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		inBubble(t, func(t *testing.T, server *double.Server) {
			p := provider("a")
			p.KeyFile = path
			client := newClient(t, model.Config{Providers: []model.Provider{p}, Dial: server.Dial})
			_, err := client.Complete(t.Context(), request())
			got := failure(t, err)
			if got.Skip != model.SkipNoKey || !strings.HasSuffix(got.Err.Error(), want) || !strings.Contains(got.Err.Error(), path) {
				t.Errorf("%.20q: %+v, %v", text, got, got.Err)
			}
			if len(server.Sent()) > 0 {
				t.Errorf("%.20q: something was sent", text)
			}
		}, double.Say(good))
	}
}

func TestStatusTellsHowProvidersAre(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a"), provider("b"), provider("c")}, Dial: server.Dial})
		server.Play(double.Fail(401, ""), double.Reasoning(good))
		start := time.Now()
		if _, err := client.Complete(t.Context(), request()); err != nil {
			t.Fatal(err)
		}
		want := []model.Status{
			{Provider: "a", Model: "m", Mode: model.JSONSchema, Skip: model.SkipBreaker, Until: start.Add(30 * time.Minute)},
			{Provider: "b", Model: "m", Mode: model.JSONSchema, Quirks: model.Quirks{MaxCompletionTokens: true, NoTemperature: true}},
			{Provider: "c", Model: "m", Mode: model.JSONSchema},
		}
		if diff := cmp.Diff(want, client.Status()); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		if _, ok := client.TokensLeft(); ok {
			t.Error("tokens are limited")
		}
	})
}

func TestNonsenseIsNotAsked(t *testing.T) {
	client := newClient(t, model.Config{})
	for want, r := range map[string]model.Request{
		"ask model: nothing is asked":      {Schema: schema},
		"ask model: the schema is no JSON": {User: "a", Schema: []byte("{")},
	} {
		if _, err := client.Complete(t.Context(), r); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
