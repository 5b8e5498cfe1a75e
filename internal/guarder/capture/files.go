package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Files are a capture that is cut into files of bounded size: the newest is Path, the
// one before it has a 1 before its extension, and so on ("a.pcapng", "a.1.pcapng").
// It is not safe for several goroutines at once.
type Files struct {
	path        string
	most        int64
	keep        int
	application string

	file   *os.File
	writer *Writer
	size   int64 // of what is whole
	frames int
}

// OpenFiles begins a capture; a file that is at the path already becomes the one
// before. A file has at most so many bytes, unless a single frame needs more, and at
// most keep files are kept.
func OpenFiles(path string, most int64, keep int, application string) (*Files, error) {
	f := &Files{path: path, most: most, keep: max(keep, 1), application: application}
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		if err := f.shift(); err != nil {
			return nil, err
		}
	}
	return f, f.begin()
}

// Write adds a frame; whoever reads the file sees it at once. After an error the
// file is as before, and the next frame may be written.
func (f *Files) Write(r Record) error {
	if f.size+int64(len(r.Frame)) > f.most && f.frames > 0 {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	_, known := f.writer.interfaces[r.Interface]
	if err := f.writer.Write(r); err != nil {
		if !known {
			delete(f.writer.interfaces, r.Interface)
		}
		return errors.Join(err, f.cut())
	}
	f.frames++
	return f.measure()
}

func (f *Files) measure() (err error) {
	f.size, err = f.file.Seek(0, io.SeekCurrent)
	return err
}

// cut takes off what was not written to its end: behind half a frame nothing could be
// read.
func (f *Files) cut() error {
	if err := f.file.Truncate(f.size); err != nil {
		return err
	}
	_, err := f.file.Seek(f.size, io.SeekStart)
	return err
}

// rotate ends a file and begins the next.
func (f *Files) rotate() error {
	if err := f.shift(); err != nil {
		return err
	}
	f.file.Close()
	return f.begin()
}

func (f *Files) begin() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	f.file, f.frames = file, 0
	if f.writer, err = NewWriter(file, f.application); err != nil {
		return err
	}
	return f.measure()
}

// shift gives each file the name of the one before; the oldest is replaced.
func (f *Files) shift() error {
	if f.keep == 1 {
		return nil
	}
	for n := f.keep - 1; n > 0; n-- {
		if err := os.Rename(f.name(n-1), f.name(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("capture: %w", err)
		}
	}
	return nil
}

// name returns that of the file so many before the newest.
func (f *Files) name(before int) string {
	if before == 0 {
		return f.path
	}
	extension := filepath.Ext(f.path)
	return fmt.Sprintf("%s.%d%s", strings.TrimSuffix(f.path, extension), before, extension)
}

// Close ends the newest file.
func (f *Files) Close() error { return f.file.Close() }
