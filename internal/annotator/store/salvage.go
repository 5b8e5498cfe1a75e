//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"
)

// Salvaged says what was copied out of a damaged file.
type Salvaged struct {
	// Copied counts values for each bucket.
	Copied map[string]int
	// Faults are what could not be read, at most 100 of them.
	Faults []error
}

// Salvage copies what can be read of a damaged file to a new one, which must not exist. Of
// what is there in two versions the newer one is copied. Messages whose episode cannot be
// read become dead letters when the new file is opened.
//
// The old file is not changed.
func Salvage(from, to string) (Salvaged, error) {
	s := Salvaged{Copied: map[string]int{}}
	err := s.copy(from, to)
	if err != nil {
		err = fmt.Errorf("salvage %q: %w", from, err)
	}
	return s, err
}

func (s *Salvaged) copy(from, to string) (err error) {
	file, err := openLocked(from)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("%q exists: name another file", to), err)
	}
	metas := readMetas(file)
	if len(metas) == 0 {
		return errors.New("nothing can be read: both of its heads are damaged")
	}
	// It is waited for once all is copied: a copy that was not finished is none.
	db, err := openFile(to, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, m := range metas {
		im := &image{file: file, meta: m, used: map[uint64]bool{}}
		if err := s.copyImage(im, db); err != nil {
			return err
		}
	}
	return errors.Join(db.Sync(), syncFolder(to))
}

// copyImage copies one version of the file, but no key that is there already.
func (s *Salvaged) copyImage(im *image, db *bolt.DB) (err error) {
	im.walk(im.meta.root, func(bucket element) error {
		switch {
		case isName(derived, bucket.key):
			return nil
		case !bucket.bucket || !isName(kept, bucket.key):
			return fmt.Errorf("bucket %.40q is left out: it has no name that is known", bucket.key)
		}
		var some []element
		size := 0
		flush := func() {
			err = errors.Join(err, s.write(db, bucket.key, some))
			some, size = nil, 0
		}
		im.walkBucket(bucket, func(e element) error {
			if _, err := unseal(e.key, e.value); err != nil || e.bucket {
				return errors.Join(err, errors.New("value left out"))
			}
			some = append(some, e)
			if size += len(e.value); size > compactTx {
				flush()
			}
			return nil
		}, s.fault)
		flush()
		return nil
	}, s.fault)
	return err
}

// write writes values to a bucket of the new file.
func (s *Salvaged) write(db *bolt.DB, bucket []byte, some []element) error {
	return db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		for _, e := range some {
			if b.Get(e.key) != nil {
				continue
			}
			if err := b.Put(e.key, e.value); err != nil {
				return err
			}
			s.Copied[string(bucket)]++
		}
		return nil
	})
}

const mostFaults = 100

func (s *Salvaged) fault(err error) bool {
	if len(s.Faults) < mostFaults {
		s.Faults = append(s.Faults, err)
	}
	return true
}
