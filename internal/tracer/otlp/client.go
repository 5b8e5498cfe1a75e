package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const protobufType = "application/x-protobuf"

// mostAnswer is how much of an answer is read.
const mostAnswer = 64 << 10

// A client posts to one receiver.
type client struct {
	config Config
	http   http.Client
	now    func() time.Time
}

func newClient(c Config) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.TLS
	// One goroutine posts.
	transport.MaxIdleConnsPerHost = 1
	return &client{config: c, now: time.Now, http: http.Client{
		Transport: transport,
		Timeout:   c.Timeout,
		// The headers may hold a password, which is not for whoever is named there.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// A verdict is what a receiver says of what it took.
type verdict struct {
	// rejected counts the spans that it refuses for good.
	rejected int64
	message  string
}

// encode makes the body of requests.
func (c *client) encode(request *collector.ExportTraceServiceRequest) ([]byte, error) {
	plain, err := proto.Marshal(request)
	if err != nil || !c.config.Gzip {
		return plain, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// post tries once. What may be tried again is a retryError.
func (c *client) post(ctx context.Context, body []byte) (verdict, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.Endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return verdict{}, err
	}
	request.Header = c.config.Headers.Clone()
	request.Header.Set("Content-Type", protobufType)
	request.Header.Set("User-Agent", "packetscope/"+c.config.Resource.Version)
	if c.config.Gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		// Its text has the URL, whose password it hides.
		return verdict{}, &retryError{err: fmt.Errorf("%w%s", err, c.config.hint())}
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	switch {
	case err != nil:
		return verdict{}, &retryError{err: fmt.Errorf("read the receiver's answer: %w", err)}
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return verdict{}, failureOf(answer, said, c.now())
	}
	return verdictOf(answer, said)
}

// verdictOf decodes an answer of success.
func verdictOf(answer *http.Response, body []byte) (verdict, error) {
	var response collector.ExportTraceServiceResponse
	var err error
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	switch {
	case len(body) == 0:
	case kind == "application/json":
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, &response)
	default:
		err = proto.Unmarshal(body, &response)
	}
	if err != nil {
		return verdict{}, fmt.Errorf("the receiver answers %s with %q, which is none of OTLP (is it a receiver of OTLP over HTTP?)", answer.Status, kind)
	}
	part := response.GetPartialSuccess()
	return verdict{max(part.GetRejectedSpans(), 0), part.GetErrorMessage()}, nil
}
