package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// A Class says how a request ended. The set is closed: it is a label of metrics.
type Class string

const (
	OK Class = "ok"
	// Timeout: there was no answer in time.
	Timeout Class = "timeout"
	// Network: no connection, or it broke, or its certificate is not trusted.
	Network Class = "network"
	// Redirect: the server leads elsewhere.
	Redirect Class = "redirect"
	// Auth: the token is missing, wrong, or not for this.
	Auth Class = "auth"
	// Refused: any other status of 4xx.
	Refused Class = "refused"
	// Server: a status of 5xx, or one that is none.
	Server Class = "server"
	// TooLarge: the answer is longer than the limit.
	TooLarge Class = "too_large"
	// Invalid: the answer is not what was asked for.
	Invalid Class = "invalid"
	// Secret: the file of the token cannot be read, or holds none. Nothing was sent.
	Secret Class = "secret"
)

// Classes returns all classes.
func Classes() []Class {
	return []Class{OK, Timeout, Network, Redirect, Auth, Refused, Server, TooLarge, Invalid, Secret}
}

// ClassOf returns the class of an error of this package, OK of nil, and Invalid of any
// other.
func ClassOf(err error) Class {
	if err == nil {
		return OK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Invalid
}

// An Error is the reason why there is no answer. It unwraps to
// [context.DeadlineExceeded] if its class is Timeout.
type Error struct {
	Class Class
	// Status is of HTTP, or 0 if there was no answer.
	Status int
	Err    error
}

// Error tells the status and the reason.
func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("status %d: %v", e.Status, e.Err)
	}
	return e.Err.Error()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// silence makes an error of a request that got no answer.
func silence(err error) error {
	// The outer error repeats the query.
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Class: Timeout, Err: fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)}
	}
	return &Error{Class: Network, Err: err}
}

func classOf(status int) Class {
	switch {
	case status >= 200 && status < 300:
		return OK
	case status >= 300 && status < 400:
		return Redirect
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return Auth
	case status >= 400 && status < 500:
		return Refused
	}
	return Server
}
