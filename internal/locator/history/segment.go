package history

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A segment is a file of records.
type segment struct {
	number uint64
	size   int64
	// records are the lines that can be read.
	records int
	// first is the time of the first record, last the latest of all; zero without records.
	first, last time.Time
	// ended is set if nothing is to be appended any more, as the last line has no end.
	ended bool
}

const (
	prefix = "history-"
	suffix = ".jsonl"
)

func segmentName(number uint64) string { return fmt.Sprintf("%s%012d%s", prefix, number, suffix) }

// segmentNumber returns the number of a segment, and false for other files.
func segmentNumber(name string) (uint64, bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(name, prefix), suffix)
	number, err := strconv.ParseUint(digits, 10, 63)
	return number, err == nil && segmentName(number) == name
}

// list returns the numbers of the segments of a folder, in order. Whatever else is in it is
// passed over, but the numbers of all that is named like a segment are less than next.
func list(dir string) (numbers []uint64, next uint64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		number, ok := segmentNumber(e.Name())
		if !ok {
			continue
		}
		next = max(next, number+1)
		if e.Type().IsRegular() {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, next, nil
}

// took notes that a record was appended.
func (s *segment) took(size int, at time.Time) {
	s.size += int64(size)
	s.records++
	if s.first.IsZero() {
		s.first = at
	}
	if at.After(s.last) {
		s.last = at
	}
}

func segmentPath(dir string, number uint64) string { return filepath.Join(dir, segmentName(number)) }
