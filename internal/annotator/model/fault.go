package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// class says what a fault is, by its status first: words are only looked at where a status
// means two things.
func (f fault) class() Class {
	switch {
	case f.is("content_filter"):
		return Filtered
	case f.status == http.StatusUnauthorized, f.status == http.StatusForbidden, f.status == http.StatusProxyAuthRequired:
		return Auth
	case f.status == http.StatusPaymentRequired, f.is("insufficient_quota"), f.is("billing_hard_limit_reached"):
		return Quota
	case f.status == http.StatusTooManyRequests:
		return RateLimited
	case f.status == http.StatusRequestTimeout:
		return Timeout
	case f.status >= 500:
		return Server
	}
	return BadRequest
}

func (f fault) is(word string) bool { return f.code == word || f.kind == word }

// readFault reads the body of an error in whatever shape: OpenAI's {"error": {…}}, the text
// {"error": "…"} of LM Studio, FastAPI's "detail", a flat object as of Mistral and vLLM, or a
// list as of Gemini. What is no JSON says nothing.
func readFault(status int, body []byte) fault {
	body = bytes.TrimSpace(body)
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	var outer map[string]json.RawMessage
	if json.Unmarshal(body, &outer) != nil {
		return fault{status: status}
	}
	inner := outer
	for _, name := range []string{"error", "detail"} {
		raw, ok := outer[name]
		if !ok || isNull(raw) {
			continue
		}
		inner = nil
		if json.Unmarshal(raw, &inner) != nil {
			return fault{status: status, message: plainText(raw)}
		}
		break
	}
	return fault{
		status:  status,
		code:    plainText(inner["code"]),
		kind:    plainText(inner["type"]),
		param:   plainText(inner["param"]),
		message: plainText(inner["message"]),
	}
}

// body returns the fault as OpenAI would write it, so that the library keeps its status.
func (f fault) body() []byte {
	type inner struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Param   string `json:"param"`
		Code    string `json:"code"`
	}
	body, _ := json.Marshal(map[string]inner{"error": {f.message, f.kind, f.param, f.code}}) // strings cannot fail
	return body
}

// statusOf guesses the status of an error that came with 200, by its code or its type.
func (f fault) statusOf() int {
	var code int
	if json.Unmarshal([]byte(f.code), &code) == nil && code >= 400 && code <= 599 {
		return code
	}
	switch {
	case f.is("insufficient_quota"), strings.Contains(f.code+f.kind, "rate_limit"):
		return http.StatusTooManyRequests
	case strings.Contains(f.code+f.kind, "invalid_request"):
		return http.StatusBadRequest
	case strings.Contains(f.code+f.kind, "authentication"), f.is("invalid_api_key"):
		return http.StatusUnauthorized
	}
	return http.StatusBadGateway
}

// plainText returns a string or number as text, and other JSON as it is written.
func plainText(raw json.RawMessage) string {
	var text string
	if isNull(raw) {
		return ""
	}
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// maxMessage is how much of what a server says is told to the operator.
const maxMessage = 200

// told returns what a server said in a form for logs: one short line, without the key that
// some repeat.
func told(message, key string) string {
	if key != "" {
		message = strings.ReplaceAll(message, key, "(key)")
	}
	message = strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) && r != utf8.RuneError {
			return r
		}
		return ' '
	}, message)
	message = strings.Join(strings.Fields(message), " ")
	if len(message) <= maxMessage {
		return message
	}
	cut := maxMessage
	for !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "…"
}

var (
	errCut       = errors.New("the answer breaks off")
	errTooLarge  = errors.New("the body is longer than 1 MiB")
	errRedirect  = errors.New("the server redirects: set the URL that it redirects to")
	errNotOpenAI = errors.New("the answer is no chat completion: check the base URL")
)
