package sink

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net"
	"time"
)

// A Sink sends messages somewhere. Its methods may be called by several goroutines
// at a time, but Send not twice at a time for the same episode.
type Sink interface {
	// Name is the configured one.
	Name() string
	// Send delivers the message and returns what is to be remembered of the episode.
	// That is also to be remembered if there is an error, which is an [*Error]. A
	// message whose revision was delivered already, or a later one, is not sent.
	Send(ctx context.Context, m Message, last State) (State, error)
	// Check tells what would keep messages from being delivered, with the cure, as
	// far as that can be seen without sending one. It may join several errors. If the
	// class is Dead, it is some messages that are not delivered as they should be.
	Check(ctx context.Context) error
}

// A State is what a sink has to know of an episode when it sends the next message.
// It is opaque; nil is that of an episode of which nothing was sent.
type State []byte

// Options are common to all sinks.
type Options struct {
	// Name tells the sink from others in errors, metrics and the store.
	Name string
	// Timeout is that of one request; 0 means 10 s.
	Timeout time.Duration
	// TLS may be nil for the system's certificates.
	TLS *tls.Config
	// Dial opens connections. If nil it is that of a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Links are base URLs, such as those of Grafana and of the annotator. A link of a
	// message that is not below one of them is left out.
	Links []string
	// Logger hears of what is odd but not an error; nil means nobody does.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// defaultTimeout is long for a local Grafana and short for an outbox that has other
// episodes waiting. It is a choice, not a measurement.
const defaultTimeout = 10 * time.Second

func (o Options) filled() Options {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: o.Timeout}).DialContext
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// A mark is what is in a State.
type mark struct {
	// Revision is the last one delivered, or 0.
	Revision int `json:"revision,omitempty"`
	// ID, Time and End (in ms) are of the annotation; ID 0 is unknown.
	ID   int64 `json:"id,omitempty"`
	Time int64 `json:"time,omitempty"`
	End  int64 `json:"end,omitempty"`
	// Said is a digest of its text.
	Said string `json:"said,omitempty"`
	// Doubt is set if an annotation may have been created without our knowledge.
	Doubt bool `json:"doubt,omitempty"`
}

// markOf reads a state. One that cannot be read is like none: then the sink looks
// for what it has sent.
func markOf(s State) mark {
	var m mark
	if len(s) == 0 || json.Unmarshal(s, &m) != nil {
		return mark{}
	}
	return m
}

func (m mark) state() State {
	s, err := json.Marshal(m)
	if err != nil {
		panic(err) // numbers and booleans only
	}
	return s
}
