package model

import (
	"encoding/json"
	"errors"
	"regexp"
	"time"
)

// A Request is one question.
type Request struct {
	// System is said to the model as the system, User as the user. They are sent as they are;
	// the schema and a code of a wrong answer are only ever appended to System.
	System, User string
	// Schema is the JSON schema of the answer. The order of its keys is kept.
	Schema json.RawMessage
	// Check returns "" for an answer that will do, or a code of a closed set that says what
	// is wrong. The model is told the code, so it must not be made from the answer; what is
	// no word of a-z, 0-9 and "_" is told as "invalid". It must not change the
	// answer, nor panic. If nil any object will do.
	Check func(answer []byte) (code string)
	// Critical may use what the budget keeps in reserve.
	Critical bool
	// Key says which questions are the same, for the cache: a hash of what System and
	// User mean, without what differs each time. If empty, nothing is cached.
	Key string
}

func (r Request) validate() error {
	switch {
	case r.User == "":
		return errors.New("ask model: nothing is asked")
	case !json.Valid(r.Schema):
		return errors.New("ask model: the schema is no JSON")
	}
	return nil
}

// A Result is an answer that Check accepted.
type Result struct {
	Answer   json.RawMessage
	Provider string
	// Model is as configured, not as the server calls it.
	Model string
	// Mode is how it was asked for, or "" if it was cached.
	Mode Mode
	// Usage is of all attempts.
	Usage Usage
	// Attempts are in their order, the last one is the answer's.
	Attempts []Attempt
	// Cached: nobody was asked.
	Cached bool
}

// An Attempt is one request to one provider, or that it was not asked.
type Attempt struct {
	Provider string
	Mode     Mode
	Class    Class // "" if it was not asked
	Skip     Skip  // "" if it was
	// Status is of HTTP, or 0 if there was no answer.
	Status int
	// Code is what Check said of the answer.
	Code string
	// Message is what the server said of an error, for people: a short line, from a
	// stranger. It is empty if the key was refused, as servers repeat keys there.
	Message string
	Took    time.Duration
	Usage   Usage
}

// tellSchema is appended to the system's text if the schema is not enforced. DeepSeek
// refuses its JSON mode if the prompt lacks the word.
const tellSchema = "\n\nAnswer with one JSON object and nothing else. It must fit this JSON schema:\n"

// tellWrong is appended to the system's text in the second round, with a code. It is said
// by the system, as templates of some models want users and models to take turns.
const tellWrong = "\n\nAn earlier answer was refused with the code "

func (r Request) system(q Quirks, wrong string) string {
	text := r.System
	if q.tells() {
		text += appendedSchema(r.Schema)
	}
	if wrong != "" {
		text += appendedCode(wrong)
	}
	return text
}

func appendedSchema(schema json.RawMessage) string { return tellSchema + string(schema) }

func appendedCode(code string) string {
	return tellWrong + code + ". Answer again, without this fault."
}

// Appendix returns what may be appended to the System of a request, in this order: to a
// server that does not enforce the schema the schema, and in a second round a code, for
// which CODE stands here.
func Appendix(schema json.RawMessage) []string {
	return []string{appendedSchema(schema), appendedCode("CODE")}
}

var word = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// judge returns the class of what a model said, the object in it, and the code that says
// what is wrong.
func (r Request) judge(text string) (answer []byte, class Class, code string) {
	answer, ok := extract([]byte(text))
	if !ok {
		return nil, InvalidJSON, string(InvalidJSON)
	}
	if r.Check == nil {
		return answer, OK, ""
	}
	code = r.Check(answer)
	switch {
	case code == "":
		return answer, OK, ""
	case !word.MatchString(code):
		code = string(Invalid)
	}
	return nil, Invalid, code
}
