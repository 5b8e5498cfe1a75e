package sink

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// NotifyOptions say whom to notify, and how.
type NotifyOptions struct {
	Options
	// Format is one of Formats.
	Format string
	// URL or, for an address that is a secret itself, URLFile is where to post.
	URL, URLFile string
	// TokenFile, if any, holds a token that is sent as a bearer's.
	TokenFile string
	// SecretFile, if any, holds the key with which bodies are signed.
	SecretFile string
}

// The headers of the formats that programs read.
const (
	// KeyHeader is the same whenever a message is sent again.
	KeyHeader = "Idempotency-Key"
	// SignatureHeader is "t=SECONDS,v1=HEX": a time of Unix, and the HMAC-SHA256 of
	// the time, a full stop and the body.
	SignatureHeader = "X-Packetscope-Signature"
	// HopsHeader is how many annotators the message went through.
	HopsHeader = "X-Packetscope-Hops"
)

// MostHops is how many annotators a message may go through. More are a circle.
const MostHops = 2

// A format is how a kind of receiver is spoken to.
type format struct {
	// body writes the message; to is the configured address.
	body func(m Message, to *url.URL, bases []*url.URL) ([]byte, error)
	// judge tells whether an answer with a status of 2xx means that the message was
	// taken; nil if it always does.
	judge func(answer) (Class, error)
	// target returns the address to post to; nil is the configured one.
	target func(to *url.URL) *url.URL
	// program is set if a program reads the message, which needs a key, a signature
	// and the hops.
	program bool
	// capability is set if knowing the address is what allows to post there: then
	// 404 and 410 mean that it was revoked.
	capability bool
}

var formats = map[string]format{
	"packetscope":  {body: packetscopeBody, program: true},
	"alertmanager": {body: alertmanagerBody, program: true},
	"slack":        {body: slackBody, judge: slackTook, capability: true},
	"discord":      {body: discordBody, judge: discordTook, capability: true},
	"msteams":      {body: teamsBody, judge: teamsTook, capability: true},
	"ntfy":         {body: ntfyBody, judge: ntfyTook, target: ntfyServer},
}

// Formats returns the names of the formats, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// A Notify posts each message to one receiver. A crash between a delivery and the
// storing of its state makes it post the message a second time; programs tell by the
// Idempotency-Key.
type Notify struct {
	options NotifyOptions
	format  format
	bases   []*url.URL
	client  *client
}

var _ Sink = (*Notify)(nil)

// NewNotify checks the options; it reads no file and asks nobody.
func NewNotify(o NotifyOptions) (*Notify, error) {
	o.Options = o.filled()
	f, ok := formats[o.Format]
	if !ok {
		return nil, fmt.Errorf("sink %q: format %q is not one of %q", o.Name, o.Format, Formats())
	}
	if (o.URL == "") == (o.URLFile == "") {
		return nil, fmt.Errorf("sink %q: give either an address or a file that holds one", o.Name)
	}
	if o.URL != "" {
		if _, err := parseBase(o.URL); err != nil {
			return nil, fmt.Errorf("sink %q: %w", o.Name, err)
		}
	}
	bases, err := parseBases(o.Links)
	if err != nil {
		return nil, fmt.Errorf("sink %q: %w", o.Name, err)
	}
	return &Notify{options: o, format: f, bases: bases, client: newClient(o.Options)}, nil
}

// Name returns the configured name.
func (n *Notify) Name() string { return n.options.Name }

