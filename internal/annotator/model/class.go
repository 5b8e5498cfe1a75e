package model

// A Class says how an attempt ended. The set is closed: it is a label of metrics.
type Class string

const (
	// OK is an answer that Check accepted.
	OK Class = "ok"

	// These pass. Nobody answered in time:
	Timeout Class = "timeout"
	// No connection, or it broke:
	Network     Class = "network"
	RateLimited Class = "rate_limited"
	// The server failed:
	Server Class = "server"

	// These last until somebody changes something, here or there. Nothing is left to spend:
	Quota Class = "quota"
	Auth  Class = "auth"
	// The server does not take the request, whatever is left out of it:
	BadRequest Class = "bad_request"
	// The body is longer than 1 MiB:
	TooLarge Class = "too_large"
	// Something else lives there, or a redirect leads away:
	NotOpenAI Class = "not_openai"

	// These are what the model said. It refused, the server filtered it, it hit the limit
	// of tokens, it is not one JSON object, or Check did not accept it:
	Refused     Class = "refused"
	Filtered    Class = "filtered"
	Truncated   Class = "truncated"
	InvalidJSON Class = "invalid_json"
	Invalid     Class = "invalid"
)

// Classes returns all classes.
func Classes() []Class {
	return []Class{OK, Timeout, Network, RateLimited, Server, Quota, Auth, BadRequest, TooLarge, NotOpenAI,
		Refused, Filtered, Truncated, InvalidJSON, Invalid}
}

// Transient reports whether the same request may be answered later.
func (c Class) Transient() bool {
	switch c {
	case Timeout, Network, RateLimited, Server:
		return true
	}
	return false
}

// said reports whether a model was asked and had its say, however useless.
func (c Class) said() bool {
	switch c {
	case OK, Refused, Filtered, Truncated, InvalidJSON, Invalid:
		return true
	}
	return false
}

// wrong reports whether a second answer of the same model may be a better one.
func (c Class) wrong() bool { return c == InvalidJSON || c == Invalid }

// A Skip says why a provider was not asked. The set is closed: it is a label of metrics.
type Skip string

const (
	// SkipBudget: no tokens are left for today.
	SkipBudget Skip = "budget"
	// SkipRate: no calls are left for this minute, or the provider wants to be left alone.
	SkipRate Skip = "rate"
	// SkipBreaker: the provider failed too often, or refused the key.
	SkipBreaker Skip = "breaker"
	// SkipNoKey: the file of the key is missing, empty, or holds no key.
	SkipNoKey Skip = "no_key"
)

// Skips returns all reasons.
func Skips() []Skip { return []Skip{SkipBudget, SkipRate, SkipBreaker, SkipNoKey} }
