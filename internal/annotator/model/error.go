package model

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Error says why there is no answer.
type Error struct {
	// Class is the one to act on: of the model's answer if there was one, else of an attempt
	// that may do better later, else of the last attempt. It is "" if nobody was asked.
	Class Class
	// Skip is why the last one was not asked, if nobody was, and "" if there are no providers.
	Skip Skip
	// Retry reports whether the same request may be answered later.
	Retry bool
	// Again is when that makes sense first, if somebody said so. If it is zero it is for the
	// caller to choose.
	Again time.Time
	// Usage is of all attempts.
	Usage Usage
	// Attempts are in their order.
	Attempts []Attempt
	// Err is what the last attempt died of, or nil. It may tell addresses and names of
	// files, but no key and nothing of the prompt.
	Err error
}

// Error tells each attempt. It repeats nothing that a server said.
func (e *Error) Error() string {
	if len(e.Attempts) == 0 {
		return "ask model: there is no provider"
	}
	var steps []string
	for _, a := range e.Attempts {
		what := string(a.Class)
		switch {
		case a.Skip != "":
			what = "not asked: " + string(a.Skip)
		case a.Code != "" && a.Code != what:
			what += " " + a.Code
		}
		if a.Status != 0 {
			what += fmt.Sprintf(" (status %d)", a.Status)
		}
		steps = append(steps, fmt.Sprintf("%q %s", a.Provider, what))
	}
	return "ask model: " + strings.Join(steps, ", then ")
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// failure returns the error of a round without an answer.
func (r *round) failure() *Error {
	e := &Error{Attempts: r.attempts, Usage: usage(r.attempts), Err: r.err}
	for _, a := range r.attempts {
		// What a model said ends the round, unless no call was left for a better answer.
		if a.Class != "" && !(e.Class.Transient() && !a.Class.said()) {
			e.Class = a.Class
		}
		e.Skip = a.Skip
	}
	if e.Class != "" {
		e.Skip = ""
	}
	if n := len(r.attempts); n > 0 && r.attempts[n-1].Class.said() {
		return e
	}
	e.Retry = r.anytime || len(r.again) > 0
	if !r.anytime && len(r.again) > 0 {
		e.Again = slices.MinFunc(r.again, time.Time.Compare)
	}
	return e
}
