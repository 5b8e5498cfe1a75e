package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Bytes of a list.
const (
	// bytesPerEntry is more than an entry of any format takes: a decision of CrowdSec, the
	// longest, has 250.
	bytesPerEntry = 512
	// bytesBeside are for what stands beside entries, such as a licence.
	bytesBeside = 1 << 20
)

// MaxBytes is how many bytes the list of a feed may have.
func MaxBytes(f *policy.Feed) int64 { return bytesBeside + int64(f.MaxEntries)*bytesPerEntry }

// Read reads a list to its end; name stands for it in errors. The times of decisions
// begin at now. It holds no more of the list than its entries, and gives up at the first
// that is too many.
//
// The error is a [*Refusal].
func Read(name string, from io.Reader, f *policy.Feed, now time.Time) (*List, error) {
	r := &reader{feed: f, name: name, now: now, list: &List{}}
	capped := &cappedReader{from: from, left: MaxBytes(f)}
	read := r.lines
	if f.Format == policy.CrowdSec {
		read = r.decisions
	}
	if err := read(capped); err != nil {
		return nil, r.refusal(err)
	}
	entries := len(r.list.Entries)
	if entries < f.MinEntries {
		return nil, refuse(TooFew, "%s: %d entries, and min_entries is %d", name, entries, f.MinEntries)
	}
	r.list.finish()
	return r.list, nil
}

// A reader reads one list.
type reader struct {
	feed *policy.Feed
	name string
	now  time.Time
	list *List
	// reason is that of the first fault that has one of its own.
	reason Reason
}

// lines reads a list of a format with an entry a line.
func (r *reader) lines(from io.Reader) error {
	about, err := geo.ReadList(r.name, from, r.line)
	if err != nil {
		return err
	}
	if want := map[bool]string{true: "JSON lines", false: "text"}[r.feed.Format == policy.SpamhausJSON]; about.Kind != want {
		return refuse(NotAList, "%s: %s, where format %v has %s", r.name, about.Kind, r.feed.Format, want)
	}
	r.list.Built = about.Built
	return nil
}

// line takes an entry.
func (r *reader) line(e geo.ListEntry) error {
	if e.AS != 0 {
		r.because(NotAList)
		return &geo.Fault{Message: fmt.Sprintf("AS%d: a feed lists addresses", e.AS), Cure: "have a list of prefixes"}
	}
	return r.add(e.Prefix, 0)
}

// add takes a prefix. Its error is a fault of the place, or ends the list.
func (r *reader) add(p netip.Prefix, until int64) error {
	widest := r.feed.Widest6
	if p.Addr().Is4() {
		widest = r.feed.Widest4
	}
	if p.Bits() < widest {
		r.because(TooWide)
		return &geo.Fault{Message: fmt.Sprintf("%v is wider than /%d", p, widest), Cure: "see widest_prefix"}
	}
	if len(r.list.Entries) == r.feed.MaxEntries {
		return refuse(TooMany, "%s: more than %d entries (see max_entries)", r.name, r.feed.MaxEntries)
	}
	r.list.Entries = append(r.list.Entries, Entry{p, until})
	return nil
}

// because notes the reason of the first fault.
func (r *reader) because(reason Reason) {
	if r.reason == "" {
		r.reason = reason
	}
}

// refusal returns why a list cannot be used.
func (r *reader) refusal(err error) *Refusal {
	if known, ok := err.(*Refusal); ok {
		return known
	}
	var timeout net.Error
	switch {
	case errors.Is(err, errTooLarge):
		return refuse(TooLarge, "%s: more than %d bytes", r.name, MaxBytes(r.feed))
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return &Refusal{TimedOut, err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Refusal{Truncated, err}
	case r.reason != "":
		return &Refusal{r.reason, err}
	}
	switch fault := (*geo.Fault)(nil); {
	case !errors.As(err, &fault):
		return &Refusal{Unreachable, err} // what the source returned in the middle
	case fault.Kind == geo.CutOff:
		return &Refusal{Truncated, err}
	case fault.Kind == geo.NoEntry:
		return &Refusal{Empty, err}
	}
	return &Refusal{NotAList, err}
}

var errTooLarge = errors.New("too large")

// A cappedReader fails where a list is longer than it may be.
type cappedReader struct {
	from io.Reader
	left int64
}

// Read implements [io.Reader].
func (c *cappedReader) Read(b []byte) (int, error) {
	if int64(len(b)) > c.left+1 {
		b = b[:c.left+1]
	}
	n, err := c.from.Read(b)
	if int64(n) > c.left {
		return 0, errTooLarge
	}
	c.left -= int64(n)
	return n, err
}
