//go:build !linux

package host

import "errors"

// Read is for Linux.
func Read() (*Facts, error) {
	return nil, errors.New("facts about the host can be read on Linux only")
}
