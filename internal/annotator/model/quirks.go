package model

import (
	"strings"
	"time"
)

// A Mode is how a server is told to answer with JSON, a rung of the ladder. It is a label of
// metrics.
type Mode string

const (
	// JSONSchema is a response format with the schema, strict.
	JSONSchema Mode = "json_schema"
	// JSONObject is a response format without, and the schema is in the prompt.
	JSONObject Mode = "json_object"
	// Plain is no response format, and the schema is in the prompt.
	Plain Mode = "plain"
)

// Modes returns all modes, the best first.
func Modes() []Mode { return []Mode{JSONSchema, JSONObject, Plain} }

// Quirks are what was learned of a model at a server. The zero value is the protocol as it
// is written, for the first request.
type Quirks struct {
	Mode Mode `json:"mode"` // "" is JSONSchema
	// MaxCompletionTokens: the limit of tokens goes by this name, not as max_tokens.
	MaxCompletionTokens bool `json:"max_completion_tokens,omitempty"`
	// NoTemperature: only the model's own temperature is allowed.
	NoTemperature bool `json:"no_temperature,omitempty"`
	// TellSchema: the server takes the schema and does not enforce it, so that it is also
	// in the prompt.
	TellSchema bool `json:"tell_schema,omitempty"`
}

func (q Quirks) mode() Mode {
	if q.Mode == "" {
		return JSONSchema
	}
	return q.Mode
}

// tells reports whether the schema is in the prompt.
func (q Quirks) tells() bool { return q.TellSchema || q.mode() != JSONSchema }

// after returns how to ask again after a fault, or false if that would be no use. Each step
// takes something away for good, so that there are four at most.
func (q Quirks) after(f fault) (Quirks, bool) {
	switch {
	case f.status >= 500:
		// Some name the format that they failed at; others fail for all requests.
		if !f.mentions("response_format", "json_schema", "json_object", "grammar") {
			return q, false
		}
		return q.down()
	case !f.steps():
		return q, false
	case !q.MaxCompletionTokens && f.about("max_tokens"):
		q.MaxCompletionTokens = true
		return q, true
	case !q.NoTemperature && f.about("temperature"):
		q.NoTemperature = true
		return q, true
	}
	return q.down()
}

// down returns the next rung of the ladder.
func (q Quirks) down() (Quirks, bool) {
	switch q.mode() {
	case JSONSchema:
		q.Mode = JSONObject
	case JSONObject:
		q.Mode = Plain
	default:
		return q, false
	}
	return q, true
}

// A fault is what a server said against a request. All but the status is a stranger's text.
type fault struct {
	status                     int
	code, kind, param, message string
}

// about reports whether a parameter is to blame.
func (f fault) about(param string) bool {
	if f.param != "" {
		return f.param == param
	}
	return f.mentions(param)
}

// steps reports whether the request may be taken in another form.
func (f fault) steps() bool { return (f.status == 400 || f.status == 422) && !f.hopeless() }

func (f fault) mentions(words ...string) bool {
	message := strings.ToLower(f.message)
	for _, word := range words {
		if strings.Contains(message, word) || f.param == word {
			return true
		}
	}
	return false
}

// hopeless reports whether the request fails in every form: the prompt is too long, or the
// model is not there.
func (f fault) hopeless() bool {
	switch f.code {
	case "context_length_exceeded", "model_not_found", "content_filter":
		return true
	}
	return f.mentions("context length", "context size")
}

// Learned are Quirks with what they are true of, and until when.
type Learned struct {
	Quirks
	BaseURL string    `json:"base_url"`
	Model   string    `json:"model"`
	Until   time.Time `json:"until"`
}
