package feed

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/durable"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Kept is the last good list of a feed.
type Kept struct {
	List *List
	Tag  Tag
	// Fetched is when the list came, and Checked when its source last said that it is
	// still the same.
	Fetched, Checked time.Time
}

// A Folder keeps the last good list of each feed on disk, so that a host that starts
// without its network has it. "" keeps nothing.
type Folder string

// keptHead is the first line of a file; an entry a line follows.
type keptHead struct {
	Version int            `json:"version"`
	Source  string         `json:"source"`
	Format  string         `json:"format"`
	Entries int            `json:"entries"`
	Fetched time.Time      `json:"fetched"`
	Checked time.Time      `json:"checked"`
	Built   time.Time      `json:"built,omitzero"`
	Tag     Tag            `json:"tag"`
	Origins map[string]int `json:"origins,omitempty"`
	Skipped int            `json:"skipped,omitempty"`
}

const (
	keptVersion = 1
	keptSuffix  = ".list"
)

// path is the file of a feed. It is another one for another source, so that a policy that
// is taken back finds what it had.
func (d Folder) path(f *policy.Feed) string {
	hash := fnv.New32a()
	io.WriteString(hash, f.Source()+"\x00"+f.Format.String())
	return filepath.Join(string(d), fmt.Sprintf("%s-%08x%s", f.Name, hash.Sum32(), keptSuffix))
}

// Save writes a list, whole or not at all.
func (d Folder) Save(f *policy.Feed, k *Kept) error {
	if d == "" {
		return nil
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("keep the list of %s: %w", f.Name, err)
	}
	if err := durable.Write(d.path(f), func(to io.Writer) error { return write(to, f, k) }); err != nil {
		return fmt.Errorf("keep the list of %s: %w", f.Name, err)
	}
	return nil
}

func write(to io.Writer, f *policy.Feed, k *Kept) error {
	l := k.List
	head, err := json.Marshal(keptHead{
		keptVersion, f.Source(), f.Format.String(), len(l.Entries), k.Fetched, k.Checked, l.Built, k.Tag, l.Origins, l.Skipped,
	})
	if err != nil {
		return err
	}
	if _, err := to.Write(append(head, '\n')); err != nil {
		return err
	}
	var line []byte
	for _, e := range l.Entries {
		line = e.Prefix.AppendTo(line[:0])
		if e.Until != 0 {
			line = strconv.AppendInt(append(line, ' '), e.Until, 10)
		}
		if _, err := to.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// Load returns the list that was kept, or nil if there is none. The limits of the feed
// may be narrower than they were: a list beyond them is refused as if it came now.
func (d Folder) Load(f *policy.Feed) (*Kept, error) {
	if d == "" {
		return nil, nil
	}
	path := d.path(f)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list that was kept: %w", err)
	}
	defer file.Close()
	k, err := load(path, file, f)
	if err != nil {
		return nil, fmt.Errorf("the list that was kept cannot be used: %w", err)
	}
	return k, nil
}

func load(path string, from io.Reader, f *policy.Feed) (*Kept, error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	var head keptHead
	if !lines.Scan() {
		return nil, errors.Join(fmt.Errorf("%s is empty", path), lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
		return nil, fmt.Errorf("%s:1: %w", path, err)
	}
	if head.Version != keptVersion || head.Source != f.Source() || head.Format != f.Format.String() {
		return nil, fmt.Errorf("%s:1: version %d of %s %s", path, head.Version, head.Format, head.Source)
	}
	l := &List{Built: head.Built, Origins: head.Origins, Skipped: head.Skipped}
	r := &reader{feed: f, name: path, list: l}
	for number := 2; lines.Scan(); number++ {
		text, until, _ := strings.Cut(lines.Text(), " ")
		prefix, err := netip.ParsePrefix(text)
		if err != nil || prefix != prefix.Masked() {
			return nil, fmt.Errorf("%s:%d: bad prefix %.60q", path, number, text)
		}
		var end int64
		if until != "" {
			if end, err = strconv.ParseInt(until, 10, 64); err != nil {
				return nil, fmt.Errorf("%s:%d: bad time %.60q", path, number, until)
			}
		}
		if err := r.add(prefix, end); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if n := len(l.Entries); n != head.Entries || n < f.MinEntries {
		return nil, fmt.Errorf("%s: %d entries, where it had %d and min_entries is %d", path, n, head.Entries, f.MinEntries)
	}
	l.finish()
	return &Kept{List: l, Tag: head.Tag, Fetched: head.Fetched, Checked: head.Checked}, nil
}

// Forget removes the lists of all feeds but these.
func (d Folder) Forget(but []policy.Feed) error {
	if d == "" {
		return nil
	}
	wanted := make(map[string]bool, len(but))
	for i := range but {
		wanted[d.path(&but[i])] = true
	}
	kept, err := filepath.Glob(filepath.Join(string(d), "*"+keptSuffix))
	if err != nil {
		return err
	}
	for _, path := range kept {
		if !wanted[path] {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("forget a list: %w", err)
			}
		}
	}
	return nil
}
