package model

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	defaultTimeout   = 90 * time.Second
	defaultMaxTokens = 900
)

// A Provider is a server of models, and the model to ask it for.
type Provider struct {
	// Name is a label of metrics, and what quirks are kept under. It is unique.
	Name string
	// BaseURL ends before "/chat/completions", as in "https://api.openai.com/v1".
	BaseURL string
	Model   string
	// KeyFile holds the key, and is read at each use, so that a new key needs no reload.
	// If empty no key is sent.
	KeyFile string
	// KeyHeader is the header that takes the bare key, such as "api-key" for Azure. If empty
	// the key is sent as "Authorization: Bearer".
	KeyHeader string
	// Timeout limits all that is asked of this provider for one answer. If zero it is 90 s.
	Timeout time.Duration
	// Temperature is not sent if nil.
	Temperature *float64
	// MaxTokens limits an answer, thoughts included. If zero it is 900.
	MaxTokens int64
	Price     Price
	// Proxy is the URL of a proxy. If empty there is none, whatever the environment says.
	Proxy string
	// TLS is how to trust the server. If nil the authorities of the system are trusted.
	TLS *tls.Config
}

// A Price is for a million tokens, in whatever currency the operator counts.
type Price struct {
	Prompt, Completion float64
}

// Check returns all that is wrong with the provider, each with its cure.
func (p Provider) Check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if p.Name == "" {
		fault("provider has no name: give it one, it labels the metrics")
	}
	if p.Model == "" {
		fault("provider %q names no model: set the name that the server knows it by", p.Name)
	}
	if err := checkBaseURL(p.BaseURL); err != nil {
		fault("provider %q: %w", p.Name, err)
	}
	if p.KeyHeader != "" && !headerName.MatchString(p.KeyHeader) {
		fault("provider %q: %q is no name of a header", p.Name, p.KeyHeader)
	}
	if slices.ContainsFunc(ownHeaders, func(own string) bool { return strings.EqualFold(p.KeyHeader, own) }) {
		fault("provider %q: header %q is no place for a key: leave it out, or set api-key", p.Name, p.KeyHeader)
	}
	if p.Timeout < 0 || p.MaxTokens < 0 || p.Price.Prompt < 0 || p.Price.Completion < 0 {
		fault("provider %q: times, tokens and prices cannot be negative", p.Name)
	}
	if p.Temperature != nil && !(*p.Temperature >= 0 && *p.Temperature <= 2) {
		fault("provider %q: the temperature %v is not between 0 and 2", p.Name, *p.Temperature)
	}
	if _, err := p.proxy(); err != nil {
		fault("provider %q: %w", p.Name, err)
	}
	return errors.Join(faults...)
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// ownHeaders are written by HTTP itself, or carry the key in another form.
var ownHeaders = []string{"Authorization", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Host", "Accept", "User-Agent"}

// completions is what the library appends to a base URL.
const completions = "/chat/completions"

func checkBaseURL(text string) error {
	base, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("base URL does not parse: it looks like https://host/v1") // the error would quote passwords
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return errors.New("base URL must begin with http:// or https:// and name a host")
	case base.User != nil:
		return errors.New("base URL holds a user or password: put the key into a file")
	case base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return fmt.Errorf("base URL of %q has a query or fragment: leave it out (Azure takes keys at /openai/v1/ without one)", base.Host)
	case strings.HasSuffix(strings.TrimRight(base.Path, "/"), completions):
		return fmt.Errorf("base URL of %q ends with %s, which is appended: end it before", base.Host, completions)
	}
	return nil
}

// proxy returns nil if there is none.
func (p Provider) proxy() (*url.URL, error) {
	if p.Proxy == "" {
		return nil, nil
	}
	proxy, err := url.Parse(p.Proxy)
	if err != nil || proxy.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme) {
		return nil, errors.New("proxy must be a URL with http, https or socks5")
	}
	return proxy, nil
}

func (p Provider) withDefaults() Provider {
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if p.MaxTokens == 0 {
		p.MaxTokens = defaultMaxTokens
	}
	return p
}
