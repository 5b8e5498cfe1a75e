package remote

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options say which server to ask.
type Options struct {
	// URL is the server's own, such as https://example.net/prometheus.
	URL string
	// TokenFile, if any, holds a token that is sent as a bearer's.
	TokenFile string
	// User, if not "", is sent with the password in PasswordFile (RFC 7617), and no token is.
	User, PasswordFile string
	// Timeout is that of one request; 0 means 10 s.
	Timeout time.Duration
	// Most is the size of the largest answer in bytes; 0 means 4 MiB.
	Most int64
	// TLS may be nil for the system's certificates.
	TLS *tls.Config
	// Dial opens connections. If nil it is that of a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Client asks one server.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
}

// An Answer is what a server said, with a status that is 2xx.
type Answer struct {
	Status int
	Body   []byte
}

// New checks the options; it reads no file and asks nobody.
func New(o Options) (*Client, error) {
	base, err := ParseBase(o.URL)
	if err != nil {
		return nil, err
	}
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.Most = cmp.Or(o.Most, 4<<20)
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	config := o.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return &Client{options: o, base: base, http: &http.Client{
		// Without Proxy the environment is not asked for one.
		Transport: &http.Transport{
			DialContext:            o.Dial,
			TLSClientConfig:        config,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // a small answer could grow without bound
			MaxIdleConnsPerHost:    16,   // the queries of four alerts, four at a time
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// ParseBase checks the URL of a server. Errors do not show it, as it may hold a password.
func ParseBase(raw string) (*url.URL, error) {
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

// Get asks for a path below the server's URL.
//
// The error is an *[Error]; with it, the answer is what the server said, if it did.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (Answer, error) {
	return c.do(ctx, http.MethodGet, path, query.Encode(), nil)
}

// Post sends a form to a path below the server's URL. Errors are as those of Get.
func (c *Client) Post(ctx context.Context, path string, form url.Values) (Answer, error) {
	return c.do(ctx, http.MethodPost, path, "", strings.NewReader(form.Encode()))
}

func (c *Client) do(ctx context.Context, method, path, query string, form io.Reader) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	u := *c.base
	u.Path, u.RawPath, u.RawQuery = strings.TrimSuffix(u.Path, "/")+path, "", query
	request, err := http.NewRequestWithContext(ctx, method, u.String(), form)
	if err != nil {
		return Answer{}, &Error{Class: Invalid, Err: errors.New("the URL cannot be asked")}
	}
	request.Header.Set("User-Agent", "packetscope-annotator")
	request.Header.Set("Accept", "application/json")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err := c.authorize(request); err != nil {
		return Answer{}, &Error{Class: Secret, Err: err}
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, silence(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, c.options.Most+1))
	if err != nil {
		return Answer{}, silence(err)
	}
	if int64(len(body)) > c.options.Most {
		return Answer{}, &Error{Class: TooLarge, Status: response.StatusCode,
			Err: fmt.Errorf("the answer is longer than %d bytes", c.options.Most)}
	}
	answer := Answer{Status: response.StatusCode, Body: body}
	if class := classOf(answer.Status); class != OK {
		return answer, &Error{Class: class, Status: answer.Status, Err: errors.New(strings.ToLower(http.StatusText(answer.Status)))}
	}
	return answer, nil
}

// authorize adds who asks.
func (c *Client) authorize(request *http.Request) error {
	switch {
	case c.options.User != "":
		password, err := ReadSecret(c.options.PasswordFile)
		if err != nil {
			return err
		}
		request.SetBasicAuth(c.options.User, password)
	case c.options.TokenFile != "":
		token, err := ReadSecret(c.options.TokenFile)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}
