//go:build unix

package history

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// onDisk returns the bytes of all segments.
func onDisk(t *testing.T, dir string) (sum int64) {
	t.Helper()
	numbers, _, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		info, err := os.Stat(segmentPath(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}

// sized is an event of about 2 KB or more.
func sized(n int, random *rand.Rand) Event {
	e := event(0)
	e.Flow = n
	for range 60 + random.IntN(300) {
		e.Before = append(e.Before, checkpoint(0).Address)
	}
	return e
}

func TestTheHistoryIsNeverLargerThanAllowed(t *testing.T) {
	dir, random := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	s := open(t, Config{Dir: dir, MaxBytes: leastBytes})
	const records = 1000
	for n := range records {
		if n%301 == 300 {
			shut(t, s)
			s = open(t, Config{Dir: dir, MaxBytes: leastBytes})
		}
		add(t, s, sized(n, random))
		if got := onDisk(t, dir); got > leastBytes || got != s.Status().Bytes {
			t.Fatalf("record %d: %d bytes on disk, status %+v", n, got, s.Status())
		}
	}
	// One segment was removed, and one is being filled.
	if got := onDisk(t, dir); got < leastBytes*(split-2)/split {
		t.Errorf("only %d bytes are kept", got)
	}
	kept, faults := readAll(dir, Filter{})
	if len(faults) > 0 || len(kept) != s.Status().Records || len(kept) == records {
		t.Errorf("%d records, faults %v, status %+v", len(kept), faults, s.Status())
	}
	for i, r := range kept {
		if want := records - len(kept) + i; r.(Event).Flow != want {
			t.Fatalf("record %d is %d", i, want)
		}
	}
}

// One with a lower limit than before.
func TestALowerLimitHoldsFromTheStart(t *testing.T) {
	dir, random := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	s := open(t, Config{Dir: dir, MaxBytes: 8 * leastBytes})
	for n := range 1500 {
		add(t, s, sized(n, random))
	}
	shut(t, s)
	if onDisk(t, dir) < 2*leastBytes {
		t.Fatal("the test shows nothing")
	}
	s = open(t, Config{Dir: dir, MaxBytes: leastBytes})
	if got := onDisk(t, dir); got > leastBytes {
		t.Errorf("%d bytes at the start", got)
	}
	add(t, s, sized(0, random))
	if got := onDisk(t, dir); got > leastBytes {
		t.Errorf("%d bytes after a record", got)
	}
}

func TestOldRecordsAreRemoved(t *testing.T) {
	const day = 24 * time.Hour
	dir, c := t.TempDir(), &clock{start}
	config := Config{Dir: dir, MaxAge: 8 * day, Now: c.Now}
	s := open(t, config)
	const step = 5 * time.Hour
	for n := range int(40 * day / step) {
		c.now = start.Add(time.Duration(n) * step)
		e := event(0)
		e.At = c.now
		add(t, s, e)
		if n%23 == 22 {
			shut(t, s)
			s = open(t, config)
		}
		records, faults := readAll(dir, Filter{})
		oldest := records[0].When()
		if age := c.now.Sub(oldest); age > 9*day+2*step || age+step <= 8*day && !oldest.Equal(start) || len(faults) > 0 {
			t.Fatalf("record %d: the oldest of %d records has %v, faults %v", n, len(records), age, faults)
		}
		if want := int(c.now.Sub(oldest)/step) + 1; len(records) != want {
			t.Fatalf("record %d: %d records, want %d", n, len(records), want)
		}
	}
}

func TestAnOldCheckpointIsNoBaseline(t *testing.T) {
	dir, c := t.TempDir(), &clock{start}
	config := Config{Dir: dir, Now: c.Now}
	s := open(t, config)
	add(t, s, checkpoint(0))
	shut(t, s)
	c.now = start.Add(91 * 24 * time.Hour)
	s = open(t, config)
	if got, ok := s.Latest(key); ok {
		t.Errorf("latest %+v", got)
	}
	if got := s.Status(); got != (Status{}) {
		t.Errorf("status %+v", got)
	}
}

// A disk has room for some bytes, in all files together.
type disk struct {
	room   int
	broken bool // opens nothing
}

type diskFile struct {
	segmentFile
	disk *disk
}

func (d *disk) create(path string, flags int) (segmentFile, error) {
	if d.broken {
		return nil, syscall.EROFS
	}
	f, err := openSegment(path, flags)
	return diskFile{f, d}, err
}

func (f diskFile) Write(b []byte) (int, error) {
	n := min(len(b), f.disk.room)
	f.disk.room -= n
	if n > 0 {
		if _, err := f.segmentFile.Write(b[:n]); err != nil {
			return 0, err
		}
	}
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func TestAFullDiskIsToldOnceAndGoesOnLater(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	s := open(t, Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	d := &disk{room: 1 << 20}
	s.create = d.create
	add(t, s, event(0))

	d.room = 100 // a piece of the next one
	for range 3 {
		if err := s.Append(event(1)); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v", err)
		}
	}
	d.broken = true
	if err := s.Append(event(1)); !errors.Is(err, syscall.ENOSPC) { // the segment is still open
		t.Errorf("error %v", err)
	}
	if got := s.Status(); got.Lost != 4 || got.Dropped != 1 || got.Records != 1 || !errors.Is(got.Err, syscall.ENOSPC) || got.Bytes != onDisk(t, dir) {
		t.Errorf("status %+v", got)
	}
	d.room, d.broken = 1<<20, false
	add(t, s, event(2), event(3))
	if got := s.Status(); got.Lost != 4 || got.Dropped != 1 || got.Records != 3 || got.Err != nil || got.Bytes != onDisk(t, dir) {
		t.Errorf("status %+v", got)
	}
	wantRecords(t, dir, []Record{event(0), event(2), event(3)}, segmentName(0)+":2: the line has no end")

	d.room = 0
	if err := s.Append(event(4)); err == nil {
		t.Error("no error")
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		_, line, _ = strings.Cut(line, " ") // the time
		got = append(got, strings.ReplaceAll(strings.TrimSpace(line), dir, "DIR"))
	}
	told := `level=ERROR msg="history not written" err="append to history \"DIR\": no space left on device"`
	if diff := cmp.Diff([]string{told, `level=INFO msg="history written again" dir=DIR lost_records=4`, told}, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestAFolderThatCannotBeWrittenIsAnErrorUntilItCan(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	d := &disk{room: 1 << 20, broken: true}
	s.create = d.create
	if err := s.Append(event(0)); !errors.Is(err, syscall.EROFS) {
		t.Errorf("error %v", err)
	}
	d.broken = false
	add(t, s, event(1))
	wantRecords(t, dir, []Record{event(1)})
}

// Each record is written whole, in part or not at all, at random.
func TestWhateverADiskTakesTheRestIsRead(t *testing.T) {
	dir, random := t.TempDir(), rand.New(rand.NewPCG(3, 4))
	s := open(t, Config{Dir: dir})
	d := &disk{}
	s.create = d.create
	var want []Record
	lost := 0
	for n := range 500 {
		d.broken = random.IntN(10) == 0
		d.room = random.IntN(1200)
		e := event(n)
		if err := s.Append(e); err == nil {
			want = append(want, e)
		} else {
			lost++
		}
	}
	got, faults := readAll(dir, Filter{})
	if diff := cmp.Diff(want, got, equate); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	status := s.Status()
	wantStatus := Status{Bytes: onDisk(t, dir), Segments: status.Segments, Records: len(want), Dropped: status.Dropped, Lost: lost, Err: status.Err}
	// That of the newest segment is no fault yet.
	if status != wantStatus || lost < 50 || status.Dropped < 50 || status.Dropped-len(faults) > 1 || status.Dropped < len(faults) {
		t.Errorf("status %+v, want %+v; %d faults", status, wantStatus, len(faults))
	}
	shut(t, s)
	if again := open(t, Config{Dir: dir}).Status(); again.Records != len(want) || again.Dropped != status.Dropped {
		t.Errorf("after a restart %+v", again)
	}
}
