//go:build unix

package history

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/locator/change"
)

var (
	equate = cmpopts.EquateComparable(netip.Addr{})
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key    = Key{"example", "udp", 4}
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func open(t testing.TB, c Config) *Store {
	t.Helper()
	if c.Now == nil {
		c.Now = func() time.Time { return start }
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func add(t testing.TB, s *Store, records ...Record) {
	t.Helper()
	for _, r := range records {
		if err := s.Append(r); err != nil {
			t.Fatal(err)
		}
	}
}

func shut(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// readAll returns what Read does, with the errors as text without the folder.
func readAll(dir string, f Filter) (records []Record, faults []string) {
	for r, err := range Read(dir, f) {
		if err != nil {
			faults = append(faults, strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""))
			continue
		}
		records = append(records, r)
	}
	return records, faults
}

func wantRecords(t testing.TB, dir string, want []Record, faults ...string) {
	t.Helper()
	got, gotFaults := readAll(dir, Filter{})
	if diff := cmp.Diff(want, got, equate, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(faults, gotFaults, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func wantLatest(t testing.TB, s *Store, want Checkpoint) {
	t.Helper()
	got, ok := s.Latest(want.Key)
	if diff := cmp.Diff(want, got, equate); diff != "" || !ok {
		t.Errorf("latest, %v (-want +got):\n%s", ok, diff)
	}
}

func ptr[T any](v T) *T { return &v }

// checkpoint has a value in each field.
func checkpoint(minutes int) Checkpoint {
	return Checkpoint{
		At: start.Add(time.Duration(minutes)*time.Minute + 123456789), Key: key, Address: netip.MustParseAddr("192.0.2.9"),
		State: &change.State{
			ID: 1<<48 - 1, Hops: []change.Member{{TTL: 1, Addr: "10.0.0.1", Flows: []int{1, 2}, PerPacket: true}}, Dests: []string{"192.0.2.9"},
		},
		Reached: true,
		Hops: []Hop{
			{
				TTL: 1, Addr: netip.MustParseAddr("10.0.0.1"), Name: "router.example.net", ASN: 64512, ASName: "Zürich <IX>", Country: "CH",
				City: "Zürich", RTTMin: 120, RTTMedian: 150, Loss: ptr(0.25),
			},
			{TTL: 2, Addr: netip.MustParseAddr("192.0.2.9"), RTTMedian: 1500},
		},
		ASPath: []uint32{64512, 4200000000}, MTU: 1492, RiskScore: ptr(40),
	}
}

func event(minutes int) Event {
	return Event{
		At: start.Add(time.Duration(minutes) * time.Minute), Since: start, Key: key, Levels: []string{"ip", "as"},
		Flow: 3, First: 2, Last: 4, Before: []netip.Addr{netip.MustParseAddr("10.0.0.1"), {}}, After: []netip.Addr{{}, netip.MustParseAddr("2001:db8::1")},
		Reached: true, RTTBefore: 1500, RTTAfter: 90000,
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "history")
	s := open(t, Config{Dir: dir})
	records := []Record{checkpoint(0), event(1), checkpoint(60), Checkpoint{At: start, Key: Key{"other", "tcp", 6}}}
	add(t, s, records...)
	wantRecords(t, dir, records)
	wantLatest(t, s, checkpoint(60))
	shut(t, s)

	s = open(t, Config{Dir: dir})
	wantLatest(t, s, checkpoint(60))
	if c, ok := s.Latest(Key{"example", "udp", 6}); ok {
		t.Errorf("checkpoint of a path that has none: %+v", c)
	}
	add(t, s, event(61))
	wantRecords(t, dir, append(records, event(61)))
	if got := s.Status(); got.Segments != 1 || got.Records != 5 {
		t.Errorf("status %+v", got)
	}
	for name, want := range map[string]os.FileMode{dir: os.ModeDir | 0o700, segmentPath(dir, 0): 0o600, filepath.Join(dir, "lock"): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v (%v)", name, info.Mode(), want, err)
		}
	}
}

func TestWhatLatestReturnsBelongsToTheCaller(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	c := checkpoint(0)
	add(t, s, c)
	c.Hops[0].ASN, c.State.Hops[0].Flows[0] = 1, 77
	got, _ := s.Latest(key)
	got.State.Hops[0].Addr = "changed"
	wantLatest(t, s, checkpoint(0))
}

// A clock that was ahead must not make its checkpoint the baseline for good.
func TestTheLatestIsTheOneThatWasWrittenLast(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	add(t, s, checkpoint(1e6), checkpoint(0))
	wantLatest(t, s, checkpoint(0))
	shut(t, s)
	wantLatest(t, open(t, Config{Dir: dir}), checkpoint(0))
}

// Each length that a killed process can leave behind.
func TestACrashAtAnyByteLosesOneLineAtMost(t *testing.T) {
	var whole []byte
	before := []Record{event(0), Checkpoint{At: start.Add(time.Hour), Key: key}, event(61)}
	var ends []int
	for _, r := range before {
		line, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, line...)
		ends = append(ends, len(whole))
	}
	last := checkpoint(120)
	for cut := range len(whole) + 1 {
		complete, tail := 0, cut
		for complete < len(ends) && ends[complete] <= cut {
			tail = cut - ends[complete]
			complete++
		}
		dir := t.TempDir()
		if err := os.WriteFile(segmentPath(dir, 7), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		// As somebody may be writing, a piece of a line is no fault yet.
		wantRecords(t, dir, before[:complete])
		s := open(t, Config{Dir: dir})
		want := Status{Bytes: int64(cut), Segments: 1, Records: complete}
		var faults []string
		if tail > 0 {
			want.Dropped = 1
			faults = []string{fmt.Sprintf("%s:%d: the line has no end", segmentName(7), complete+1)}
		}
		if got := s.Status(); got != want {
			t.Errorf("cut at %d: status %+v, want %+v", cut, got, want)
		}
		add(t, s, last)
		wantRecords(t, dir, append(before[:complete:complete], last), faults...)
		shut(t, s)
		s = open(t, Config{Dir: dir})
		wantLatest(t, s, last)
		if got := s.Status(); got.Records != complete+1 || got.Dropped != want.Dropped {
			t.Errorf("cut at %d, restarted: status %+v", cut, got)
		}
		shut(t, s)
		if t.Failed() {
			return
		}
	}
}

func TestTheSecondWriterIsToldOfTheFirst(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	want := fmt.Sprintf("open history %q: another process writes it: end that one, or name another folder", dir)
	if _, err := Open(Config{Dir: dir}); err == nil || err.Error() != want {
		t.Errorf("error %v, want %v", err, want)
	}
	shut(t, s)
	if err := s.Append(event(0)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	shut(t, open(t, Config{Dir: dir}))
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := []string{"notes.txt", "history-1.jsonl", "history-000000000001.json", "history-00000000000x.jsonl", "history--00000000001.jsonl"}
	for _, name := range foreign {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("not ours\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{segmentName(3), "folder"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// A segment must not lead elsewhere.
	if err := os.Symlink(filepath.Join(dir, "notes.txt"), segmentPath(dir, 4)); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Dir: dir})
	add(t, s, event(0))
	wantRecords(t, dir, []Record{event(0)})
	if got := s.Status(); got.Segments != 1 || got.Dropped != 0 || s.segments[0].number != 5 {
		t.Errorf("status %+v, segments %+v", got, s.segments)
	}
	for _, name := range foreign {
		if text, err := os.ReadFile(filepath.Join(dir, name)); string(text) != "not ours\n" || err != nil {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestARemovedSegmentIsBegunAnew(t *testing.T) {
	for _, name := range []string{"while it is open", "before it is opened", "for a link"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Config{Dir: dir})
			add(t, s, event(0))
			if name != "while it is open" {
				shut(t, s)
				s = open(t, Config{Dir: dir})
			}
			if err := os.Remove(segmentPath(dir, 0)); err != nil {
				t.Fatal(err)
			}
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			if name == "for a link" {
				if err := errors.Join(os.WriteFile(elsewhere, nil, 0o600), os.Symlink(elsewhere, segmentPath(dir, 0))); err != nil {
					t.Fatal(err)
				}
			}
			add(t, s, event(1), event(2))
			wantRecords(t, dir, []Record{event(1), event(2)})
			if text, err := os.ReadFile(elsewhere); len(text) > 0 {
				t.Errorf("elsewhere: %q, %v", text, err)
			}
			if got := s.Status(); got.Records != 2 || got.Lost != 0 {
				t.Errorf("status %+v", got)
			}
		})
	}
}

// Readers see lines as they are written and segments as they are removed, and no fault.
func TestReadersAreNotDisturbedByTheWriter(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, MaxBytes: leastBytes})
	add(t, s, event(0))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for reading := true; reading; {
				select {
				case <-done:
					reading = false // once more, as all is written
				default:
				}
				flow := 0
				for r, err := range Read(dir, Filter{Kinds: []Kind{KindEvent}}) {
					if err != nil {
						t.Errorf("reader: %v", err)
						return
					}
					e := r.(Event)
					if e.Flow <= flow {
						t.Errorf("event %d after %d", e.Flow, flow)
						return
					}
					flow = e.Flow
				}
			}
		})
	}
	const records = 2000 // of 2.5 KB, so that segments are removed, too
	for i := range records {
		e := event(0)
		e.Flow = 10 + i
		for range 100 {
			e.Before = append(e.Before, netip.MustParseAddr("2001:db8:1234::1"))
		}
		if err := s.Append(e); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	readers.Wait()
	if s.Status().Records >= records {
		t.Error("nothing was removed: the test shows little")
	}
}

func TestWhatCannotBeARecordIsRefused(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), MaxBytes: leastBytes})
	big := checkpoint(0)
	for range 2000 {
		big.Hops = append(big.Hops, big.Hops[0])
	}
	nan := checkpoint(0)
	zero := 0.0
	nan.Hops[0].Loss = ptr(zero / zero)
	for _, c := range []struct {
		record Record
		want   string
	}{
		{big, "more than 131072"},
		{nan, "unsupported value: NaN"},
		{Checkpoint{Key: key}, "checkpoint without a time or a destination"},
		{Event{At: start}, "event without a time or a destination"},
	} {
		if err := s.Append(c.record); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	if got := s.Status(); got != (Status{}) {
		t.Errorf("status %+v", got)
	}
	add(t, s, event(0))
	for _, bytes := range []int64{-1, leastBytes - 1} {
		if _, err := Open(Config{Dir: t.TempDir(), MaxBytes: bytes}); err == nil {
			t.Errorf("%d bytes are enough", bytes)
		}
	}
}
