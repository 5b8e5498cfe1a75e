package webhook

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A Delivery is a message with the bytes that it was read from.
type Delivery struct {
	Message
	// Body is the message as it came. It belongs to the inbox.
	Body []byte
	// Hops is how many annotators it went through.
	Hops int
}

// An Inbox keeps messages until they have been worked on.
type Inbox interface {
	// Put returns when the delivery, with its bad alerts, is on disk for good, and true if
	// it was not already. An error says that it may not be; the sender is then told to
	// come again. It returns when ctx ends at the latest, and may finish behind that.
	Put(ctx context.Context, d Delivery) (fresh bool, err error)
	// Bury keeps a body that is no message, for a person to look at.
	Bury(ctx context.Context, fault string, body []byte) error
}

// Errors of an [Auth].
var (
	// ErrUnknown is of a request without credentials, or with wrong ones: 401.
	ErrUnknown = errors.New("no or wrong credentials")
	// ErrForbidden is of credentials that are right, but for something else: 403.
	ErrForbidden = errors.New("the credentials are not for this")
)

// An Auth judges the credentials of a request: nil if they will do, else [ErrUnknown] or
// [ErrForbidden]. Any other error is as ErrUnknown.
type Auth func(*http.Request) error

// Limits bound what strangers can take. Zero is the default.
type Limits struct {
	// Body is the size of the largest message in bytes: 16 MiB.
	Body int64
	// Memory is the size of all messages that are being read or stored at a time: 16 MiB.
	// More are told to come again. It is at least Body. Until a message is stored it takes
	// some seven times its size.
	Memory int64
	// Read is how long a request may take to arrive: 5 s, Alertmanager's timeout in the
	// configuration that is shipped.
	Read time.Duration
	// Store is how long the inbox may take: 1 s.
	Store time.Duration
}
