//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"
)

// compactTx is how much is copied in a transaction, in bytes.
const compactTx = 16 << 20

// compact copies a file and puts the copy at its place, since bbolt never gives back what is
// free. It returns the one that is at the path then, which is open; if the copy cannot be
// made, for want of room for example, that is the old one, which is as good.
func compact(db *bolt.DB, c Config) *bolt.DB {
	path, logger := c.Path, c.Logger
	smaller, err := compactTo(db, path+".compact", c.quick)
	if err == nil {
		// Both are locked, so that nobody can open the file in between.
		if err = os.Rename(path+".compact", path); err == nil {
			err = syncFolder(path)
			if err == nil {
				err = db.Close()
			}
			if err != nil {
				logger.Warn("store compacted, but", "err", err)
			}
			return smaller
		}
		err = errors.Join(err, smaller.Close())
	}
	if remove := os.Remove(path + ".compact"); remove != nil && !errors.Is(remove, os.ErrNotExist) {
		err = errors.Join(err, remove)
	}
	logger.Warn("store not compacted", "err", err)
	return db
}

func compactTo(db *bolt.DB, path string, quick bool) (*bolt.DB, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err // of a run that ended within
	}
	smaller, err := openFile(path, quick)
	if err != nil {
		return nil, err
	}
	if err := bolt.Compact(smaller, db, compactTx); err != nil {
		return nil, errors.Join(fmt.Errorf("compact to %q: %w", path, err), smaller.Close())
	}
	return smaller, nil
}
