package geo

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// inLondon and inParis are databases that place 81.2.69.0/24.
func inLondon(t testing.TB) []byte {
	return mmdb(t, "GeoLite2-City", map[string]mmdbtype.DataType{"81.2.69.0/24": cityRecord})
}

func inParis(t testing.TB) []byte {
	return mmdb(t, "GeoLite2-City", map[string]mmdbtype.DataType{"81.2.69.0/24": m{
		"city": m{"names": names("Paris")}, "country": m{"iso_code": s("FR"), "names": names("France")},
		"location": m{"latitude": f64(48.8566), "longitude": f64(2.3522)},
	}})
}

// later returns a clock that is well behind the times of the files, so that none is
// looked at twice for being fresh.
func later() time.Time { return time.Now().Add(time.Minute) }

func TestAtlasWithoutFilesKnowsTheKind(t *testing.T) {
	atlas := Open(Config{})
	for a, want := range map[string]Kind{"81.2.69.142": Public, "10.0.0.1": Private, "fe80::1%eth0": LinkLocal} {
		if diff := cmp.Diff(Entry{Kind: want}, atlas.Lookup(addr(a))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a, diff)
		}
	}
	if err := atlas.Err(); err != nil || len(atlas.Status()) != 0 {
		t.Errorf("error %v, status %v", err, atlas.Status())
	}
}

// badFiles are what may stand where a database should.
func badFiles(t testing.TB) map[string]struct {
	data []byte
	want string
} {
	good := inLondon(t)
	damaged := append([]byte{}, good...)
	for i := 0; i < len(damaged)-400; i++ { // all but the metadata
		damaged[i] = 0xff
	}
	return map[string]struct {
		data []byte
		want string
	}{
		"empty":      {nil, "is empty (was it fetched to its end?)"},
		"cut off":    {good[:len(good)/2], "not a whole database of MaxMind's format, or cut off"},
		"last byte":  {good[:len(good)-1], "cut off"},
		"text":       {[]byte("<html>Too Many Requests</html>"), "not a whole database"},
		"damaged":    {damaged, "is damaged"},
		"wrong type": {mmdb(t, "GeoIP2-Anonymous-IP", map[string]mmdbtype.DataType{"81.2.69.0/24": m{"is_anonymous": yes(true)}}), `database of type "GeoIP2-Anonymous-IP" tells neither`},
		"domains":    {mmdb(t, "GeoIP2-Domain", map[string]mmdbtype.DataType{"81.2.69.0/24": m{"domain": s("example.com")}}), `"GeoIP2-Domain" tells neither`},
		"no records": {mmdb(t, "GeoLite2-City", nil), "in the first 0 records"},
	}
}

func TestBadDatabaseAtTheStart(t *testing.T) {
	for name, bad := range badFiles(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			asn := mmdb(t, "GeoLite2-ASN", map[string]mmdbtype.DataType{"81.2.69.0/24": asnRecord})
			path := put(t, dir, "city.mmdb", bad.data)
			atlas := Open(Config{Databases: []string{path, put(t, dir, "asn.mmdb", asn)}, Now: later})
			// One clear line, and the rest works.
			if err := atlas.Err(); err == nil || !strings.Contains(err.Error(), bad.want) || !strings.HasPrefix(err.Error(), path) ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v, want one line with %q", err, bad.want)
			}
			if e := atlas.Lookup(addr("81.2.69.142")); e.ASN != 13335 || e.Country != "" {
				t.Errorf("got %+v", e)
			}
			s := atlas.Status()[0]
			if s.Succeeded != 0 || s.Failed != 1 || !s.Loaded.IsZero() || s.Age(later()) != 0 {
				t.Errorf("the status is %+v", s)
			}
			// It is not tried again and again, but when it changes.
			atlas.Reload()
			if s := atlas.Status()[0]; s.Failed != 1 {
				t.Errorf("counted %d failures of one", s.Failed)
			}
			put(t, dir, "city.mmdb", inLondon(t))
			atlas.Reload()
			if e := atlas.Lookup(addr("81.2.69.142")); e.City != "London" || atlas.Err() != nil {
				t.Errorf("got %+v, %v", e, atlas.Err())
			}
		})
	}
}

