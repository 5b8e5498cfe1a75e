package double

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// PromptTokens and CompletionTokens are what each answer claims to have used.
const (
	PromptTokens     = 1001
	CompletionTokens = 101
)

// Say is an answer as OpenAI writes it, with this text of the model.
func Say(text string) Reply { return Finish(text, "stop") }

// Finish is an answer that ended for a reason.
func Finish(text, reason string) Reply { return Body(completion(quote(text), reason)) }

// Refuse is an answer in which the model refuses.
func Refuse(why string) Reply {
	return Body(fmt.Sprintf(`{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":null,"refusal":%s}}],"usage":%s}`, quote(why), usage))
}

// SayParts is an answer whose text is a list of parts.
func SayParts(text string) Reply {
	half := len(text) / 2
	parts := fmt.Sprintf(`[{"type":"reasoning","text":"{}"},{"type":"text","text":%s},{"type":"text","text":%s}]`, quote(text[:half]), quote(text[half:]))
	return Body(completion(parts, "stop"))
}

// SayWithoutUsage is an answer that does not tell its tokens.
func SayWithoutUsage(text string) Reply {
	return Body(fmt.Sprintf(`{"choices":[{"message":{"content":%s}}]}`, quote(text)))
}

var usage = fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, PromptTokens, CompletionTokens, PromptTokens+CompletionTokens)

func completion(content, reason string) string {
	return fmt.Sprintf(`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":%q,"logprobs":null,"message":{"role":"assistant","content":%s,"refusal":null}}],"usage":%s}`, reason, content, usage)
}

func quote(text string) string {
	quoted, _ := json.Marshal(text) // a string cannot fail
	return string(quoted)
}

// Body is a body with status 200 that calls itself JSON.
func Body(body string) Reply { return Fail(http.StatusOK, body) }

// As is a body with status 200 of some type, "" for none.
func As(contentType, body string) Reply {
	return Fail(http.StatusOK, body, "Content-Type", contentType)
}

// Fail is a body with a status, and headers as pairs. Without another one its type is JSON.
func Fail(status int, body string, headers ...string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Call) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header()[http.CanonicalHeaderKey(headers[i])] = []string{headers[i+1]}
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header()["Content-Type"] = nil // else HTTP guesses one
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Error is an error as OpenAI writes it.
func Error(status int, kind, code, param, message string, headers ...string) Reply {
	body := fmt.Sprintf(`{"error":{"message":%s,"type":%s,"param":%s,"code":%s}}`, quote(message), quote(kind), quote(param), quote(code))
	return Fail(status, body, headers...)
}

// Busy is 429, with a Retry-After if it is not "".
func Busy(retryAfter string) Reply {
	var headers []string
	if retryAfter != "" {
		headers = []string{"Retry-After", retryAfter}
	}
	return Error(http.StatusTooManyRequests, "requests", "rate_limit_exceeded", "", "Rate limit reached", headers...)
}

// Hang answers nothing, until the client gives up.
func Hang(_ http.ResponseWriter, r *http.Request, _ Call) { <-r.Context().Done() }

// Stall sends the begin of a body, and no more until the client gives up.
func Stall(contentType, begin string) Reply {
	return func(w http.ResponseWriter, r *http.Request, c Call) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, begin)
		http.NewResponseController(w).Flush()
		Hang(w, r, c)
	}
}

// Dribble sends white space, a byte each second, before an answer that never comes.
func Dribble(w http.ResponseWriter, r *http.Request, _ Call) {
	w.Header().Set("Content-Type", "application/json")
	for r.Context().Err() == nil {
		io.WriteString(w, " ")
		http.NewResponseController(w).Flush()
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
	}
}

// Cut promises a body and hangs up in the middle.
func Cut(body string) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Call) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		io.WriteString(w, body[:len(body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// HangUp ends the connection without a word.
func HangUp(http.ResponseWriter, *http.Request, Call) { panic(http.ErrAbortHandler) }

// Huge is a body of 64 MiB.
func Huge(status int) Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ Call) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		block := strings.Repeat(" ", 1<<20)
		for range 64 {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
		io.WriteString(w, completion(`"{}"`, "stop"))
	}
}

// Bomb is a body of 8 MiB that is a few kilobytes on the wire.
func Bomb(w http.ResponseWriter, _ *http.Request, _ Call) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	block := make([]byte, 1<<20)
	for range 8 {
		zip.Write(block)
	}
	zip.Close()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(packed.Bytes())
}

// Redirect sends the client elsewhere.
func Redirect(status int, location string) Reply {
	return Fail(status, "", "Location", location)
}
