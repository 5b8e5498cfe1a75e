package double

// A Scenario is a server for one question, and what must come of it.
type Scenario struct {
	Name string
	// Want is the class of what must come of it: "ok" is an answer.
	Want string
	// Calls is how many requests that takes, each of them needed.
	Calls int
	// Retry is whether the same question may be answered later.
	Retry bool
	// Replies are what the server does, if the answer that would do is this text.
	Replies func(answer string) []Reply
}

// Scenarios returns all of them.
func Scenarios() []Scenario {
	var all []Scenario
	for _, group := range [][]Scenario{answers(), wrongAnswers(), servers(), refusals(), outages(), strangers()} {
		all = append(all, group...)
	}
	return all
}

// always is a server that does the same each time.
func always(reply Reply) func(string) []Reply {
	return func(string) []Reply { return []Reply{reply} }
}

// says is a server that gives the answer in some form.
func says(form func(answer string) Reply) func(string) []Reply {
	return func(answer string) []Reply { return []Reply{form(answer)} }
}

// then is a server that does something else first.
func then(first Reply) func(string) []Reply {
	return func(answer string) []Reply { return []Reply{first, Say(answer)} }
}

func answers() []Scenario {
	around := func(before, after string) func(string) []Reply {
		return says(func(answer string) Reply { return Say(before + answer + after) })
	}
	return []Scenario{
		{"an answer", "ok", 1, false, says(Say)},
		{"an answer without usage", "ok", 1, false, says(SayWithoutUsage)},
		{"an answer in parts", "ok", 1, false, says(SayParts)},
		{"an answer in a fence", "ok", 1, false, around("```json\n", "\n```\n")},
		{"an answer after a thought", "ok", 1, false, around("<think>\n{\"a\":1}?\n</think>\n", "")},
		{"an answer after half a thought", "ok", 1, false, around("{\"a\":1}?\n</think>\n", "")},
		{"an answer in a sentence", "ok", 1, false, around("Here it is: ", "\nIs there {anything} else?")},
		{"JSON that does not say so", "ok", 1, false, says(func(answer string) Reply { return As("text/plain", completion(quote(answer), "stop")) })},
		{"JSON without a type", "ok", 1, false, says(func(answer string) Reply { return As("", completion(quote(answer), "stop")) })},
		{"no error beside an answer", "ok", 1, false, says(func(answer string) Reply {
			return Body(`{"error":null,` + completion(quote(answer), "stop")[1:])
		})},
	}
}

func wrongAnswers() []Scenario {
	return []Scenario{
		{"a sentence, then an answer", "ok", 2, false, then(Say("It looks like an attack."))},
		{"nothing, then an answer", "ok", 2, false, then(Say(""))},
		{"two answers, then one", "ok", 2, false, then(Say("{} {}"))},
		{"a wrong answer, then a good one", "ok", 2, false, then(Say(`{"wrong":true}`))},
		{"wrong answers", "invalid", 2, false, always(Say(`{"wrong":true}`))},
		{"sentences", "invalid_json", 2, false, always(Say("I cannot say."))},
		{"an endless thought", "invalid_json", 2, false, always(Say(`<think>{"a":1}`))},
		{"tools instead of text", "invalid_json", 2, false, always(Body(`{"choices":[{"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"sh","arguments":"{}"}}]}}]}`))},
		{"a refusal", "refused", 1, false, always(Refuse("I'm sorry."))},
		{"a filter", "filtered", 1, false, always(Finish("", "content_filter"))},
		{"a filter as an error", "filtered", 1, false, always(Error(400, "", "content_filter", "prompt", "The response was filtered"))},
		{"an answer cut at the limit", "truncated", 1, false, always(Finish(`{"a":`, "length"))},
		{"a refusal after a wrong answer", "refused", 2, false, func(string) []Reply { return []Reply{Say("Hm."), Refuse("No.")} }},
	}
}

