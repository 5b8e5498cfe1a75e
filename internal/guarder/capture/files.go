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
	writer *Writer // nil if the next file could not be begun
	size   int64   // of what is whole
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
	if err := f.begin(); err != nil {
		return nil, err
	}
	return f, nil
}

// Write adds a frame; whoever reads the file sees it at once. After an error the
// file is as before, and the next frame may be written.
func (f *Files) Write(r Record) error {
	if f.writer != nil && f.frames > 0 && f.size+int64(r.room()) > f.most {
		if err := f.end(); err != nil {
			return err
		}
	}
	if f.writer == nil {
		if err := f.begin(); err != nil {
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

// end makes room for the next file.
func (f *Files) end() error {
	if err := f.shift(); err != nil {
		return err
	}
	f.writer = nil
	f.file.Close()
	return nil
}

// begin begins the next file. If it fails, what there is of it is replaced by the next
// attempt.
func (f *Files) begin() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	writer, err := NewWriter(file, f.application)
	if err != nil {
		file.Close()
		return err
	}
	f.file, f.writer, f.frames = file, writer, 0
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
func (f *Files) Close() error {
	if f.writer == nil { // it is closed
		return nil
	}
	return f.file.Close()
}
