//go:build unix

package history

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// folder returns one with a segment of some text.
func folder(t testing.TB, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(segmentPath(dir, 1), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBadLinesAreToldByTheirPlace(t *testing.T) {
	good, err := encode(event(0))
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, strings.Join([]string{
		`{"kind":"event","at":"2026-03-01T12:00:00Z","dest":"example","proto":"udp","af":4,"first":300}`,
		string(good) + "\x00\x00\x00",
		`{"kind":"event","dest":"example"}`,
		`{}`,
		strings.Repeat("x", 3*maxLine),
		`{"kind":"checkpoint","at":"2026-03-01T12:00:00Z","dest":"example","hops":[{"addr":"example.net"}]}`,
		string(good),
	}, "\n"))
	const json = "(what json says)"
	faults := []string{
		segmentName(1) + ":1: " + json,
		segmentName(1) + `:3: invalid character '\x00' looking for beginning of value`,
		segmentName(1) + ":4: no kind, time or destination",
		segmentName(1) + ":5: no kind, time or destination",
		segmentName(1) + ":6: the line has more than 1048576 bytes",
		segmentName(1) + ":7: " + json,
	}
	got, gotFaults := readAll(dir, Filter{})
	if diff := cmp.Diff([]Record{event(0), event(0)}, got, equate); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, fault := range gotFaults {
		place, said, _ := strings.Cut(fault, ": ")
		if strings.Contains(said, "300") || strings.Contains(said, "example.net") {
			gotFaults[i] = place + ": " + json
		}
	}
	if diff := cmp.Diff(faults, gotFaults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	var fault *LineError
	for _, err := range Read(dir, Filter{}) {
		if errors.As(err, &fault) {
			break
		}
	}
	if fault == nil || fault.File != segmentPath(dir, 1) || fault.Line != 1 {
		t.Errorf("first fault %+v", fault)
	}
}

// Of the size that the largest checkpoints have.
func TestLinesThatFitNoBufferAreWhole(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	var want []Record
	for n, hops := range []int{1000, 1, 3000, 2000, 1} {
		c := checkpoint(n)
		for range hops {
			c.Hops = append(c.Hops, c.Hops[n%2])
		}
		want = append(want, c)
	}
	add(t, s, want...)
	wantRecords(t, s.config.Dir, want)
	shut(t, s)
	if got := open(t, Config{Dir: s.config.Dir}).Status(); got.Records != len(want) || got.Dropped != 0 {
		t.Errorf("status %+v", got)
	}
}

func TestWhatLaterVersionsWriteIsPassedOver(t *testing.T) {
	text := `{"kind":"summary","of":"all"}
{"kind":"event","at":"2026-03-01T12:00:00Z","since":"2026-03-01T11:00:00Z","dest":"example","proto":"udp","af":4,"levels":[],"flow":0,"reached":false,"colour":{"red":1}}
`
	dir := folder(t, text)
	want := []Record{Event{At: start, Since: start.Add(-time.Hour), Key: key, Levels: []string{}}}
	wantRecords(t, dir, want)
	s := open(t, Config{Dir: dir})
	add(t, s, event(1))
	wantRecords(t, dir, append(want, event(1)))
	if now, err := os.ReadFile(segmentPath(dir, 1)); err != nil || !bytes.HasPrefix(now, []byte(text)) {
		t.Errorf("the segment is %q, %v", now, err)
	}
}

func TestFilters(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	other := event(30)
	other.Dest = "other"
	all := []Record{checkpoint(0), event(10), other, checkpoint(60), event(60)}
	add(t, s, all...)
	for name, c := range map[string]struct {
		filter Filter
		want   []Record
	}{
		"all":         {Filter{}, all},
		"destination": {Filter{Dest: "other"}, []Record{other}},
		"nobody":      {Filter{Dest: "nobody"}, nil},
		"since":       {Filter{Since: event(60).At}, []Record{checkpoint(60), event(60)}},
		"until":       {Filter{Until: event(60).At}, []Record{checkpoint(0), event(10), other}},
		"between":     {Filter{Since: event(10).At, Until: event(30).At}, []Record{event(10)}},
		"kind":        {Filter{Kinds: []Kind{KindCheckpoint}}, []Record{checkpoint(0), checkpoint(60)}},
		"kinds":       {Filter{Kinds: []Kind{KindEvent, KindCheckpoint}, Dest: "example"}, []Record{checkpoint(0), event(10), checkpoint(60), event(60)}},
	} {
		got, faults := readAll(s.config.Dir, c.filter)
		if diff := cmp.Diff(c.want, got, equate); diff != "" || len(faults) > 0 {
			t.Errorf("%s, faults %v (-want +got):\n%s", name, faults, diff)
		}
	}
	for range Read(s.config.Dir, Filter{}) {
		break // must not be called again
	}
}

func TestReadOfNoFolderIsAnError(t *testing.T) {
	var got error
	for _, err := range Read(t.TempDir()+"/none", Filter{}) {
		got = err
	}
	if !errors.Is(got, os.ErrNotExist) {
		t.Errorf("error %v", got)
	}
}

func TestNamesAreOfBoundedLengthAndObeyedByNoTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"router.example.net":             "router.example.net",
		"Zürich IX":                      "Zürich IX",
		"\x1b[2Ja\tb\r\nc\x7f\u009bd":    "[2Jabcd",
		"a\xff\u202eb\ufffd":             "ab",
		strings.Repeat("ü", 100):         strings.Repeat("ü", 64),
		strings.Repeat("\x00", 70) + "x": "x",
	} {
		if got := text(in); got != want {
			t.Errorf("%q is kept as %q, want %q", in, got, want)
		}
	}
	bad := strings.Repeat("\x1bx", 100)
	s := open(t, Config{Dir: t.TempDir()})
	c, e := checkpoint(0), event(0)
	c.Hops[0].Name, c.Hops[0].ASName, c.Hops[0].Country, c.Hops[0].City = bad, bad, bad, bad
	e.Levels[0] = bad
	add(t, s, c, e)
	good := strings.Repeat("x", 64)
	wantC, wantE := checkpoint(0), event(0)
	wantC.Hops[0].Name, wantC.Hops[0].ASName, wantC.Hops[0].Country, wantC.Hops[0].City = good, good, good, good
	wantE.Levels[0] = good
	wantRecords(t, s.config.Dir, []Record{wantC, wantE})
	if c.Hops[0].Name != bad {
		t.Error("the caller's record was changed")
	}
}