func servers() []Scenario {
	return []Scenario{
		{"DeepSeek", "ok", 2, false, says(func(answer string) Reply { return DeepSeek(400, answer) })},
		{"DeepSeek of before", "ok", 2, false, says(func(answer string) Reply { return DeepSeek(422, answer) })},
		{"LM Studio", "ok", 1, false, says(func(answer string) Reply { return LMStudio(true, answer) })},
		{"LM Studio without formats", "ok", 3, false, says(func(answer string) Reply { return LMStudio(false, answer) })},
		{"ik_llama.cpp", "ok", 2, false, says(IkLlama)},
		{"llama.cpp without its grammar", "ok", 2, false, says(LlamaCpp)},
		{"Ollama with a model that thinks", "ok", 2, false, says(Ollama)},
		{"OpenAI's reasoning models", "ok", 3, false, says(Reasoning)},
		{"a server that takes nothing", "ok", 5, false, says(Ungrateful)},
	}
}

func refusals() []Scenario {
	const kind = "invalid_request_error"
	return []Scenario{
		{"400 with an error", "bad_request", 3, false, always(Error(400, kind, "", "", "No."))},
		{"400 with a text", "bad_request", 3, false, always(Fail(400, `{"error":"No."}`))},
		{"400 with a number as code", "bad_request", 3, false, always(Fail(400, `{"error":{"code":400,"message":"No."}}`))},
		{"400 in a list", "bad_request", 3, false, always(Fail(400, `[{"error":{"code":400,"message":"No.","status":"INVALID_ARGUMENT"}}]`))},
		{"400 without an error", "bad_request", 3, false, always(Fail(400, `{"object":"error","message":"No.","type":"BadRequestError","param":null,"code":400}`))},
		{"400 in HTML", "bad_request", 3, false, always(Fail(400, "<html>Bad Request</html>", "Content-Type", "text/html"))},
		{"400 with nothing", "bad_request", 3, false, always(Fail(400, ""))},
		{"422 of FastAPI", "bad_request", 3, false, always(Fail(422, `{"detail":[{"loc":["body"],"msg":"No.","type":"value_error"}]}`))},
		{"a prompt that is too long", "bad_request", 1, false, always(Error(400, "BadRequestError", "400", "", "This model's maximum context length is 4096 tokens."))},
		{"a model that is not there", "bad_request", 1, false, always(Error(404, kind, "model_not_found", "model", "The model `m` does not exist"))},
		{"a model that is not there, in a text", "bad_request", 1, false, always(Fail(404, `{"error":"model 'm' not found"}`))},
		{"a limit that is always too high", "bad_request", 4, false, always(Error(400, kind, "", "max_tokens", "max_tokens is too large"))},
		{"413", "bad_request", 1, false, always(Fail(413, ""))},
		{"a wrong key", "auth", 1, false, always(Error(401, kind, "invalid_api_key", "", "Incorrect API key provided"))},
		{"a wrong key in HTML", "auth", 1, false, always(Fail(401, "<html>", "Content-Type", "text/html"))},
		{"a forbidden model", "auth", 1, false, always(Error(403, "", "", "", "Your account has no access to it"))},
		{"no quota", "quota", 1, false, always(Error(429, "insufficient_quota", "insufficient_quota", "", "You exceeded your current quota", "X-Should-Retry", "true"))},
		{"no balance", "quota", 1, false, always(Error(402, "unknown_error", kind, "", "Insufficient Balance"))},
	}
}

func outages() []Scenario {
	return []Scenario{
		{"429", "rate_limited", 1, true, always(Busy(""))},
		{"429 for a second", "rate_limited", 1, true, always(Busy("1"))},
		{"429 for five minutes", "rate_limited", 1, true, always(Busy("300"))},
		{"429 for ever", "rate_limited", 1, true, always(Busy("1e300"))},
		{"429 for a word", "rate_limited", 1, true, always(Busy("soon"))},
		{"429 with a text", "rate_limited", 1, true, always(Fail(429, `{"error":"slow down"}`, "Retry-After", "7"))},
		{"408", "timeout", 1, true, always(Fail(408, ""))},
		{"500", "server", 1, true, always(Error(500, "server_error", "", "", "The server had an error"))},
		{"502 in HTML", "server", 1, true, always(Fail(502, "<html>Bad Gateway</html>", "Content-Type", "text/html"))},
		{"503 with nothing", "server", 1, true, always(Fail(503, "", "X-Should-Retry", "true"))},
		{"503 while a model loads", "server", 1, true, always(Error(503, "unavailable_error", "503", "", "Loading model", "Retry-After", "20"))},
		{"529", "server", 1, true, always(Fail(529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))},
		{"no answer", "timeout", 1, true, always(Hang)},
		{"no body", "timeout", 1, true, always(Stall("application/json", ""))},
		{"half a body", "timeout", 1, true, always(Stall("application/json", `{"choices":[{"mess`))},
		{"a body of a byte each second", "timeout", 1, true, always(Dribble)},
		{"half a body of an error", "timeout", 1, true, always(Stall("text/html", "<html>"))},
		{"a body that is cut", "network", 1, true, always(Cut(completion(`"{}"`, "stop")))},
		{"a connection that is cut", "network", 1, true, always(HangUp)},
	}
}

