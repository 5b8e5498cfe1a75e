package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// An annotator proposes rules. It is another program, which reads what strangers send: of
// what it says nothing is taken on trust here.
type annotator struct {
	base  *url.URL
	token string
	http  http.Client
}

// A proposal is a rule as the annotator proposes it, in its API's words.
type proposal struct {
	ID      string    `json:"id"`
	Episode string    `json:"episode"`
	State   string    `json:"state"`
	By      string    `json:"by"`
	TTL     string    `json:"ttl"`
	YAML    string    `json:"yaml"`
	Ends    time.Time `json:"ends"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
}

// An approval is what the annotator is told of a rule that was adopted.
type approval struct {
	TTL    string `json:"ttl"`
	Reason string `json:"reason"`
	// MatchedShare is, of the live packets that the rule matched, the share of those of
	// established two-way traffic, 0 to 1; nil if nobody looked.
	MatchedShare *float64 `json:"matched_share,omitempty"`
}

const (
	annotatorTimeout = 10 * time.Second
	mostProposal     = 1 << 20 // bytes of an answer
	mostToken        = 16 << 10
)

// openAnnotator checks where the annotator is, and reads the files; it asks nobody.
func openAnnotator(address, tokenFile, caFile string) (*annotator, error) {
	base, err := url.Parse(address)
	if err != nil || base.Hostname() == "" || base.Scheme != "http" && base.Scheme != "https" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("--annotator: want an address such as https://annotator.example.net:10143, without a user and without a query")
	}
	a := &annotator{base: base}
	if tokenFile != "" {
		if a.token, err = readToken(tokenFile); err != nil {
			return nil, err
		}
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		text, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		if trust.RootCAs = x509.NewCertPool(); !trust.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca-file: %s holds no certificate in PEM", caFile)
		}
	}
	a.http = http.Client{
		// Without Proxy none of the environment gets the token.
		Transport:     &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       annotatorTimeout,
	}
	return a, nil
}

// readToken returns the one word in a file. Errors never show it.
func readToken(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostToken+1))
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	words := strings.Fields(string(text))
	if len(words) != 1 || len(text) > mostToken || strings.ContainsFunc(words[0], func(r rune) bool { return r < '!' || r > '~' }) {
		return "", fmt.Errorf("--token-file: %s does not hold one word of ASCII; write nothing but the token into it", file)
	}
	return words[0], nil
}

// proposal fetches one.
func (a *annotator) proposal(ctx context.Context, id string) (p proposal, err error) {
	body, err := a.ask(ctx, http.MethodGet, "/api/v1/suggestions/"+url.PathEscape(id), nil)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("the annotator at %s answers with what is no proposal: %s", a.base, printableLine(err.Error()))
	}
	if p.ID != id || strings.TrimSpace(p.YAML) == "" {
		return p, fmt.Errorf("the annotator at %s answers with another proposal, or one without a rule", a.base)
	}
	return p, nil
}

// approve tells that a proposal was adopted.
func (a *annotator) approve(ctx context.Context, id string, with approval) error {
	body, err := json.Marshal(with)
	if err != nil {
		return err
	}
	_, err = a.ask(ctx, http.MethodPost, "/api/v1/suggestions/"+url.PathEscape(id)+"/approve", body)
	return err
}

func (a *annotator) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := a.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the annotator: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostProposal+1))
	if err != nil {
		return nil, fmt.Errorf("answer of the annotator at %s: %w", a.base, err)
	}
	if fault := a.fault(answer, text); fault != nil {
		return nil, fault
	}
	return text, nil
}

// fault returns what is wrong with an answer, and what to do about it.
func (a *annotator) fault(answer *http.Response, text []byte) error {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	var said struct{ Error struct{ Message string } }
	if kind == "application/json" && answer.StatusCode >= http.StatusBadRequest {
		_ = json.Unmarshal(text, &said) // it need not say why
	}
	why := cmp.Or(printableLine(said.Error.Message), "it does not say why")
	switch {
	case len(text) > mostProposal:
		return fmt.Errorf("the annotator at %s answers with more than %d bytes: is it one?", a.base, mostProposal)
	case answer.StatusCode/100 == 3:
		return fmt.Errorf("the annotator at %s answers with a redirect to %q, which is not followed, as the token is not for everybody: give --annotator the address itself",
			a.base, printableLine(answer.Header.Get("Location")))
	case answer.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("the annotator at %s does not know who asks (%s): --token-file wants a file with a token of the scope approve", a.base, why)
	case answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("the annotator at %s refuses (%s): the token is not of the scope approve", a.base, why)
	case answer.StatusCode == http.StatusNotFound && said.Error.Message != "":
		return fmt.Errorf("the annotator at %s knows no such proposal (%s)", a.base, why)
	case kind != "application/json":
		return fmt.Errorf("the annotator at %s answers %s with %q in place of JSON: is it one?", a.base, answer.Status, printable(answer.Header.Get("Content-Type")))
	case answer.StatusCode/100 != 2:
		return fmt.Errorf("the annotator at %s answers %s: %s", a.base, answer.Status, why)
	}
	return nil
}
