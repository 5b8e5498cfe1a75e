package history

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"
)

// A Filter says which records to read. Its zero value takes all.
type Filter struct {
	// Dest is the name of a destination; "": all.
	Dest string
	// Since is the first time, Until the first one after; zero: no limit.
	Since, Until time.Time
	// Kinds are those to read; none: all.
	Kinds []Kind
}

func (f Filter) fits(h head) bool {
	return (f.Dest == "" || f.Dest == h.Dest) &&
		(f.Since.IsZero() || !h.At.Before(f.Since)) &&
		(f.Until.IsZero() || h.At.Before(f.Until)) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, h.Kind))
}

// A LineError is a line that could not be read.
type LineError struct {
	File string
	Line int // from 1
	Err  error
}

// Error returns "file:line: why".
func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns why.
func (e *LineError) Unwrap() error { return e.Err }

// Read returns the records of a folder in the order in which they were written, also while
// another process writes. What is written meanwhile may be missing, and what is removed
// as too old too.
//
// With an error the record is nil. After a [LineError] it goes on with the next
// line, after other errors with the next file, if there is one.
func Read(dir string, f Filter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		numbers, _, err := list(dir)
		if err != nil {
			yield(nil, fmt.Errorf("read history %q: %w", dir, err))
			return
		}
		for i, number := range numbers {
			newest := i == len(numbers)-1
			if !readSegment(segmentPath(dir, number), newest, f, yield) {
				return
			}
		}
	}
}

// readSegment returns false if no more is wanted. In the newest segment a line without an
// end is one that is being written.
func readSegment(path string, newest bool, f Filter, yield func(Record, error) bool) bool {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true // removed meanwhile
	}
	if err != nil {
		return yield(nil, fmt.Errorf("read history: %w", err))
	}
	defer file.Close()
	l := newLines(file)
	for {
		line, err := l.next()
		var r Record
		switch {
		case err == io.EOF, err == errTorn && newest:
			return true
		case err == nil:
			r, err = pick(line, f)
		case err != errTorn && err != errLong:
			return yield(nil, fmt.Errorf("read history: %w", err))
		}
		if err != nil {
			err = &LineError{path, l.number, err}
		}
		if (r != nil || err != nil) && !yield(r, err) {
			return false
		}
	}
}

// pick decodes a line if it fits, else it returns nil.
func pick(line []byte, f Filter) (Record, error) {
	h, err := decodeHead(line)
	if err != nil || !f.fits(h) {
		return nil, err
	}
	return decode(h.Kind, line)
}
