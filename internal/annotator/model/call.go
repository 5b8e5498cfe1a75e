package model

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

// A reply is what came of one request.
type reply struct {
	class Class // OK: text is what the model said
	text  string
	usage Usage
	// told says whether the server told its usage, spent whether there may be any: who hung
	// up does not know.
	told, spent bool
	status      int
	fault       fault
	retryAfter  time.Duration // 0: the server named no time
	err         error
}

// A call is one request as it is made.
type call struct {
	provider *provider
	request  Request
	quirks   Quirks
	wrong    string // the code of the answer before, in the second round
	key      string
}

// do makes it. The context has the deadline.
func (c call) do(ctx context.Context) reply {
	w := new(wire)
	options := []option.RequestOption{option.WithMiddleware(w.mend)}
	switch header := c.provider.KeyHeader; {
	case c.key == "":
	case header == "":
		options = append(options, option.WithAPIKey(c.key))
	default:
		options = append(options, option.WithHeader(header, c.key))
	}
	answer, err := c.provider.chat.New(ctx, c.params(), options...)
	if err != nil {
		out := failed(err, w.status)
		out.spent = out.spent && w.wrote.Load()
		out.retryAfter = retryAfter(w.header, time.Now())
		return out
	}
	return said(answer, w.status)
}

// params returns the body. Nothing is in it that some server would not know.
func (c call) params() openai.ChatCompletionNewParams {
	params := openai.ChatCompletionNewParams{
		Model: c.provider.Model,
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.SystemMessage(c.request.system(c.quirks, c.wrong)),
			openai.UserMessage(c.request.User),
		},
	}
	switch c.quirks.mode() {
	case JSONSchema:
		params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
				Name:   "answer",
				Strict: openai.Bool(true),
				Schema: c.request.Schema,
			},
		}
	case JSONObject:
		params.ResponseFormat.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
	}
	if c.quirks.MaxCompletionTokens {
		params.MaxCompletionTokens = openai.Int(c.provider.MaxTokens)
	} else {
		params.MaxTokens = openai.Int(c.provider.MaxTokens)
	}
	if t := c.provider.Temperature; t != nil && !c.quirks.NoTemperature {
		params.Temperature = openai.Float(*t)
	}
	return params
}

// failed sorts an error of the library. The status is that of the answer, or 0.
func failed(err error, status int) reply {
	out := reply{err: err, status: status, spent: true}
	var refused *openai.Error
	var timeout net.Error
	switch {
	case errors.As(err, &refused):
		out.fault = fault{refused.StatusCode, refused.Code, refused.Type, refused.Param, refused.Message}
		out.class, out.spent = out.fault.class(), false
		out.err = errors.New(refused.Error()) // the library's holds the request, with the key
	case errors.As(err, &timeout) && timeout.Timeout(): // the deadline too
		out.class = Timeout
	case errors.Is(err, errTooLarge):
		out.class = TooLarge
	case errors.Is(err, errRedirect), errors.Is(err, errNotOpenAI):
		out.class, out.spent = NotOpenAI, false
	case status == 0, errors.Is(err, errCut):
		out.class = Network
	default: // the library could not make sense of a mended body
		out.class, out.spent = NotOpenAI, false
	}
	return out
}

// said sorts what a model said.
func said(answer *openai.ChatCompletion, status int) reply {
	choice := answer.Choices[0] // mend has seen it
	out := reply{
		class: OK, text: choice.Message.Content, status: status, spent: true,
		told: answer.Usage.PromptTokens > 0,
		usage: Usage{
			PromptTokens:     atLeast0(answer.Usage.PromptTokens),
			CompletionTokens: atLeast0(answer.Usage.CompletionTokens),
		},
	}
	switch {
	case choice.Message.Refusal != "":
		out.class = Refused
	case choice.FinishReason == "content_filter":
		out.class = Filtered
	case choice.FinishReason == "length":
		out.class = Truncated
	}
	return out
}

// maxTokens bounds what is believed of a server, so that sums do not overflow.
const maxTokens = 1 << 31

func atLeast0(tokens int64) int64 { return min(max(tokens, 0), maxTokens) }
