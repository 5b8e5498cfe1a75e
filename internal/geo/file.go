package geo

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A Status says what is known of a file and how its loading went.
type Status struct {
	// Name is the last part of Path, or all of it if several files have the same one.
	Name, Path string
	// Role is "database", "override" or "blocklist".
	Role string
	// Type is what a database calls itself, such as "GeoLite2-City", or the format of
	// another file. The type and all that follows, but for the counts and Err, is about
	// the data in force; it is zero if there are none.
	Type string
	// Built is when the data were made: as they say themselves, else the time of the
	// file.
	Built time.Time
	// Loaded is when they were put in force.
	Loaded time.Time
	// Entries is the number of prefixes or AS numbers, of a database that of the nodes
	// of its tree.
	Entries int
	// Bytes is the size of the file.
	Bytes int64
	// Contents say what a database tells.
	Contents Contents
	// Succeeded and Failed count the loads, that at the start too. A file that was
	// touched and has the same content is not loaded again.
	Succeeded, Failed uint64
	// Err is why the last load failed, or nil: the data in force are those of before.
	Err error
	// Damaged counts the look-ups that failed as the data in force are damaged.
	Damaged uint64
}

// Age returns how old the data in force are, 0 if there are none.
func (s Status) Age(now time.Time) time.Duration {
	if s.Built.IsZero() {
		return 0
	}
	return now.Sub(s.Built)
}

// facts are what a parser tells of the data.
type facts struct {
	kind     string
	built    time.Time // zero: unknown
	entries  int
	contents Contents
}

// A file keeps the data of a file on disk up to date.
type file[T any] struct {
	name, path string
	limit      int64 // bytes
	parse      func(path string, data []byte) (T, facts, error)
	now        func() time.Time

	// data are in force, or nil.
	data    atomic.Pointer[loaded[T]]
	damaged atomic.Uint64

	mu   sync.Mutex
	seen os.FileInfo // of the last load that was tried; nil: try again
	// tried is the sum of the last content that was parsed, parseErr what became of it.
	tried    uint64
	parsed   bool
	parseErr error
	readErr  error // why there was no content the last time, or nil
	status   Status
}

// seed makes the sums of this process; nobody can make another file of the same sum.
var seed = maphash.MakeSeed()

func newFile[T any](s Status, limit int64, now func() time.Time, parse func(string, []byte) (T, facts, error)) *file[T] {
	return &file[T]{name: s.Name, path: s.Path, limit: limit, parse: parse, now: now, status: s}
}

// loaded are data with the time when they were made.
type loaded[T any] struct {
	data  T
	built time.Time
}

// get returns the data in force, or false.
func (f *file[T]) get() (loaded[T], bool) {
	if data := f.data.Load(); data != nil {
		return *data, true
	}
	return loaded[T]{}, false
}

func (f *file[T]) report() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Damaged = f.damaged.Load()
	s.Err = f.readErr
	if s.Err == nil {
		s.Err = f.parseErr
	}
	return s
}

// refresh loads the file if it changed since it was last tried. It reports whether there
// is something new to tell: other data, or a failure.
func (f *file[T]) refresh() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return f.unreadable(err)
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.Size() == info.Size() && f.seen.ModTime().Equal(info.ModTime()) {
		return false
	}
	data, err := readWhole(f.path, f.limit)
	if err != nil {
		return f.unreadable(err)
	}
	f.readErr, f.seen = nil, info
	// Who writes twice within the resolution of the file's time leaves the same time;
	// so a file that is that fresh is looked at once more.
	if f.now().Sub(info.ModTime()) < freshness {
		f.seen = nil
	}
	sum := maphash.Bytes(seed, data)
	if f.parsed && sum == f.tried {
		return false
	}
	f.parsed, f.tried = true, sum
	f.load(data, info)
	return true
}

// load puts new data in force, or keeps the old ones.
func (f *file[T]) load(data []byte, info os.FileInfo) {
	parsed, facts, err := f.parse(f.path, data)
	if f.parseErr = err; err != nil {
		f.status.Failed++
		return
	}
	if facts.built.IsZero() {
		facts.built = info.ModTime()
	}
	f.data.Store(&loaded[T]{parsed, facts.built})
	s := &f.status
	s.Type, s.Built, s.Entries, s.Contents = facts.kind, facts.built, facts.entries, facts.contents
	s.Loaded, s.Bytes = f.now(), int64(len(data))
	s.Succeeded++
}

// unreadable records why there is no content. As it is tried again and again, only a new
// reason counts.
func (f *file[T]) unreadable(err error) bool {
	f.seen = nil
	if f.readErr != nil && f.readErr.Error() == err.Error() {
		return false
	}
	f.readErr = err
	f.status.Failed++
	return true
}

// freshness is above the resolution of the times of all common file systems; that of FAT
// is 2 s.
const freshness = 3 * time.Second

// errChanging says that a file was written while it was read.
var errChanging = errors.New("the file changed while it was read")

// readWhole returns the content of a file as it was at one time, as far as size and time
// tell.
func readWhole(path string, limit int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path) // opening a pipe would wait
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	before, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !before.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", path)
	case before.Size() == 0:
		return nil, fmt.Errorf("%s is empty (was it fetched to its end?)", path)
	case before.Size() > limit:
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, before.Size(), limit)
	}
	data := make([]byte, before.Size())
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errChanging)
	}
	after, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return nil, fmt.Errorf("%s: %w", path, errChanging)
	}
	return data, nil
}
