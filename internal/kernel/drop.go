package kernel

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// DropTo gives up every capability but those in keep, for good and on all
// threads, and returns those of keep that the process has.
//
// It clears the ambient and inheritable sets, empties the bounding set where
// CAP_SETPCAP permits, and sets no_new_privs, so that no program started later
// gains anything either. Keeping what the process never had is not an error.
// On error some sets may have been cleared already.
func DropTo(keep []string) ([]string, error) {
	values, err := capabilityValues(keep)
	if err != nil {
		return nil, err
	}
	if err := cap.ResetAmbient(); err != nil {
		return nil, fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if err := dropBounding(); err != nil {
		return nil, err
	}
	before, after := cap.GetProc(), cap.NewSet()
	var kept []string
	for _, value := range values {
		if permitted, err := before.GetFlag(cap.Permitted, value); err != nil || !permitted {
			continue
		}
		if err := after.SetFlag(cap.Permitted, true, value); err != nil {
			return nil, fmt.Errorf("keep %s: %w", capabilityName(value), err)
		}
		if err := after.SetFlag(cap.Effective, true, value); err != nil {
			return nil, fmt.Errorf("keep %s: %w", capabilityName(value), err)
		}
		kept = append(kept, capabilityName(value))
	}
	if err := after.SetProc(); err != nil {
		return nil, fmt.Errorf("drop capabilities: %w", err)
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("set no_new_privs: %w", err)
	}
	return kept, nil
}

// capabilityValues returns the numbers of the named capabilities.
func capabilityValues(names []string) ([]cap.Value, error) {
	values := make([]cap.Value, 0, len(names))
	for _, name := range names {
		value, err := cap.FromName(strings.ToLower(name))
		if err != nil {
			return nil, fmt.Errorf("unknown capability %q", name)
		}
		values = append(values, value)
	}
	return values, nil
}

// dropBounding empties the bounding set if the process may.
func dropBounding() error {
	if may, err := cap.GetProc().GetFlag(cap.Effective, cap.SETPCAP); err != nil || !may {
		return nil
	}
	for value := cap.Value(0); value < cap.MaxBits(); value++ {
		if bound, err := cap.GetBound(value); err != nil || !bound {
			continue
		}
		if err := cap.DropBound(value); err != nil {
			return fmt.Errorf("drop %s from the bounding set: %w", capabilityName(value), err)
		}
	}
	return nil
}
