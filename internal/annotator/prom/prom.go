// Package prom asks Prometheus for evidence: instant queries over its HTTP API, or that
// of whatever speaks it (Thanos, Mimir, VictoriaMetrics).
//
// The library of client_golang is not used, as it reads answers of any length, follows
// redirects, and asks again by GET, with the query in the URL and so in the logs of
// proxies, if a POST is forbidden.
package prom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/remote"
)

// A Client is an [evidence.Querier]. It may be used from any goroutine.
type Client struct {
	// Report, if not nil, is called behind each query, from its goroutine. It is set
	// before the first query.
	Report func(Outcome)

	remote *remote.Client
}

// An Outcome is how a query ended.
type Outcome struct {
	Class remote.Class
	// Err is nil if Class is [remote.OK].
	Err error
	// Series is the length of the result.
	Series int
	// Warnings are of the server, such as that the result may lack something. They are a
	// stranger's text.
	Warnings []string
	Took     time.Duration
}

var _ evidence.Querier = (*Client)(nil)

// New checks the options; it asks nobody.
func New(o remote.Options) (*Client, error) {
	c, err := remote.New(o)
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	return &Client{remote: c}, nil
}

// Query returns the result of an instant query, in the order of the server. A scalar is
// a sample without labels.
//
// Errors hold a *[remote.Error], but for a ctx that was cancelled. What Prometheus says
// of a query that it refuses is in them, quoted.
func (c *Client) Query(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
	began := time.Now()
	samples, warnings, err := c.query(ctx, expr, at)
	if err != nil {
		err = fmt.Errorf("prometheus: %w", err)
	}
	if c.Report != nil && !errors.Is(err, context.Canceled) {
		c.Report(Outcome{Class: remote.ClassOf(err), Err: err, Series: len(samples), Warnings: warnings, Took: time.Since(began)})
	}
	return samples, err
}

func (c *Client) query(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, []string, error) {
	answer, err := c.remote.Post(ctx, "/api/v1/query", form(ctx, expr, at))
	if err != nil {
		return nil, nil, explain(answer, err)
	}
	return read(answer)
}

func form(ctx context.Context, expr string, at time.Time) url.Values {
	form := url.Values{"query": {expr}}
	if !at.IsZero() {
		form.Set("time", strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64))
	}
	// The server need not work longer than anybody waits.
	if deadline, ok := ctx.Deadline(); ok {
		form.Set("timeout", strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10)+"ms")
	}
	return form
}

// read returns the samples and the warnings of an answer whose status is 2xx.
func read(answer remote.Answer) ([]evidence.Sample, []string, error) {
	var envelope envelope
	if err := json.Unmarshal(answer.Body, &envelope); err != nil || envelope.Status == "" {
		return nil, nil, invalid(answer, "the answer is no JSON of Prometheus: is this its URL?")
	}
	if envelope.Status != "success" {
		return nil, envelope.Warnings, invalid(answer, "%s", envelope.said())
	}
	samples, err := envelope.Data.samples()
	if err != nil {
		return nil, envelope.Warnings, invalid(answer, "%w", err)
	}
	return samples, envelope.Warnings, nil
}

// explain adds what Prometheus says of an error, of which the form is that of a result.
func explain(answer remote.Answer, err error) error {
	var envelope envelope
	status, ok := errors.AsType[*remote.Error](err)
	if !ok || json.Unmarshal(answer.Body, &envelope) != nil || envelope.ErrorType == "" {
		return err
	}
	e := *status
	e.Err = errors.New(envelope.said())
	// A query that took the server too long is answered with 503.
	if envelope.ErrorType == "timeout" {
		e.Class, e.Err = remote.Timeout, fmt.Errorf("%w: %s", context.DeadlineExceeded, envelope.said())
	}
	return &e
}

func invalid(answer remote.Answer, format string, args ...any) error {
	return &remote.Error{Class: remote.Invalid, Status: answer.Status, Err: fmt.Errorf(format, args...)}
}