// Check reads the address and the secrets. It posts nothing.
func (n *Notify) Check(context.Context) error {
	_, err := n.address()
	errs := []error{err}
	for what, file := range map[string]string{"token": n.options.TokenFile, "signing key": n.options.SecretFile} {
		if file != "" {
			_, err := readSecret(what, file)
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &Error{Sink: n.Name(), Class: Pause, Err: err}
	}
	return nil
}

// Send posts the message, unless its revision was posted already.
func (n *Notify) Send(ctx context.Context, m Message, last State) (State, error) {
	known := markOf(last)
	if known.Revision >= m.Revision && m.fault() == nil {
		return last, nil
	}
	r, err := n.callOf(m)
	if err != nil {
		return last, err
	}
	a, err := n.client.do(ctx, r)
	if err != nil {
		return last, err
	}
	if err := n.judge(r, a); err != nil {
		return last, err
	}
	return mark{Revision: m.Revision}.state(), nil
}

// callOf makes the request of a message.
func (n *Notify) callOf(m Message) (call, error) {
	fail := func(class Class, err error) (call, error) {
		return call{}, &Error{Sink: n.Name(), Class: class, Err: err}
	}
	if err := m.fault(); err != nil {
		return fail(Dead, err)
	}
	if n.format.program && m.Hops+1 > MostHops {
		return fail(Dead, fmt.Errorf("the message went through %d annotators already; annotators notify each other in a circle", m.Hops))
	}
	to, err := n.address()
	if err != nil {
		return fail(Pause, err)
	}
	body, err := n.format.body(m, to, n.bases)
	if err != nil {
		return fail(Dead, fmt.Errorf("write the message as %s: %w", n.options.Format, err))
	}
	r := call{method: http.MethodPost, url: to, header: make(http.Header), body: body}
	r.secrets = addressSecrets(to)
	if n.format.target != nil {
		r.url = n.format.target(to)
	}
	if n.options.TokenFile != "" {
		token, err := readSecret("token", n.options.TokenFile)
		if err != nil {
			return fail(Pause, err)
		}
		r.header.Set("Authorization", "Bearer "+token)
		r.secrets = append(r.secrets, token)
	}
	if n.format.program {
		r.header.Set(KeyHeader, m.Key())
		r.header.Set(HopsHeader, strconv.Itoa(m.Hops+1))
	}
	if n.options.SecretFile != "" {
		key, err := readSecret("signing key", n.options.SecretFile)
		if err != nil {
			return fail(Pause, err)
		}
		r.header.Set(SignatureHeader, signature(key, n.options.Now().Unix(), body))
	}
	return r, nil
}

// addressSecrets returns the parts of an address that a server may quote: the whole,
// and what is long enough to be a token.
func addressSecrets(to *url.URL) []string {
	const shortest = 8
	parts := strings.FieldsFunc(to.RequestURI(), func(r rune) bool { return strings.ContainsRune("/?&=", r) })
	parts = slices.DeleteFunc(parts, func(p string) bool { return len(p) < shortest })
	return append([]string{to.String()}, parts...)
}

// address returns where to post.
func (n *Notify) address() (*url.URL, error) {
	raw := n.options.URL
	if n.options.URLFile != "" {
		var err error
		if raw, err = readSecret("address", n.options.URLFile); err != nil {
			return nil, err
		}
	}
	to, err := parseBase(raw)
	if err == nil && n.format.target != nil && n.format.target(to) == nil {
		err = errors.New("the address names no topic; it has to end with /TOPIC")
	}
	return to, err
}

// judge makes an error of an answer that does not say that the message was taken.
func (n *Notify) judge(r call, a answer) error {
	if !a.ok() {
		e := n.client.refusal(r, a)
		if n.format.capability && (a.code == http.StatusNotFound || a.code == http.StatusGone) {
			e.Class = Pause
		}
		return e
	}
	if n.format.judge == nil {
		return nil
	}
	if class, err := n.format.judge(a); err != nil {
		err = fmt.Errorf("%s: status %d: %w%s", r.method, a.code, err, quote(a.body, r.secrets))
		return &Error{Sink: n.Name(), Class: class, Code: a.code, Err: err}
	}
	return nil
}

func signature(key string, seconds int64, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%d.", seconds)
	mac.Write(body)
	return fmt.Sprintf("t=%d,v1=%s", seconds, hex.EncodeToString(mac.Sum(nil)))
}
