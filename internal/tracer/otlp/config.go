package otlp

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"time"
)

// Defaults of the specification.
const (
	DefaultEndpoint = "http://localhost:4318"
	DefaultTimeout  = 10 * time.Second
)

// A Config says where traces go to. [FromEnvironment] makes one.
type Config struct {
	// Endpoint is where traces are posted, with the path.
	Endpoint *url.URL
	// Headers go with each request.
	Headers http.Header
	// Timeout is that of one attempt.
	Timeout time.Duration
	Gzip    bool
	// TLS is nil for the defaults.
	TLS      *tls.Config
	Resource Resource
}

// String returns the endpoint without its password.
func (c Config) String() string { return c.Endpoint.Redacted() }

// hint says what is likely to be wrong with an endpoint that does not answer.
func (c Config) hint() string {
	if c.Endpoint.Port() == "4317" {
		return " (4317 is for gRPC; OTLP over HTTP usually listens on 4318)"
	}
	return ""
}
