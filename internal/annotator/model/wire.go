package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/openai/openai-go/v3/option"
)

// maxBody is the longest body that is read: maxAnswer, escaped, and what is said around it.
const maxBody = 1 << 20

// userAgent replaces the library's, and says no version: that is nobody's business.
const userAgent = "packetscope-annotator"

// A wire stands between the library and the connection for one request, and mends what
// the library would stumble over: it reads bodies of any length, loses the status of an error
// that it cannot parse, follows redirects, and takes an error in a 200 for an empty answer.
type wire struct {
	status int // 0: there was no answer
	header http.Header
	wrote  atomic.Bool // the request is on its way
}

var _ option.Middleware = new(wire).mend

func (w *wire) mend(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	// The library tells the system, the processor, and versions.
	for name := range req.Header {
		if strings.HasPrefix(name, "X-Stainless-") {
			req.Header.Del(name)
		}
	}
	req.Header.Set("User-Agent", userAgent)
	trace := &httptrace.ClientTrace{WroteHeaders: func() { w.wrote.Store(true) }}
	res, err := next(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	w.status, w.header = res.StatusCode, res.Header
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return nil, errRedirect
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if len(body) > maxBody {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCut, err)
	}
	status, body, err := mendBody(res.StatusCode, body)
	if err != nil {
		return nil, err
	}
	mended := *res
	mended.StatusCode, mended.Status = status, http.StatusText(status)
	mended.Header = http.Header{"Content-Type": {"application/json"}}
	mended.ContentLength = int64(len(body))
	mended.Body = io.NopCloser(bytes.NewReader(body))
	w.status = status
	return &mended, nil
}

// mendBody returns a status and a body that the library reads as they are meant.
func mendBody(status int, body []byte) (int, []byte, error) {
	if status >= 400 {
		// Only a server of the protocol knows that a model is not there.
		if status == http.StatusNotFound && !json.Valid(body) {
			return 0, nil, errNotOpenAI
		}
		return status, readFault(status, body).body(), nil
	}
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil {
		return 0, nil, errNotOpenAI
	}
	var choices []map[string]json.RawMessage
	if raw := answer["choices"]; !isNull(raw) && json.Unmarshal(raw, &choices) != nil {
		return 0, nil, errNotOpenAI
	}
	if f, ok := hiddenFault(answer, choices); ok {
		return f.status, f.body(), nil
	}
	if len(choices) == 0 {
		return 0, nil, errNotOpenAI
	}
	body, err := mendAnswer(answer, choices[0])
	return status, body, err
}

// hiddenFault finds an error in an answer that pretends to be one: beside no choices, or
// in the first of them, as gateways write it when the model behind them fails.
func hiddenFault(answer map[string]json.RawMessage, choices []map[string]json.RawMessage) (fault, bool) {
	raw := answer["error"]
	if len(choices) > 0 {
		raw = choices[0]["error"]
	}
	if isNull(raw) {
		return fault{}, false
	}
	body, _ := json.Marshal(map[string]json.RawMessage{"error": raw}) // it was parsed
	f := readFault(0, body)
	f.status = f.statusOf()
	return f, true
}

// mendAnswer returns an answer with its first choice, whose content is one text: some send a
// list of parts.
func mendAnswer(answer, choice map[string]json.RawMessage) ([]byte, error) {
	var message map[string]json.RawMessage
	if json.Unmarshal(choice["message"], &message) != nil || message == nil {
		return nil, errNotOpenAI
	}
	text, ok := contentText(message["content"])
	if !ok {
		return nil, errNotOpenAI
	}
	// All of these came from JSON and go back into it without an error.
	message["content"], _ = json.Marshal(text)
	choice["message"], _ = json.Marshal(message)
	answer["choices"], _ = json.Marshal([]map[string]json.RawMessage{choice})
	return json.Marshal(answer)
}

// contentText returns the text of a message, or false if it is none. Parts of other kinds,
// such as thoughts, are left out.
func contentText(raw json.RawMessage) (string, bool) {
	var text string
	if isNull(raw) || json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	var parts []struct{ Type, Text string }
	if json.Unmarshal(raw, &parts) != nil {
		return "", false
	}
	for _, part := range parts {
		if part.Type == "text" {
			text += part.Text
		}
	}
	return text, true
}
