package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A client speaks HTTP for one sink.
type client struct {
	name    string
	timeout time.Duration
	now     func() time.Time
	http    *http.Client
}

func newClient(o Options) *client {
	config := o.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return &client{
		name:    o.Name,
		timeout: o.Timeout,
		now:     o.Now,
		http: &http.Client{
			// Without Proxy the environment is not asked for one.
			Transport: &http.Transport{
				DialContext:            o.Dial,
				TLSClientConfig:        config,
				TLSHandshakeTimeout:    o.Timeout,
				ForceAttemptHTTP2:      true,
				DisableCompression:     true, // a small answer could grow without bound
				MaxIdleConnsPerHost:    2,
				IdleConnTimeout:        time.Minute,
				MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// A call is one request. Nothing in secrets is shown in an error.
type call struct {
	method  string
	url     *url.URL
	header  http.Header
	body    []byte
	secrets []string
	// most is the largest answer in bytes; 0 means mostAnswer.
	most int64
}

// mostAnswer is above the 100 annotations of at most 1,500 bytes that a look-up can
// return.
const mostAnswer = 1 << 20

// An answer is what a server said.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

// ok tells whether the status is 2xx.
func (a answer) ok() bool { return a.code >= 200 && a.code < 300 }

// do returns the answer, whatever its status, or an *Error if there was none.
func (c *client) do(ctx context.Context, r call) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), bytes.NewReader(r.body))
	if err != nil {
		return answer{}, &Error{Sink: c.name, Class: Pause, Err: errors.New("the address cannot be asked")}
	}
	if r.header != nil {
		request.Header = r.header
	}
	request.Header.Set("User-Agent", "packetscope-annotator")
	request.Header.Set("Accept", "application/json, text/plain;q=0.5")
	if len(r.body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, c.silence(r, err)
	}
	defer response.Body.Close()
	most := r.most
	if most == 0 {
		most = mostAnswer
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return answer{}, c.silence(r, err)
	}
	if int64(len(body)) > most {
		return answer{}, &Error{Sink: c.name, Class: Retry, Code: response.StatusCode,
			Err: fmt.Errorf("%s: the answer is longer than %d bytes", r.method, most)}
	}
	return answer{code: response.StatusCode, header: response.Header, body: body}, nil
}

// silence makes an error of a request that got no answer.
func (c *client) silence(r call, err error) error {
	// The outer error would show the address, which may be secret.
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	class := Retry
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		class = Pause
	}
	return &Error{Sink: c.name, Class: class, Err: fmt.Errorf("%s: %w", r.method, err)}
}

// refusal makes an error of an answer whose status is not 2xx.
func (c *client) refusal(r call, a answer) *Error {
	e := &Error{Sink: c.name, Class: classOf(a.code), Code: a.code}
	if e.Class == Retry {
		e.After = retryAfter(a.header.Get("Retry-After"), c.now())
	}
	status := fmt.Sprintf("%s: status %d", r.method, a.code)
	switch {
	case a.code >= 300 && a.code < 400:
		e.Err = fmt.Errorf("%s: redirects are not followed; configure the address where it leads", status)
	default:
		e.Err = errors.New(status + quote(a.body, r.secrets))
	}
	return e
}

// quote returns the start of a server's words, without the secrets, for an error.
func quote(body []byte, secrets []string) string {
	const most = 200
	words := clean(string(body))
	for _, s := range secrets {
		if s != "" {
			words = strings.ReplaceAll(words, s, "[secret]")
		}
	}
	if words = (dialect{literal, inBytes}).fit(words, most); words == "" {
		return ""
	}
	return fmt.Sprintf(": %q", words)
}
