package kernel

import (
	"encoding"
	"fmt"
	"slices"
)

// An Outcome tells whether something is as the probes would have it.
type Outcome uint8

// The outcomes.
const (
	// Unknown means that it could not be found out, usually for want of
	// privileges.
	Unknown Outcome = iota
	No
	Yes
)

var outcomeNames = []string{"unknown", "no", "yes"}

var (
	_ encoding.TextMarshaler   = Unknown
	_ encoding.TextUnmarshaler = (*Outcome)(nil)
)

// outcomeOf returns Yes or No.
func outcomeOf(ok bool) Outcome {
	if ok {
		return Yes
	}
	return No
}

// String returns "yes", "no" or "unknown".
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome_%d", uint8(o))
}

// MarshalText returns what String does.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText accepts what MarshalText returns.
func (o *Outcome) UnmarshalText(text []byte) error {
	i := slices.Index(outcomeNames, string(text))
	if i < 0 {
		return fmt.Errorf("unknown outcome %q", text)
	}
	*o = Outcome(i)
	return nil
}

// A Fact is one thing about the kernel or its settings.
type Fact struct {
	// Name is a short, stable identifier such as "netfilter_links".
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	// Detail is what was found.
	Detail string `json:"detail"`
	// Cure tells what would make it Yes; "" if it is, or if nothing would.
	Cure string `json:"cure,omitempty"`
}
