//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// space is how the pages of a file are used.
type space struct {
	pages, free int
	pageSize    int
}

// wasteful tells whether over half of a file is free that is large enough to matter.
func (s space) wasteful() bool { return s.free > s.pages/2 && s.pages*s.pageSize > 1<<20 }

// inspect reads the whole file and says how it is used. The error is [ErrCorrupt] if any of
// it is damaged, and [ErrInUse] if another process has it open. A file that there is not, or
// that is empty, is fine.
func inspect(path string) (space, error) {
	file, err := openLocked(path)
	if errors.Is(err, fs.ErrNotExist) {
		return space{}, nil
	}
	if err != nil {
		return space{}, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() == 0 {
		return space{}, err
	}
	s, err := inspectFile(file)
	if err != nil {
		return space{}, fmt.Errorf("%w: %w: salvage what can be read, and begin with an empty file: active alerts come again", ErrCorrupt, err)
	}
	return s, nil
}

// openLocked opens a file to read while no process writes it.
func openLocked(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%w: end that one, or name another file", ErrInUse)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func inspectFile(file *os.File) (space, error) {
	metas := readMetas(file)
	if len(metas) == 0 {
		return space{}, errors.New("it is no file of bbolt")
	}
	// bbolt takes the older meta if the newer one was not written whole, as after a power
	// cut. Two are enough of one that makes sense.
	im := &image{file: file, meta: metas[0], used: map[uint64]bool{}}
	info, err := file.Stat()
	if err != nil {
		return space{}, err
	}
	if size := info.Size(); uint64(size)/uint64(im.meta.pageSize) < im.meta.pages {
		return space{}, fmt.Errorf("it was cut: %d bytes of %d pages of %d", size, im.meta.pages, im.meta.pageSize)
	}
	var fault error
	first := func(err error) bool {
		fault = err
		return false
	}
	missing, stranger := len(kept), ""
	im.walk(im.meta.root, func(bucket element) error {
		if !bucket.bucket {
			return fmt.Errorf("%.40q is no bucket", bucket.key)
		}
		switch {
		case isName(kept, bucket.key):
			missing--
		case !isName(derived, bucket.key):
			stranger = string(bucket.key)
		}
		im.walkBucket(bucket, func(e element) error {
			if e.bucket {
				return fmt.Errorf("%.40q is a bucket", e.key)
			}
			_, err := unseal(e.key, e.value)
			return err
		}, first)
		return fault
	}, first)
	if fault != nil {
		return space{}, fault
	}
	if missing > 0 && stranger != "" {
		return space{}, fmt.Errorf("%.40q was the name of another bucket", stranger)
	}
	free, err := im.free()
	return space{pages: int(im.meta.pages), free: free, pageSize: int(im.meta.pageSize)}, err
}
