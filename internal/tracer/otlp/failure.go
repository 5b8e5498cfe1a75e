package otlp

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// A retryError is what may go well at another time.
type retryError struct {
	err error
	// after is how long the server wants to be left alone; 0 if it does not say.
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// mostRetryAfter bounds what a server may ask for.
const mostRetryAfter = 5 * time.Minute

// failureOf returns what an answer says that is none of success. The protocol lets those
// four be tried again, and no others.
func failureOf(answer *http.Response, body []byte, now time.Time) error {
	err := fmt.Errorf("the receiver answers %s%s", answer.Status, detailOf(answer, body))
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &retryError{err, retryAfter(answer.Header.Get("Retry-After"), now)}
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fmt.Errorf("%w (is the path right? receivers take traces at /v1/traces)", err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w (set OTEL_EXPORTER_OTLP_HEADERS to what it asks for)", err)
	}
	if answer.StatusCode >= 300 && answer.StatusCode < 400 {
		return fmt.Errorf("%w (redirects are not followed: name where it leads to)", err)
	}
	return err
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(header string, now time.Time) time.Duration {
	var after time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(header); err == nil {
		after = date.Sub(now)
	}
	return min(max(after, 0), mostRetryAfter)
}

// mostDetail is how many characters of a server's text are told.
const mostDetail = 200

// detailOf returns what an answer says of its reason: the message of a google.rpc.Status, or
// plain text.
func detailOf(answer *http.Response, body []byte) string {
	var said string
	switch kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind {
	case protobufType:
		said = statusMessage(body)
	case "text/plain", "application/json":
		said = string(body)
	}
	said = strings.TrimSpace(strings.Map(printable, said))
	if said == "" {
		return ""
	}
	if letters := []rune(said); len(letters) > mostDetail {
		said = string(letters[:mostDetail]) + "…"
	}
	return ": " + strconv.Quote(said)
}

func printable(r rune) rune {
	if !strconv.IsPrint(r) {
		return ' '
	}
	return r
}

// statusMessage returns field 2 of a google.rpc.Status; "" if there is none.
func statusMessage(body []byte) string {
	for len(body) > 0 {
		field, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return ""
		}
		body = body[n:]
		if field == 2 && kind == protowire.BytesType {
			message, n := protowire.ConsumeString(body)
			if n < 0 {
				return ""
			}
			return message
		}
		if n = protowire.ConsumeFieldValue(field, kind, body); n < 0 {
			return ""
		}
		body = body[n:]
	}
	return ""
}

// retriable tells whether to try again, and how long the server asks to wait first.
func retriable(err error) (after time.Duration, ok bool) {
	var r *retryError
	if !errors.As(err, &r) {
		return 0, false
	}
	return r.after, true
}
