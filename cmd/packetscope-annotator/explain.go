package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/annotator/api"
	"github.com/packetscope/packetscope/internal/annotator/config"
)

// An explainFlags holds the command line of explain.
type explainFlags struct {
	url, tokenFile *string
	mode, focus    *string
	episode        *string
	labels         *map[string]string
	instance       *string
	window         *string
	scopes         *[]string
	dryRun, asJSON *bool
	timeout        *time.Duration
}

func addExplain(app *kingpin.Application) verb {
	command := app.Command("explain", "Ask a running annotator to explain an episode, or an alert that need not fire, or how a host is, from facts of now.")
	flags := explainFlags{
		url:       command.Flag("url", "Where the annotator is.").Default("http://127.0.0.1" + config.DefaultAddress).String(),
		tokenFile: command.Flag("token-file", "File with a token of the scope read.").String(),
		mode:      command.Flag("mode", "What it is about: "+strings.Join(api.Modes, ", ")+".").Default("balanced").Enum(api.Modes...),
		focus:     command.Flag("focus", "What to look at, in the mode custom.").String(),
		episode:   command.Flag("episode", "The name of an episode.").String(),
		labels:    command.Flag("label", "A label of an alert, such as alertname=PacketScopeDown; can be repeated.").StringMap(),
		instance:  command.Flag("instance", "Without an episode and an alert: the host, as HOST:PORT of its target; needed if there are several.").String(),
		window:    command.Flag("window", "Over how long to look at the host, from 5m to 7d.").String(),
		scopes:    command.Flag("scope", "What to look at of the host: "+strings.Join(scopes, ", ")+"; can be repeated. All of it if it is missing.").Enums(scopes...),
		dryRun:    command.Flag("dry-run", "Print the exact bytes that a model would be shown, and what may be added to them, and ask none.").Bool(),
		asJSON:    command.Flag("json", "Print JSON.").Bool(),
		timeout:   command.Flag("timeout", "How long to wait.").Default("10m").Duration(),
	}
	return func(ctx context.Context, e env, _ *slog.Logger) error { return explain(ctx, e, flags) }
}

// scopes are what can be looked at of a host.
var scopes = []string{"stats", "tcp", "udp", "icmp"}

// scopeOf returns the scope of those that are named, nil if none is.
func scopeOf(named []string) *api.Scope {
	if len(named) == 0 {
		return nil
	}
	has := func(name string) *bool { return new(slices.Contains(named, name)) }
	return &api.Scope{Stats: has("stats"), TCP: has("tcp"), UDP: has("udp"), ICMP: has("icmp")}
}

// explain asks, waits for the answer and prints it.
func explain(ctx context.Context, e env, flags explainFlags) error {
	ctx, cancel := context.WithTimeout(ctx, *flags.timeout)
	defer cancel()
	c := client{base: strings.TrimSuffix(*flags.url, "/")}
	if *flags.tokenFile != "" {
		token, err := os.ReadFile(*flags.tokenFile)
		if err != nil {
			return fmt.Errorf("read token: %w", err)
		}
		c.token = strings.TrimSpace(string(token))
	}
	question := api.Question{
		Mode: *flags.mode, Focus: *flags.focus, Episode: *flags.episode, Labels: *flags.labels, DryRun: *flags.dryRun,
		Instance: *flags.instance, Window: *flags.window, Scope: scopeOf(*flags.scopes),
	}
	work, err := c.ask(ctx, http.MethodPost, "/api/v1/explain?wait=30s", question)
	for err == nil && work.State == "running" {
		work, err = c.ask(ctx, http.MethodGet, "/api/v1/explain/"+work.ID+"?wait=30s", nil)
	}
	switch {
	case err != nil:
		return err
	case work.Error != nil:
		return fmt.Errorf("explain: %s", work.Error.Message)
	case work.Explained == nil:
		return errors.New("explain: the answer holds no explanation")
	case *flags.asJSON:
		encoder := json.NewEncoder(e.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(work.Explained)
	case *flags.dryRun:
		return printPrompt(e.stdout, work.Explained.Prompt)
	}
	return printExplained(e.stdout, work.Explained)
}

// A client asks an annotator.
type client struct{ base, token string }

// mostAnswer is the size of the largest answer that is read.
const mostAnswer = 4 << 20

func (c client) ask(ctx context.Context, method, path string, body any) (work api.Work, err error) {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return work, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, &text)
	if err != nil {
		return work, err
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	// A redirect would take the token elsewhere, and a proxy of the environment is nobody
	// that it was meant for.
	plain := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := plain.Do(r)
	if err != nil {
		return work, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return work, fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode/100 == 2 {
		if err := json.Unmarshal(answer, &work); err != nil {
			return work, fmt.Errorf("read answer of %s: %w", r.URL.Redacted(), err)
		}
		return work, nil
	}
	var fault api.Fault
	_ = json.Unmarshal(answer, &fault) // what is no fault has no message
	return work, fmt.Errorf("%s answers %s: %s", r.URL.Redacted(), response.Status, cmp.Or(fault.Error.Message, "without a reason"))
}
