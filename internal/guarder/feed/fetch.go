package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// fetchWithin is how long a list may take, from asking for the name of its server to its
// last byte: a million entries at 2 MB/s take a quarter of it.
const fetchWithin = time.Minute

// maxRedirects is how often a server may send on to another address.
const maxRedirects = 5

// A Tag is what a source said of a list, by which it can tell whether it has changed. Its
// zero value asks for the list in any case.
type Tag struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
}

// A Fetcher brings lists from their sources. Its methods may be called from several
// goroutines.
type Fetcher struct {
	client *http.Client
	agent  string
}

// NewFetcher returns one that tells servers that it is agent.
func NewFetcher(agent string) *Fetcher {
	return &Fetcher{agent: agent, client: &http.Client{CheckRedirect: checkRedirect}}
}

// checkRedirect follows servers, but never from an encrypted address to one that is not,
// and without the key to another server than it is for: net/http leaves out Authorization
// there, and does not know of this one.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return fmt.Errorf("redirect from https to %s://%s", next.URL.Scheme, next.URL.Host)
	}
	if next.URL.Host != via[0].URL.Host {
		next.Header.Del(keyHeader)
	}
	return nil
}

// keyHeader is where CrowdSec's local API wants its key.
const keyHeader = "X-Api-Key"

// Fetch returns the list of a feed, or nil if it is as it was when it had the tag. The
// error is a [*Refusal]; then the tag is the old one.
func (f *Fetcher) Fetch(ctx context.Context, p *policy.Feed, was Tag, now time.Time) (*List, Tag, error) {
	read := f.get
	if p.File != "" {
		read = readFile
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	l, tag, err := read(ctx, p, was, now)
	if err != nil {
		return nil, was, err
	}
	return l, tag, nil
}

// readFile reads a list from a file.
func readFile(_ context.Context, p *policy.Feed, was Tag, now time.Time) (*List, Tag, error) {
	info, err := os.Stat(p.File)
	if err != nil {
		return nil, was, &Refusal{Unreachable, err}
	}
	if !info.Mode().IsRegular() { // a pipe would never end
		return nil, was, refuse(Unreachable, "%s is no regular file", p.File)
	}
	tag := Tag{Modified: fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size())}
	if tag == was && p.Format != policy.CrowdSec {
		return nil, was, nil
	}
	file, err := os.Open(p.File)
	if err != nil {
		return nil, was, &Refusal{Unreachable, err}
	}
	defer file.Close()
	l, err := Read(p.File, file, p, now)
	return l, tag, err
}

// get asks a server for a list.
func (f *Fetcher) get(ctx context.Context, p *policy.Feed, was Tag, now time.Time) (*List, Tag, error) {
	request, err := f.request(ctx, p, was)
	if err != nil {
		return nil, was, &Refusal{Unreachable, err}
	}
	answer, err := f.client.Do(request)
	if err != nil {
		return nil, was, &Refusal{reasonOf(err), withoutQuery(err)}
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotModified && was != (Tag{}):
		return nil, was, nil
	case answer.StatusCode != http.StatusOK:
		return nil, was, refuse(BadStatus, "%s: %s", p.Shown(), answer.Status)
	case answer.ContentLength > MaxBytes(p):
		return nil, was, refuse(TooLarge, "%s: %d bytes, more than %d (see max_entries)", p.Shown(), answer.ContentLength, MaxBytes(p))
	}
	l, err := Read(p.Shown(), answer.Body, p, now)
	if err != nil {
		return nil, was, err
	}
	tag := Tag{answer.Header.Get("ETag"), answer.Header.Get("Last-Modified")}
	if p.Format == policy.CrowdSec {
		tag = Tag{} // how long decisions last changes with each answer
	}
	return l, tag, nil
}

// reasonOf tells what a question failed of.
func reasonOf(err error) Reason {
	var asked *url.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &asked) && asked.Timeout() {
		return TimedOut
	}
	return Unreachable
}

// withoutQuery leaves out of an error of net/http what stands behind the question mark of
// the address: it may hold a key, and every user of the host is told of refusals.
func withoutQuery(err error) error {
	if asked := (*url.Error)(nil); errors.As(err, &asked) {
		asked.URL, _, _ = strings.Cut(asked.URL, "?")
	}
	return err
}

// request returns the question to a server.
func (f *Fetcher) request(ctx context.Context, p *policy.Feed, was Tag) (*http.Request, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, err
	}
	if p.Format == policy.CrowdSec && strings.Trim(u.Path, "/") == "" {
		u.Path, u.RawQuery = "/v1/decisions/stream", "startup=true"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", f.agent)
	if was.ETag != "" {
		request.Header.Set("If-None-Match", was.ETag)
	}
	if was.Modified != "" {
		request.Header.Set("If-Modified-Since", was.Modified)
	}
	if p.KeyFile != "" {
		key, err := readKey(p.KeyFile)
		if err != nil {
			return nil, err
		}
		request.Header.Set(keyHeader, key)
	}
	return request, nil
}

// maxKey is the most bytes of a key.
const maxKey = 4096

// readKey returns what stands in a file, without blanks around it.
func readKey(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("api_key_file: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKey))
	if err != nil {
		return "", fmt.Errorf("api_key_file: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsAny(key, "\r\n") {
		return "", fmt.Errorf("api_key_file %s: want one line with the key", path)
	}
	return key, nil
}