func strangers() []Scenario {
	const sse = "text/event-stream"
	return []Scenario{
		{"HTML", "not_openai", 1, false, always(As("text/html", "<html>Welcome to nginx!</html>"))},
		{"404 in HTML", "not_openai", 1, false, always(Fail(404, "<html>Not Found</html>", "Content-Type", "text/html"))},
		{"broken JSON", "not_openai", 1, false, always(Body(`{"choices":[{]}`))},
		{"an empty object", "not_openai", 1, false, always(Body(`{}`))},
		{"an empty body", "not_openai", 1, false, always(Body(``))},
		{"204", "not_openai", 1, false, always(Fail(204, ``))},
		{"no choices", "not_openai", 1, false, always(Body(`{"choices":[]}`))},
		{"choices that are a text", "not_openai", 1, false, always(Body(`{"choices":"yes"}`))},
		{"a choice without a message", "not_openai", 1, false, always(Body(`{"choices":[{"text":"{}"}]}`))},
		{"a message that is a number", "not_openai", 1, false, always(Body(`{"choices":[{"message":7}]}`))},
		{"a content that is a number", "not_openai", 1, false, always(Body(`{"choices":[{"message":{"content":7}}]}`))},
		{"an error in a 200", "server", 1, true, always(Body(`{"error":{"message":"Provider returned error"}}`))},
		{"an error with a code in a 200", "rate_limited", 1, true, always(Body(`{"error":{"message":"Slow down","code":429}}`))},
		{"an error with a type in a 200", "auth", 1, false, always(Body(`{"error":{"message":"No","type":"authentication_error"}}`))},
		{"a text as an error in a 200", "server", 1, true, always(Body(`{"error":"out of memory"}`))},
		{"an error in a choice", "server", 1, true, always(Body(`{"choices":[{"error":{"code":502,"message":"upstream"},"finish_reason":"error","message":{"content":"{\"a\":1"}}]}`))},
		{"a schema refused in a 200", "bad_request", 3, false, always(Body(`{"error":{"message":"No json_schema","type":"invalid_request_error"}}`))},
		{"a stream", "not_openai", 1, false, always(As(sse, "data: {\"choices\":[{\"delta\":{\"content\":\"{}\"}}]}\n\ndata: [DONE]\n\n"))},
		{"a stream without an end", "not_openai", 1, false, always(As(sse, "data: {\"choices\":[{\"delta\":{\"content\":\"{\"}}]}\n\n"))},
		{"a stream with an error", "not_openai", 1, false, always(As(sse, "event: error\ndata: {\"error\":{\"message\":\"no\"}}\n\n"))},
		{"a stream that breaks", "not_openai", 1, false, always(As(sse, "data: {\"choices\":[{\n\n"))},
		{"a stream that stalls", "timeout", 1, true, always(Stall(sse, "data: {\"choices\":[]}\n\n"))},
		{"64 MiB", "too_large", 1, false, always(Huge(200))},
		{"an error of 64 MiB", "too_large", 1, false, always(Huge(500))},
		{"8 MiB that are packed", "too_large", 1, false, always(Bomb)},
		{"a redirect on the host", "not_openai", 1, false, always(Redirect(302, "/login"))},
		{"a redirect that keeps the method", "not_openai", 1, false, always(Redirect(307, "/v1/chat/completions"))},
		{"a redirect with an answer", "not_openai", 1, false, says(func(answer string) Reply {
			return Fail(302, completion(quote(answer), "stop"), "Location", "/login")
		})},
		{"a redirect elsewhere", "not_openai", 1, false, always(Redirect(307, "http://192.0.2.1/v1/chat/completions"))},
	}
}
