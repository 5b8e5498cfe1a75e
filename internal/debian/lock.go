package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockFile is the file in the cache that is locked while something is unpacked.
const lockFile = ".lock"

// lock waits until no other process holds the cache, and holds it for as long as the file
// is open. It locks a file and not the folder, which network file systems refuse.
func lock(ctx context.Context, cache string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(cache, lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		// It asks again and again, as a call that waits does not end with ctx.
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		f.Close()
		return nil, fmt.Errorf("lock %q: %w", f.Name(), err)
	}
}
