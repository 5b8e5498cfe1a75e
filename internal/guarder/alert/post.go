package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// A Target is an Alertmanager.
type Target struct {
	// URL is the server's own, such as https://example.net/alertmanager, without a user.
	URL string
	// TokenFile, if any, holds a token that is sent as a bearer's. User, if any, is sent with
	// the password in PasswordFile.
	TokenFile, User, PasswordFile string
	// CAFile, if any, holds the certificates that are trusted, and no others; CertFile and
	// KeyFile, if any, are how this host tells who it is. ServerName is what the server's
	// certificate must be for, if it is not the host of the URL.
	CAFile, CertFile, KeyFile, ServerName string
	// Timeout is that of one request.
	Timeout time.Duration
}

// DefaultTimeout is that of Prometheus' alertmanager_config.
const DefaultTimeout = 10 * time.Second

// mostAnswer is how much of an answer is read, and mostSecret of a file with a secret.
const (
	mostAnswer = 64 << 10
	mostSecret = 16 << 10
)

// ParseURL checks the URL of a target. Errors do not show it, as it may hold a password.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the URL is not of the form https://host/path")
	case u.User != nil:
		return nil, errors.New("the URL holds a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the URL holds a query or fragment")
	}
	return u, nil
}

// A Client speaks to an Alertmanager by its API v2.
type Client struct {
	target Target
	base   *url.URL
	http   http.Client
}

// NewClient reads the certificates, and asks nobody. Secrets are read at each use.
func NewClient(t Target) (*Client, error) {
	base, err := ParseURL(t.URL)
	if err != nil {
		return nil, err
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		text, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, err
		}
		if trust.RootCAs = x509.NewCertPool(); !trust.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		own, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, err
		}
		trust.Certificates = []tls.Certificate{own}
	}
	if t.Timeout == 0 {
		t.Timeout = DefaultTimeout
	}
	return &Client{target: t, base: base, http: http.Client{
		// Without Proxy none of the environment gets the token.
		Transport:     &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true, DisableCompression: true, IdleConnTimeout: 5 * time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       t.Timeout,
	}}, nil
}

// A posted alert is one as POST /api/v2/alerts takes it.
type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// Post sends alerts.
func (c *Client) Post(ctx context.Context, alerts []Alert) error {
	all := make([]posted, 0, len(alerts))
	for _, a := range alerts {
		p := posted{a.Labels, a.Annotations, a.FiredAt, a.ValidUntil}
		if a.State == Resolved {
			p.EndsAt = a.ResolvedAt
		}
		all = append(all, p)
	}
	body, err := json.Marshal(all)
	if err != nil {
		return err
	}
	_, err = c.ask(ctx, http.MethodPost, "/api/v2/alerts", body)
	return err
}

// Version asks an Alertmanager for its version.
func (c *Client) Version(ctx context.Context) (string, error) {
	body, err := c.ask(ctx, http.MethodGet, "/api/v2/status", nil)
	if err != nil {
		return "", err
	}
	var status struct {
		VersionInfo struct {
			Version string `json:"version"`
		} `json:"versionInfo"`
	}
	if json.Unmarshal(body, &status) != nil || status.VersionInfo.Version == "" {
		return "", errors.New("the answer is not that of an Alertmanager")
	}
	return status.VersionInfo.Version, nil
}

func (c *Client) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	r.Header.Set("User-Agent", "packetscope")
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if err := c.authorize(r); err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("answers %s: %.200q", answer.Status, text)
	}
	return text, nil
}

// authorize adds who asks.
func (c *Client) authorize(r *http.Request) error {
	switch {
	case c.target.User != "":
		password, err := ReadSecret(c.target.PasswordFile)
		if err != nil {
			return err
		}
		r.SetBasicAuth(c.target.User, password)
	case c.target.TokenFile != "":
		token, err := ReadSecret(c.target.TokenFile)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// ReadSecret returns the one word in a file. Errors never show it.
func ReadSecret(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostSecret+1))
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(text))
	if len(words) != 1 || len(text) > mostSecret || strings.ContainsFunc(words[0], func(r rune) bool { return r < '!' || r > '~' }) {
		return "", fmt.Errorf("%s does not hold one word of ASCII; write nothing but the secret into it", file)
	}
	return words[0], nil
}