func TestBadDatabaseLeavesTheOldOneInForce(t *testing.T) {
	for name, bad := range badFiles(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := put(t, dir, "city.mmdb", inLondon(t))
			atlas := Open(Config{Databases: []string{path}, Now: later})
			before := atlas.Status()[0]
			put(t, dir, "city.mmdb", bad.data)
			atlas.Reload()
			if e := atlas.Lookup(addr("81.2.69.142")); e.City != "London" {
				t.Errorf("got %+v", e)
			}
			s := atlas.Status()[0]
			if s.Err == nil || !strings.Contains(s.Err.Error(), bad.want) {
				t.Errorf("the error is %v, want %q", s.Err, bad.want)
			}
			want := before
			want.Err, want.Failed = s.Err, 1
			if diff := cmp.Diff(want, s, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
				t.Errorf("the status (-want +got):\n%s", diff)
			}
			put(t, dir, "city.mmdb", inParis(t))
			atlas.Reload()
			if e, s := atlas.Lookup(addr("81.2.69.142")), atlas.Status()[0]; e.City != "Paris" || s.Err != nil || s.Succeeded != 2 || s.Failed != 1 {
				t.Errorf("got %+v, %+v", e, s)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "city.mmdb", inLondon(t))
	atlas := Open(Config{Databases: []string{path, dir}, Now: later})
	if err := atlas.Err(); err == nil || err.Error() != dir+" is no regular file" {
		t.Errorf("a folder: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		atlas.Reload()
	}
	s := atlas.Status()[0]
	if !errors.Is(s.Err, fs.ErrNotExist) || s.Failed != 1 || s.Succeeded != 1 {
		t.Errorf("the status is %+v", s)
	}
	if e := atlas.Lookup(addr("81.2.69.142")); e.City != "London" {
		t.Errorf("got %+v", e)
	}
	// The same content again is no other edition.
	put(t, dir, "city.mmdb", inLondon(t))
	atlas.Reload()
	if s := atlas.Status()[0]; s.Err != nil || s.Failed != 1 || s.Succeeded != 1 {
		t.Errorf("the status is %+v", s)
	}
}

func TestSameTimeAndSizeIsSeenWhileFresh(t *testing.T) {
	dir := t.TempDir()
	a := mmdb(t, "T", map[string]mmdbtype.DataType{"1.0.0.0/8": m{"country": s("CH")}})
	b := mmdb(t, "T", map[string]mmdbtype.DataType{"1.0.0.0/8": m{"country": s("AT")}})
	if len(a) != len(b) {
		t.Fatal("the test needs files of one size")
	}
	when := time.Now().Truncate(time.Second)
	write := func(data []byte) string {
		path := put(t, dir, "it.mmdb", data)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		return path
	}
	atlas := Open(Config{Databases: []string{write(a)}, Now: func() time.Time { return when.Add(time.Second) }})
	write(b)
	atlas.Reload()
	if e := atlas.Lookup(addr("1.1.1.1")); e.Country != "AT" {
		t.Errorf("got %+v", e)
	}
}

// replaceInPlace and replaceByRename are the two ways in which files are replaced.
func replaceInPlace(t testing.TB, path string, data []byte) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	for len(data) > 0 { // in pieces, as wget and cp do
		n := min(len(data), 100)
		if _, err := file.Write(data[:n]); err != nil {
			t.Error(err)
			return
		}
		data = data[n:]
	}
}

func replaceByRename(t testing.TB, path string, data []byte) {
	if err := os.WriteFile(path+".temporary", data, 0o600); err != nil {
		t.Error(err)
		return
	}
	if err := os.Rename(path+".temporary", path); err != nil {
		t.Error(err)
	}
}

// Look-ups go on while the file is replaced again and again, by whole and by cut files:
// each answer is one of the two editions, and the status counts what happened.
func TestReplacedDuringLookups(t *testing.T) {
	london, paris := inLondon(t), inParis(t)
	for name, replace := range map[string]func(testing.TB, string, []byte){"in place": replaceInPlace, "by rename": replaceByRename} {
		t.Run(name, func(t *testing.T) {
			path := put(t, t.TempDir(), "city.mmdb", london)
			atlas := Open(Config{Databases: []string{path}})
			stop := make(chan struct{})
			var lookups, wrong atomic.Int64
			var readers sync.WaitGroup
			for range 4 {
				readers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if e := atlas.Lookup(addr("81.2.69.142")); e.City+e.Country != "LondonGB" && e.City+e.Country != "ParisFR" {
							wrong.Add(1)
						}
						lookups.Add(1)
						atlas.Status()
					}
				})
			}
			done := make(chan struct{})
			readers.Go(func() { // reads whatever is there, halves too
				for {
					select {
					case <-done:
						return
					default:
						atlas.Reload()
					}
				}
			})
			for i := 0; i < 60 || lookups.Load() == 0; i++ { // on one CPU the readers may not have run
				switch i % 4 {
				case 0:
					replace(t, path, paris)
				case 1:
					replace(t, path, paris[:len(paris)*(i%60)/60])
				case 2:
					replace(t, path, london)
				case 3:
					replace(t, path, nil)
				}
			}
			close(done)
			replace(t, path, paris[:len(paris)-1])
			atlas.Reload()
			if s := atlas.Status()[0]; s.Err == nil || s.Failed == 0 || s.Damaged != 0 {
				t.Errorf("with a cut file: %+v", s)
			}
			if e := atlas.Lookup(addr("81.2.69.142")); e.Country == "" {
				t.Errorf("with a cut file: %+v", e)
			}
			replace(t, path, paris)
			atlas.Reload()
			close(stop)
			readers.Wait()
			if e, s := atlas.Lookup(addr("81.2.69.142")), atlas.Status()[0]; e.City != "Paris" || s.Err != nil || s.Damaged != 0 {
				t.Errorf("at the end: %+v, %+v", e, s)
			}
			if wrong.Load() != 0 || lookups.Load() == 0 {
				t.Errorf("%d of %d look-ups were wrong", wrong.Load(), lookups.Load())
			}
		})
	}
}

