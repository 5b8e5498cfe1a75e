package model

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// service returns the library's part for a provider. It is not made by the library's
// NewClient, which takes keys, addresses and headers from the environment and sends them to
// whatever server. Its retries are off: they lose errors when a deadline is near, and the
// caller repeats.
func (p Provider) service(dial dialer) (openai.ChatCompletionService, error) {
	proxy, err := p.proxy()
	if err != nil {
		return openai.ChatCompletionService{}, err
	}
	transport := &http.Transport{
		DialContext:            dial,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// Calls are rare, and a connection that the server gave up meanwhile is a call lost.
		DisableKeepAlives: true,
		// One question a connection has no use for HTTP/2.
		Protocols: new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	if p.TLS != nil {
		transport.TLSClientConfig = p.TLS.Clone()
	}
	if proxy != nil {
		transport.Proxy = http.ProxyURL(proxy)
	}
	return openai.NewChatCompletionService(
		option.WithBaseURL(p.BaseURL),
		option.WithMaxRetries(0),
		option.WithHTTPClient(&http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	), nil
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)
