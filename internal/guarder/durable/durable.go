// Package durable writes files that are there whole or as they were before, also after a
// crash of the host.
package durable

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// WriteFile is Write of a text.
func WriteFile(path string, text []byte) error {
	return Write(path, func(to io.Writer) error {
		_, err := to.Write(text)
		return err
	})
}

// Write replaces the file at a path, which only its owner may read, by what a function
// writes. Readers see the old file, or none, or the new one, which is on the disk when Write
// returns; beside it there is a file meanwhile whose name begins with a dot. After an error
// the old file is as it was, unless only the name of the new one may not be on the disk.
func Write(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it was renamed
	to := bufio.NewWriterSize(f, 1<<16)
	if err := errors.Join(fill(to), to.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return Settle(path)
}

// Settle has the disk know which names there are in the folder of a path.
func Settle(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
