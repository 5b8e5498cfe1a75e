package sink

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Class tells what to do about an error.
type Class string

// The classes.
const (
	// Retry: send again later, not before [Error.After] if that is not 0.
	Retry Class = "retry"
	// Pause: no message will be delivered before a person has mended something. The
	// sink is to rest, the message is to be kept.
	Pause Class = "pause"
	// Dead: this message will never be taken.
	Dead Class = "dead"
	// Gone: what was sent of the episode vanished. The returned state has forgotten
	// it, so that sending again creates it anew.
	Gone Class = "gone"
)

// An Error is the reason why a message was not delivered.
type Error struct {
	// Sink is the name of the sink.
	Sink  string
	Class Class
	// After is how long the receiver asked us to wait, at most an hour, or 0.
	After time.Duration
	// Code is the HTTP status, or 0 if there was no answer.
	Code int
	// Err is without secrets.
	Err error
}

// Error names the sink and the reason.
func (e *Error) Error() string { return fmt.Sprintf("sink %q: %v", e.Sink, e.Err) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of an error of a sink, and "" for nil. That of any
// other error is Retry.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Retry
}

// mostWait is the longest that a receiver can make us wait.
const mostWait = time.Hour

// retryAfter reads the header Retry-After: seconds or a date (RFC 9110, section
// 10.2.3).
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	var wait time.Duration
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil {
		wait = time.Duration(min(seconds, int64(mostWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), mostWait)
}

// classOf returns the class of an HTTP status that is not 2xx.
func classOf(code int) Class {
	switch {
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired:
		return Pause
	// The address is wrong, or somebody has to log in. Following it would send the
	// token somewhere else.
	case code >= 300 && code < 400:
		return Pause
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return Retry
	}
	return Dead
}
