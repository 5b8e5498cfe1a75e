package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// A Fault is the answer in place of one that there is none of.
type Fault struct {
	Error FaultError `json:"error"`
}

// A FaultError says what is wrong: Code to programs, Message to people.
type FaultError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// codes are the words for statuses.
var codes = map[int]string{
	http.StatusBadRequest:            "bad_request",
	http.StatusUnauthorized:          "unauthorized",
	http.StatusForbidden:             "forbidden",
	http.StatusNotFound:              "unknown",
	http.StatusMethodNotAllowed:      "method",
	http.StatusConflict:              "conflict",
	http.StatusRequestEntityTooLarge: "too_large",
	http.StatusInternalServerError:   "internal",
	http.StatusServiceUnavailable:    "unavailable",
}

// A fault is an error with the status of its answer.
type fault struct {
	status  int
	message string
}

func (f fault) Error() string { return f.message }

var errNoPath = fault{http.StatusNotFound, "nothing is at this path"}

func invalid(format string, args ...any) error {
	return fault{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return fault{http.StatusConflict, fmt.Sprintf(format, args...)}
}

// classify returns what is told of an error, and whether somebody here has to look at it.
// Errors that are not for who asked may hold paths and the like.
func classify(err error) (f fault, ours bool) {
	if errors.As(err, &f) {
		return f, false
	}
	for _, known := range []struct {
		err     error
		status  int
		message string // "" is that of the error
		ours    bool
	}{
		{annotator.ErrRequest, http.StatusBadRequest, "", false},
		{annotator.ErrNoFacts, http.StatusServiceUnavailable, "", false},
		{annotator.ErrDecided, http.StatusConflict, "", false},
		{store.ErrUnknown, http.StatusNotFound, "there is none of this name", false},
		{store.ErrFull, http.StatusServiceUnavailable, "the disk or the inbox is full", true},
		{store.ErrBusy, http.StatusServiceUnavailable, "too many messages wait for the disk", false},
		{store.ErrClosed, http.StatusServiceUnavailable, "shutting down", false},
		{store.ErrBroken, http.StatusServiceUnavailable, "the disk lost a write", true},
		{store.ErrCorrupt, http.StatusInternalServerError, "what is stored is damaged", true},
	} {
		if errors.Is(err, known.err) {
			if known.message == "" {
				known.message = err.Error()
			}
			return fault{known.status, known.message}, known.ours
		}
	}
	return fault{http.StatusInternalServerError, "it failed; the log of the annotator says why"}, true
}

func (f fault) reply() Fault { return Fault{FaultError{codes[f.status], f.message}} }

// accepted is an answer that is not the last word.
type accepted struct{ any }

// lines is an answer of one JSON value a line.
type lines []any

// reply writes an answer, or an error.
func reply(w http.ResponseWriter, r *http.Request, logger *slog.Logger, answer any, err error) {
	status, kind := http.StatusOK, "application/json"
	if err != nil {
		f, ours := classify(err)
		if ours {
			logger.Error("request not answered", "path", r.URL.Path, "err", err)
		}
		status, answer = f.status, f.reply()
	}
	if a, ok := answer.(accepted); ok {
		status, answer = http.StatusAccepted, a.any
	}
	all, ok := answer.(lines)
	if ok {
		kind = "application/jsonl"
	} else {
		all = lines{answer}
	}
	// All of it first: half an answer with a good status would be worse than an error.
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	for _, v := range all {
		if err := encoder.Encode(v); err != nil {
			logger.Error("answer not encoded", "path", r.URL.Path, "err", err)
			body.Reset()
			status, kind = http.StatusInternalServerError, "application/json"
			f, _ := classify(err)
			_ = encoder.Encode(f.reply()) // plain texts
			break
		}
	}
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	switch status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="packetscope"`)
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // whoever asked has gone
}