// Whatever is in a segment: the store and the reader see the same, and what is read can be
// written.
func FuzzRead(f *testing.F) {
	for _, r := range []Record{checkpoint(0), event(0)} {
		line, err := encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
		f.Add(append(line, line[:len(line)/2]...))
	}
	f.Add([]byte(`{"kind":"later"}` + "\n\n{\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(segmentPath(dir, 1), text, 0o600); err != nil {
			t.Fatal(err)
		}
		known, bad := 0, 0
		for r, err := range Read(dir, Filter{}) {
			var fault *LineError
			if err != nil {
				if bad++; r != nil || !errors.As(err, &fault) {
					t.Errorf("record %v with error %v", r, err)
				}
				continue
			}
			known++
			line, err := encode(r)
			if err != nil {
				t.Fatal(err)
			}
			again, err := decode(r.kind(), line)
			if diff := cmp.Diff(r, again, equate); diff != "" || err != nil {
				t.Errorf("error %v (-read +written and read):\n%s", err, diff)
			}
		}
		s, err := Open(Config{Dir: dir, Now: func() time.Time { return time.Time{} }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		got := s.Status()
		ends := bytes.Count(text, []byte("\n"))
		torn := len(text) > 0 && text[len(text)-1] != '\n'
		if torn {
			ends++
		}
		if got.Bytes != int64(len(text)) || got.Records+got.Dropped != ends || got.Records < known || torn && got.Dropped == 0 {
			t.Errorf("status %+v of %d lines, %d read, %d bad", got, ends, known, bad)
		}
	})
}
