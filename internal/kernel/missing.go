package kernel

import (
	"errors"
	"fmt"
)

// ErrMissing is matched by every error that says that this kernel lacks a
// feature.
var ErrMissing = errors.New("feature not supported")

// A MissingError names a feature that this kernel lacks. It matches [ErrMissing].
type MissingError struct {
	Feature string
	// Since is the first kernel that has it, such as "6.4", or "" if it is not
	// a matter of age but of how the kernel was built.
	Since string
}

// Missing returns a *[MissingError].
func Missing(feature, since string) error { return &MissingError{feature, since} }

// Error returns "netfilter link not supported (requires Linux >= 6.4)".
func (e *MissingError) Error() string {
	if e.Since == "" {
		return e.Feature + " not supported (not built into this kernel)"
	}
	return fmt.Sprintf("%s not supported (requires Linux >= %s)", e.Feature, e.Since)
}

// Is reports whether target is [ErrMissing].
func (e *MissingError) Is(target error) bool { return target == ErrMissing }
