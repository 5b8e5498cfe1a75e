package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Obstacle returns the one thing that keeps all probes from running, with its
// cure, in one line; nil if nothing is known to. It looks at the cheapest and
// most common causes, and is meant to be called when nothing could be attached.
func (h Host) Obstacle() error {
	release, name, err := h.Release()
	if err == nil && !release.AtLeast(oldest.Major, oldest.Minor) {
		return fmt.Errorf("kernel %s is too old (run Linux %s or newer)", name, oldest)
	}
	var absent []string
	for _, need := range []string{CapBPF, CapPerfmon, CapNetAdmin} {
		if !h.holds(need) {
			absent = append(absent, need)
		}
	}
	if len(absent) > 0 {
		return fmt.Errorf("no privilege: %s missing (run as root, or: setcap %s+ep on the program)",
			strings.Join(absent, ", "), strings.ToLower(strings.Join(absent, ",")))
	}
	if f := h.userNamespaceFact(); f.Outcome == No {
		return fmt.Errorf("%s (%s)", f.Detail, f.Cure)
	}
	if _, err := h.BTF(); errors.Is(err, ErrMissing) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no BTF: the kernel does not describe its types (%s)", btfCure)
	}
	return nil
}
