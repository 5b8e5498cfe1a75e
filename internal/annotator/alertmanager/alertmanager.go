// Package alertmanager asks Alertmanager which alerts fire, over version 2 of its API,
// to find what its webhooks did not tell: alerts that were truncated, and ends that got
// lost.
package alertmanager

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/remote"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// What is asked for, below the URL of Alertmanager.
const (
	Path          = "/api/v2/alerts"
	ReceiversPath = "/api/v2/receivers"
)

// mostAnswer is the size of the largest answer in bytes: at 500 bytes and more for an
// alert, those of 30,000.
const mostAnswer = 16 << 20

// Options say which Alertmanager to ask.
type Options struct {
	remote.Options
	// Receiver is the name of the receiver that sends to us; alerts that others get are
	// not ours. Empty: all are.
	Receiver string
}

// A Client asks one Alertmanager. It may be used from any goroutine.
type Client struct {
	remote   *remote.Client
	receiver string
	query    url.Values
}

// An Alert is one that has not ended. All text in it is a stranger's.
type Alert struct {
	// Fingerprint names the labels: 16 hexadecimal digits.
	Fingerprint         string
	Labels, Annotations map[string]string
	// StartsAt is zero if Alertmanager did not say.
	StartsAt time.Time
	// Muted tells that it fires and nobody is told: it is silenced or inhibited, or it is
	// not known as yet whether.
	Muted bool
	// GeneratorURL must never be fetched.
	GeneratorURL string
}

// New checks the options; it asks nobody.
func New(o Options) (*Client, error) {
	o.Most = cmp.Or(o.Most, mostAnswer)
	c, err := remote.New(o.Options)
	if err != nil {
		return nil, fmt.Errorf("alertmanager: %w", err)
	}
	query := url.Values{}
	if o.Receiver != "" {
		// It is a pattern for the whole name.
		query.Set("receiver", regexp.QuoteMeta(o.Receiver))
	}
	return &Client{c, o.Receiver, query}, nil
}

// Active returns all alerts that have not ended, those that nobody is told of included:
// an alert that was muted after its first message has not ended by that.
//
// Who is missing has ended, so that an answer of which anything cannot be understood is
// an error as a whole, and so is one about a receiver that there is not: its list is empty.
// Errors hold a *[remote.Error], but for a ctx that was cancelled.
func (c *Client) Active(ctx context.Context) ([]Alert, error) {
	var alerts []Alert
	err := c.ask(ctx, Path, c.query, func(body []byte) (err error) {
		alerts, err = decode(body)
		return err
	})
	// The receiver comes second: what was listed before it went away was still right.
	if err == nil && c.receiver != "" {
		err = c.ask(ctx, ReceiversPath, nil, c.known)
	}
	if err != nil {
		return nil, fmt.Errorf("alertmanager: %w", err)
	}
	return alerts, nil
}

// ask reads the answer at a path.
func (c *Client) ask(ctx context.Context, path string, query url.Values, read func([]byte) error) error {
	answer, err := c.remote.Get(ctx, path, query)
	if err != nil {
		return err
	}
	if err := read(answer.Body); err != nil {
		return &remote.Error{Class: remote.Invalid, Status: answer.Status, Err: err}
	}
	return nil
}

// known returns an error if the receiver is not in a list of all.
func (c *Client) known(body []byte) error {
	var said []struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return errors.New("the answer is no list of receivers: is this the URL of Alertmanager?")
	}
	for _, s := range said {
		if s.Name == c.receiver {
			return nil
		}
	}
	return fmt.Errorf("no receiver is named %q: alertmanager.receiver in the config has to name the one that sends to us", c.receiver)
}

var fingerprint = regexp.MustCompile(`^[0-9a-f]{16}$`)

// decode passes over fields that it does not know.
func decode(body []byte) ([]Alert, error) {
	var said []struct {
		Fingerprint  string            `json:"fingerprint"`
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
		StartsAt     string            `json:"startsAt"`
		GeneratorURL string            `json:"generatorURL"`
		Status       struct {
			State string `json:"state"`
		} `json:"status"`
	}
	// Null would say that nothing fires.
	if err := json.Unmarshal(body, &said); err != nil || said == nil {
		return nil, errors.New("the answer is no list of alerts: is this the URL of Alertmanager?")
	}
	alerts := make([]Alert, 0, len(said))
	for i, s := range said {
		if len(s.Labels) == 0 {
			return nil, fmt.Errorf("alert %d of the answer has no labels", i)
		}
		a := Alert{
			Fingerprint: s.Fingerprint, Labels: s.Labels, Annotations: s.Annotations,
			Muted: s.Status.State != "" && s.Status.State != "active", GeneratorURL: s.GeneratorURL,
		}
		if !fingerprint.MatchString(a.Fingerprint) {
			a.Fingerprint = webhook.Fingerprint(s.Labels)
		}
		if at, err := time.Parse(time.RFC3339Nano, s.StartsAt); err == nil {
			a.StartsAt = at
		}
		alerts = append(alerts, a)
	}
	return alerts, nil
}
