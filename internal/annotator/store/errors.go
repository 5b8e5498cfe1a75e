//go:build unix

package store

import (
	"errors"
	"fmt"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"
)

// Errors that a caller may match.
var (
	// ErrFull is of a disk or an inbox that is full. It may have room later.
	ErrFull = errors.New("full")
	// ErrBusy is of too many messages that wait for the disk.
	ErrBusy = errors.New("too many messages wait for the disk")
	// ErrClosed is of a store that is closed, or takes no messages any more.
	ErrClosed = errors.New("closed")
	// ErrBroken is of a store whose disk did not write what it took. It is not known what is
	// on the disk then, so nothing is written until the store is opened again.
	ErrBroken = errors.New("the disk lost a write: restart, and look at the disk")
	// ErrCorrupt is of a file that is damaged.
	ErrCorrupt = errors.New("corrupt")
	// ErrInUse is of a file that another process has open.
	ErrInUse = errors.New("in use by another process")
	// ErrStale is of a step whose episode has moved on meanwhile. Nothing of it was kept.
	ErrStale = errors.New("the episode has moved on")
	// ErrUnknown is of an episode, a letter or a delivery that there is none of.
	ErrUnknown = errors.New("unknown")
)

// classify says what an error of a commit means.
func classify(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, berrors.ErrMaxSizeReached} {
		if errors.Is(err, full) {
			return fmt.Errorf("the disk is %w: %w", ErrFull, err)
		}
	}
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}
