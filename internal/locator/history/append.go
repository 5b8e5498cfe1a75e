//go:build unix

package history

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// segmentFile is a segment that is open. Tests have disks that are full.
type segmentFile interface {
	io.WriteCloser
	Sync() error
	Stat() (fs.FileInfo, error)
}

// openSegment opens a segment to append, which must not exist with the flag os.O_EXCL.
func openSegment(path string, flags int) (segmentFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW|flags, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Append writes a record. What it cannot write is lost and counted, and the next record is
// tried again; the logger is told of the first one, so the caller need not tell.
func (s *Store) Append(r Record) error {
	line, err := encode(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("append to history %q: %w", s.config.Dir, fs.ErrClosed)
	}
	if most := min(s.segmentBytes(), maxLine); int64(len(line)) > most {
		return fmt.Errorf("append to history %q: a record of %q has %d bytes, more than %d", s.config.Dir, r.Path().Dest, len(line), most)
	}
	if err := s.write(line, r.When().UTC()); err != nil {
		return s.failed(fmt.Errorf("append to history %q: %w", s.config.Dir, err))
	}
	if s.outage > 0 {
		s.config.Logger.Info("history written again", "dir", s.config.Dir, "lost_records", s.outage)
	}
	s.outage, s.err = 0, nil
	s.note(head{r.kind(), r.When().UTC(), r.Path()}, line)
	return nil
}

// failed counts a record that was lost.
func (s *Store) failed(err error) error {
	if s.outage == 0 {
		s.config.Logger.Error("history not written", "err", err)
	}
	s.outage++
	s.lost++
	s.err = err
	return err
}

func (s *Store) segmentBytes() int64 { return s.config.MaxBytes / split }

// write appends a line to a segment that can take it.
func (s *Store) write(line []byte, at time.Time) error {
	now := s.config.Now()
	if s.full(now, len(line)) {
		if err := s.end(); err != nil {
			return err
		}
	}
	if err := s.prune(now, int64(len(line))); err != nil {
		return err
	}
	if s.file == nil {
		if err := s.begin(now, len(line)); err != nil {
			return err
		}
	}
	last := &s.segments[len(s.segments)-1]
	n, err := s.file.Write(line)
	if err != nil {
		if n > 0 {
			// Whoever reads may have seen the piece, so it is not taken back.
			last.size += int64(n)
			last.ended = true
			s.dropped++
			err = errors.Join(err, s.end())
		}
		return err
	}
	last.took(len(line), at)
	return nil
}

// full tells whether the last segment takes no line of a size any more.
func (s *Store) full(now time.Time, size int) bool {
	if len(s.segments) == 0 {
		return true
	}
	last := s.segments[len(s.segments)-1]
	old := !last.first.IsZero() && now.Sub(last.first) > s.config.MaxAge/split
	return last.ended || old || last.size+int64(size) > s.segmentBytes() || s.file != nil && removed(s.file)
}

// removed tells whether somebody has removed a file that is open.
func removed(f segmentFile) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 0
}

// begin opens the last segment if that is not full, or a new one.
func (s *Store) begin(now time.Time, size int) (err error) {
	if !s.full(now, size) {
		last := len(s.segments) - 1
		s.file, err = s.create(segmentPath(s.config.Dir, s.segments[last].number), 0)
		// Somebody removed it, or put a link in its place.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ELOOP) {
			return err
		}
		s.segments = s.segments[:last]
	}
	s.file, err = s.create(segmentPath(s.config.Dir, s.next), os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	s.segments = append(s.segments, segment{number: s.next})
	s.next++
	return nil
}

// end closes the last segment if it is open.
func (s *Store) end() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// prune removes the oldest segments until there is room for some bytes more, and those with
// nothing in them that is young enough.
func (s *Store) prune(now time.Time, room int64) error {
	for len(s.segments) > 0 {
		oldest := s.segments[0]
		old := !oldest.last.IsZero() && now.Sub(oldest.last) > s.config.MaxAge
		if !old && s.bytes()+room <= s.config.MaxBytes {
			break
		}
		if len(s.segments) == 1 {
			if err := s.end(); err != nil {
				return err
			}
		}
		if err := os.Remove(segmentPath(s.config.Dir, oldest.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.segments = s.segments[1:]
	}
	for path, newest := range s.latest {
		if now.Sub(newest.at) > s.config.MaxAge {
			delete(s.latest, path)
		}
	}
	return nil
}
