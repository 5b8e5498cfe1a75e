package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A request is what somebody asks, who is known by the name actor.
type request struct {
	*http.Request
	writer http.ResponseWriter
	limits Limits
	actor  string
	id     string // that of the path
}

// body decodes the body into v. An empty one leaves v as it is.
func (q *request) body(v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(q.writer, q.Body, q.limits.Body))
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return fault{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", q.limits.Body)}
	} else if err != nil {
		return fault{http.StatusBadRequest, "the body did not arrive"}
	}
	http.NewResponseController(q.writer).SetReadDeadline(time.Time{}) // the connection is used again
	return decode(body, v)
}

// decode reads one JSON object.
func decode(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		return invalid("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return invalid("the body: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return invalid("the body has more than one object")
	}
	return nil
}

// parameters returns the parameters of the query, of which all must be known.
func (q *request) parameters(known ...string) (url.Values, error) {
	values, err := url.ParseQuery(q.URL.RawQuery)
	if err != nil {
		return nil, invalid("bad parameters: %v", err)
	}
	for name, all := range values {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		switch {
		case !found && len(known) == 0:
			return nil, invalid("unknown parameter %.40q: there is none here", name)
		case !found:
			return nil, invalid("unknown parameter %.40q (one of %s)", name, strings.Join(known, ", "))
		case len(all) > 1:
			return nil, invalid("parameter %s is there twice", name)
		}
	}
	return values, nil
}

// number returns a parameter that is a number from least to most.
func number(values url.Values, name string, byDefault, least, most uint64) (uint64, error) {
	text := values.Get(name)
	if text == "" {
		return byDefault, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, invalid("bad %s %.40q: want a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// text returns an error unless a text that a person wrote may be kept and shown.
func text(name, value string, most int) error {
	if len(value) > most {
		return invalid("%s has %d bytes: at most %d", name, len(value), most)
	}
	for _, r := range value {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return invalid("%s holds the invisible character %U", name, r)
		}
	}
	return nil
}

// A Duration is a time.Duration that is a text in JSON, such as "1h30m0s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("bad duration %.40q: want 30s, 15m, 4h or the like", text)
	}
	*d = Duration(value)
	return nil
}