// told is a log handler that tells the messages.
type told chan string

func (c told) Enabled(context.Context, slog.Level) bool { return true }
func (c told) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c told) WithGroup(string) slog.Handler            { return c }
func (c told) Handle(_ context.Context, r slog.Record) error {
	c <- r.Message
	return nil
}

func (c told) next(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-c:
		if got != want {
			t.Fatalf("told %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("never told %q", want)
	}
}

func TestWatchSeesReplacedFiles(t *testing.T) {
	for name, test := range map[string]struct {
		replace func(testing.TB, string, []byte)
		poll    time.Duration
		moved   bool // the folder is not there when Watch begins
	}{
		"notified, in place":  {replaceInPlace, time.Hour, false},
		"notified, by rename": {replaceByRename, time.Hour, false},
		"polled":              {replaceByRename, 20 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "geo")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := put(t, dir, "city.mmdb", inLondon(t))
			messages := make(told, 10)
			// Longer than a writer pauses, and shorter than rewrite waits.
			timing := Timing{Poll: test.poll, Settle: 500 * time.Millisecond}
			atlas := Open(Config{Databases: []string{path}, Logger: slog.New(messages), Timing: timing,
				Now: func() time.Time { return made.Add(time.Hour) }})
			messages.next(t, "geo file loaded")
			if test.moved {
				if err := os.Rename(dir, dir+"2"); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); atlas.Watch(ctx) }()
			if test.moved {
				messages.next(t, "geo file not loaded")
				if err := os.Rename(dir+"2", dir); err != nil {
					t.Fatal(err)
				}
				test.replace(t, path, inParis(t))
			} else {
				// Watch tells nobody that it has begun; so it is written until it is seen.
				rewrite(t, messages, func() { test.replace(t, path, inParis(t)) })
			}
			for len(messages) > 0 || atlas.Lookup(addr("81.2.69.142")).City != "Paris" {
				messages.next(t, "geo file loaded")
			}
			cancel()
			<-ended
			if e := atlas.Lookup(addr("81.2.69.142")); e.City != "Paris" {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// rewrite writes a file until something is told of it.
func rewrite(t *testing.T, messages told, write func()) {
	t.Helper()
	for range 20 {
		write()
		select {
		case got := <-messages:
			if got != "geo file loaded" {
				t.Fatalf("told %q", got)
			}
			return
		case <-time.After(time.Second):
		}
	}
	t.Fatal("the new file is never seen")
}

func TestOldDatabaseIsTold(t *testing.T) {
	messages := make(told, 10)
	path := put(t, t.TempDir(), "city.mmdb", inLondon(t))
	now := made.Add(31 * 24 * time.Hour)
	atlas := Open(Config{Databases: []string{path}, Logger: slog.New(messages), Now: func() time.Time { return now }})
	messages.next(t, "geo file loaded")
	messages.next(t, "geo file is old")
	if age := atlas.Status()[0].Age(now); age != 31*24*time.Hour {
		t.Errorf("the age is %v", age)
	}
}

func TestFilesAreNamedApart(t *testing.T) {
	got := shortNames([]string{"a/city.mmdb", "b/city.mmdb", "a/asn.mmdb"})
	want := map[string]string{"a/city.mmdb": "a/city.mmdb", "b/city.mmdb": "b/city.mmdb", "a/asn.mmdb": "asn.mmdb"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
