package double

import (
	"fmt"
	"net/http"
	"strings"
)

// The replies below play a server with its peculiarities, as users reported them. The text
// is what its model says when it was asked in a way that the server understands.

// DeepSeek knows no json_schema (it says so with 400, earlier with 422), and wants its JSON
// mode announced in the prompt: llm-exe 662, inspect_ai 4916, stagehand 1204.
func DeepSeek(status int, text string) Reply {
	return func(w http.ResponseWriter, r *http.Request, c Call) {
		const kind = "invalid_request_error"
		switch c.Chat.ResponseFormat.Type {
		case "json_schema":
			Error(status, kind, kind, "", "This response_format type is unavailable now")(w, r, c)
		case "json_object":
			if !strings.Contains(strings.ToLower(c.Chat.Prompt()), "json") {
				Error(status, kind, kind, "", "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'.")(w, r, c)
				return
			}
			Say(text)(w, r, c)
		default:
			Say("The verdict is: attack.")(w, r, c)
		}
	}
}

// LMStudio takes json_schema or text, and its errors are texts: lmstudio-bug-tracker 189.
// With schemas false it is one with a model that takes no format.
func LMStudio(schemas bool, text string) Reply {
	return func(w http.ResponseWriter, r *http.Request, c Call) {
		switch format := c.Chat.ResponseFormat.Type; {
		case format == "" || format == "json_schema" && schemas:
			Say(text)(w, r, c)
		default:
			Fail(http.StatusBadRequest, `{"error":"'response_format.type' must be 'json_schema' or 'text'"}`)(w, r, c)
		}
	}
}

// IkLlama fails with 500 on json_schema: ik_llama.cpp 778.
func IkLlama(text string) Reply {
	return func(w http.ResponseWriter, r *http.Request, c Call) {
		if c.Chat.ResponseFormat.Type == "json_schema" {
			Error(http.StatusInternalServerError, "server_error", "500", "", "Failed to parse json_schema: unsupported key")(w, r, c)
			return
		}
		Say(text)(w, r, c)
	}
}

// LlamaCpp takes the schema and drops it, as when its grammar does not parse: llama.cpp
// 19051, 24097. So its model only knows of it if the prompt says it.
func LlamaCpp(text string) Reply {
	return func(w http.ResponseWriter, r *http.Request, c Call) {
		if schema := string(c.Chat.ResponseFormat.JSONSchema.Schema); schema == "" || !strings.Contains(c.Chat.Prompt(), "JSON schema") {
			Say("It looks like an attack, I would say.")(w, r, c)
			return
		}
		Say(text)(w, r, c)
	}
}

// Ollama does not enforce the schema when its model thinks, and the first answer breaks
// off in its JSON: ollama 8063, 10929, 14850, pydantic-ai 4917.
func Ollama(text string) Reply {
	return func(w http.ResponseWriter, r *http.Request, c Call) {
		if strings.Contains(c.Chat.Prompt(), "refused with the code") {
			Say("<think>\nOnce more, {carefully}.\n</think>\n\n```json\n"+text+"\n```")(w, r, c)
			return
		}
		Say("<think>\nHm.\n</think>\n\n"+text[:len(text)/2])(w, r, c)
	}
}

// Reasoning is OpenAI's o-series, which takes no max_tokens, and no temperature.
func Reasoning(text string) Reply {
	return func(w http.ResponseWriter, r *http.Request, c Call) {
		const kind = "invalid_request_error"
		switch {
		case c.Chat.MaxTokens != nil:
			Error(http.StatusBadRequest, kind, "unsupported_parameter", "max_tokens",
				"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")(w, r, c)
		case c.Chat.Temperature != nil:
			Error(http.StatusBadRequest, kind, "unsupported_value", "temperature",
				"Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.")(w, r, c)
		default:
			Say(text)(w, r, c)
		}
	}
}

// Ungrateful is a server that refuses everything that can be left out, one after the other,
// and names it in its message only.
func Ungrateful(text string) Reply {
	return func(w http.ResponseWriter, r *http.Request, c Call) {
		refuse := func(name string) {
			Fail(http.StatusUnprocessableEntity, fmt.Sprintf(`{"detail":[{"type":"extra_forbidden","msg":"%s"}],"message":"%[1]s: extra fields not permitted"}`, name))(w, r, c)
		}
		switch {
		case c.Chat.MaxTokens != nil:
			refuse("max_tokens")
		case c.Chat.Temperature != nil:
			refuse("temperature")
		case c.Chat.ResponseFormat.Type != "":
			refuse("response_format")
		default:
			Say(text)(w, r, c)
		}
	}
}
