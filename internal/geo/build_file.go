package geo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// WriteFile writes the database, as Write does, to a file, whole or not at all: it is
// written beside the old one, read back, and takes its place in one step, so that an
// [Atlas] that watches it never sees half of one. After an error the old file is as it
// was. Everybody may read a new file; one that takes the place of another keeps its mode.
//
// The Status tells what was written.
func (b *Builder) WriteFile(path string, made time.Time) (Status, error) {
	mode, err := replaceable(path)
	if err != nil {
		return Status{}, err
	}
	// That takes seconds; who interrupts it must not leave a file behind.
	var data bytes.Buffer
	if err := b.Write(&data, made); err != nil {
		return Status{}, fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".geodb-*")
	if err != nil {
		return Status{}, err
	}
	defer os.Remove(f.Name()) // fails once it was renamed
	_, err = data.WriteTo(f)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return Status{}, fmt.Errorf("write %s: %w", path, err)
	}
	written := Open(Config{Databases: []string{f.Name()}})
	if err := written.Err(); err != nil {
		return Status{}, fmt.Errorf("read back what was written: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return Status{}, err
	}
	// The name is on disk when the folder is.
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return Status{}, err
	}
	status := written.Status()[0]
	status.Name, status.Path = filepath.Base(path), path
	return status, errors.Join(folder.Sync(), folder.Close())
}

// replaceable returns the mode that the file is to have. A device that root would
// replace by a file is refused.
func replaceable(path string) (fs.FileMode, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0o644, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%s is no regular file (name the file to write)", path)
	}
	return info.Mode().Perm(), nil
}
