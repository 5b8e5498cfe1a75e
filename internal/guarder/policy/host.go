package policy

// A Host is what a policy is checked against, beside its own text.
type Host interface{}

// A device is an interface that a file names.
type device struct {
	name     string
	optional bool
	at       Position
	in       string
}
