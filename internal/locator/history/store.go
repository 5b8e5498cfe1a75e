//go:build unix

package history

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A Config says where a history is, and how much of it is kept.
type Config struct {
	// Dir is a folder, which is made if there is none. Files in it that are none of the
	// history are left alone.
	Dir string
	// MaxBytes is the size of all segments at most: 64 MiB, which is a month of 20
	// destinations if a checkpoint has 4 KiB. It is 1 MiB at least.
	MaxBytes int64
	// MaxAge is how old records become: 90 days. As they are removed by segments, some get
	// older by an eighth.
	MaxAge time.Duration
	// Now is normally time.Now, as is nil.
	Now func() time.Time
	// Logger tells of the first record that could not be written, and of the next one that
	// could; nil: nobody.
	Logger *slog.Logger
}

// Status says how a store is.
type Status struct {
	Bytes    int64 // of all segments
	Segments int
	Records  int
	// Dropped are lines on disk that could not be read at the start, or that have no end
	// since a disk was full. They go with their segment, but stay counted.
	Dropped int
	// Lost are records that could not be written since the start.
	Lost int
	// Err is why the last record could not be written, nil if it could.
	Err error
}

// split is how many segments of equal size, or of equal time, make a whole history.
const split = 8

// leastBytes is a history of segments that still hold a large checkpoint.
const leastBytes = 1 << 20

// A Store is a history that is written to.
type Store struct {
	config Config
	lock   *os.File

	mu sync.Mutex
	// segments are on disk, the oldest first; next is the number of the next one.
	segments []segment
	next     uint64
	// file is the last segment if it is open, else nil.
	file   segmentFile
	create func(path string, flags int) (segmentFile, error)
	closed bool
	// latest are the lines of the newest checkpoints. They are decoded for each who asks,
	// so that nobody shares what another one changes.
	latest        map[Key]checkpointLine
	dropped, lost int
	outage        int // records lost since one was written
	err           error
}

type checkpointLine struct {
	at   time.Time
	line []byte
}

// Open opens a history, which no other process may have open. What is in the folder is
// read, to know the newest checkpoints; lines that cannot be are counted.
func Open(c Config) (*Store, error) {
	if c.MaxBytes != 0 && c.MaxBytes < leastBytes {
		return nil, fmt.Errorf("history %q: %d bytes are too few (%d at least)", c.Dir, c.MaxBytes, leastBytes)
	}
	c.MaxBytes = cmp.Or(c.MaxBytes, 64<<20)
	c.MaxAge = cmp.Or(max(c.MaxAge, 0), 90*24*time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{config: c, create: openSegment, latest: make(map[Key]checkpointLine)}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("open history %q: %w", c.Dir, err)
	}
	return s, nil
}

func (s *Store) open() (err error) {
	if err := os.MkdirAll(s.config.Dir, 0o700); err != nil {
		return err
	}
	if s.lock, err = lockFolder(s.config.Dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.lock.Close()
		}
	}()
	numbers, next, err := list(s.config.Dir)
	if err != nil {
		return err
	}
	s.next = next
	for _, number := range numbers {
		if err := s.scan(number); err != nil {
			return err
		}
	}
	return s.prune(s.config.Now(), 0)
}

// scan reads a segment.
func (s *Store) scan(number uint64) error {
	path := segmentPath(s.config.Dir, number)
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	g := segment{number: number}
	for l := newLines(file); ; {
		line, err := l.next()
		if err == io.EOF {
			break
		}
		var h head
		if err == nil {
			h, err = decodeHead(line)
		} else if err != errTorn && err != errLong {
			return fmt.Errorf("read %q: %w", path, err)
		}
		if err != nil {
			s.dropped++
			g.ended = g.ended || err == errTorn
			continue
		}
		g.took(len(line)+1, h.At)
		s.note(h, line)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	g.size = info.Size() // with the lines that were dropped
	s.segments = append(s.segments, g)
	return nil
}

// note remembers a line if it is a checkpoint. The newest is the one that was written last:
// a clock that was wrong must not make one stay for good.
func (s *Store) note(h head, line []byte) {
	if h.Kind == KindCheckpoint {
		s.latest[h.Key] = checkpointLine{h.At, bytes.Clone(line)}
	}
}

// Latest returns the newest checkpoint of a path, of this process or one before, and false
// if there is none that is young enough. It belongs to the caller.
func (s *Store) Latest(path Key) (Checkpoint, bool) {
	s.mu.Lock()
	newest, ok := s.latest[path]
	s.mu.Unlock()
	if !ok {
		return Checkpoint{}, false
	}
	r, err := decode(KindCheckpoint, newest.line)
	c, ok := r.(Checkpoint)
	return c, ok && err == nil
}

// Status returns how the store is.
func (s *Store) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := Status{Bytes: s.bytes(), Segments: len(s.segments), Dropped: s.dropped, Lost: s.lost, Err: s.err}
	for _, g := range s.segments {
		status.Records += g.records
	}
	return status
}

func (s *Store) bytes() (sum int64) {
	for _, g := range s.segments {
		sum += g.size
	}
	return sum
}

// Close waits until all is on the disk, and lets others write.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var sync error
	if s.file != nil {
		sync = s.file.Sync()
	}
	return errors.Join(sync, s.end(), s.lock.Close())
}
