//go:build unix

package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

// lived makes a file with something in all its buckets and returns its path.
func lived(t testing.TB) string {
	t.Helper()
	s := openQuick(t, Config{})
	add(t, s, ended(firing("over", 0, "a"), "a"))
	finish(t, s)
	publishAgain(t, s, 0, "grafana", "pager")
	for n := range 60 {
		m := firing(fmt.Sprint("waits ", n), n, "a", "b")
		m.Body = bytes.Repeat([]byte{byte(n)}, 200*n) // some on pages of their own
		add(t, s, m)
	}
	for _, do := range []error{
		s.Bury(t.Context(), "garbage", []byte("garbage")),
		s.Cache().Put("answer", []byte("x"), longest),
		s.Caps().Put("provider", []byte("x"), longest),
	} {
		if do != nil {
			t.Fatal(do)
		}
	}
	must[AuditEntry](t)(s.Audit(AuditEntry{Actor: "oncall", Action: "approve"}))
	must[int64](t)(s.Spend("tokens", longest, 7))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s.config.Path
}

// damaged writes a copy of a file with a change and returns its path.
func damaged(t testing.TB, path string, change func([]byte) []byte) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(copied, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

// newest returns the head of a file that counts.
func newest(b []byte) meta { return readMetas(bytes.NewReader(b))[0] }

func pageAt(b []byte, id uint64) []byte {
	size := uint64(newest(b).pageSize)
	return b[id*size : (id+1)*size]
}

func TestDamagedFilesAreRefused(t *testing.T) {
	path := lived(t)
	if _, err := inspect(damaged(t, path, func(b []byte) []byte { return b })); err != nil {
		t.Fatalf("a sound file: %v", err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"no file of bbolt": func(b []byte) []byte { return []byte("not a database") },
		"zeros":            func(b []byte) []byte { return make([]byte, len(b)) },
		"cut":              func(b []byte) []byte { return b[:len(b)/2] },
		"both heads": func(b []byte) []byte {
			b[20]++
			b[os.Getpagesize()+20]++
			return b
		},
		"a body": func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("body of over"), []byte("body of oxer")) },
		"the page of pages": func(b []byte) []byte {
			clear(pageAt(b, newest(b).root))
			return b
		},
		"a page in two places": func(b []byte) []byte {
			for id := range newest(b).pages {
				p := pageAt(b, id)
				if order.Uint16(p[8:]) == branchFlag && order.Uint16(p[10:]) > 1 {
					first := pageHeaderBytes + 8
					copy(p[first+elementBytes:], p[first:first+8])
				}
			}
			return b
		},
		"the name of a bucket": func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("proposals"), []byte("proposalt")) },
		"the first key of a page, as its branch says": func(b []byte) []byte {
			for id := range newest(b).pages {
				p := pageAt(b, id)
				if order.Uint16(p[8:]) == branchFlag {
					e, _ := page{flags: branchFlag, data: p}.element(1)
					e.key[len(e.key)-1]--
				}
			}
			return b
		},
		"a page that is used and free": func(b []byte) []byte {
			order.PutUint64(pageAt(b, newest(b).freelist)[pageHeaderBytes:], newest(b).root)
			return b
		},
		"a list of free pages that is too long": func(b []byte) []byte {
			order.PutUint16(pageAt(b, newest(b).freelist)[10:], 0xFFFE)
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(Config{Path: damaged(t, path, change)})
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "salvage what can be read") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestNoElementIsHidden has pages in use say that they have fewer elements than they have. An
// element has a seal; how many of them there are has none.
func TestNoElementIsHidden(t *testing.T) {
	path := lived(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	im := &image{file: bytes.NewReader(data), meta: newest(data), used: map[uint64]bool{}}
	whole := func(err error) bool {
		t.Error(err)
		return true
	}
	im.walk(im.meta.root, func(bucket element) error {
		im.walkBucket(bucket, func(element) error { return nil }, whole)
		return nil
	}, whole)
	tried := 0
	for id := range im.used {
		header := pageAt(data, id)
		if order.Uint64(header) != id || order.Uint16(header[8:])&(leafFlag|branchFlag) == 0 {
			continue // it continues another
		}
		for count := range order.Uint16(header[10:]) {
			tried++
			copied := damaged(t, path, func(b []byte) []byte {
				order.PutUint16(pageAt(b, id)[10:], count)
				return b
			})
			if _, err := inspect(copied); !errors.Is(err, ErrCorrupt) {
				t.Errorf("page %d with %d elements: error %v", id, count, err)
			}
		}
	}
	if tried < 100 {
		t.Errorf("%d tried", tried)
	}
}

func TestPathsThatAreNoFilesAreRefused(t *testing.T) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "no", "folder"), "/dev/null"} {
		if s, err := Open(Config{Path: path}); err == nil || errors.Is(err, ErrCorrupt) {
			t.Errorf("opened %s: %v", path, err)
			s.Close()
		}
	}
}

func TestAFileIsOpenedOnce(t *testing.T) {
	s := openQuick(t, Config{})
	if _, err := Open(s.config); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if _, err := Salvage(s.config.Path, s.config.Path+".new"); !errors.Is(err, ErrInUse) {
		t.Errorf("salvaged while it is written: %v", err)
	}
}

func TestFilesOfAnotherFormatAreRefused(t *testing.T) {
	s := openQuick(t, Config{})
	if err := s.update("test", func(tx *bolt.Tx) error { return put(tx, inMeta, formatKey, []byte("99")) }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(s.config); err == nil || !strings.Contains(err.Error(), `its format is "99"`) {
		t.Errorf("error %v", err)
	}
}

// TestNoDamageGoesUnnoticed changes a few bytes at a time. Either the file is refused, or
// all that was in it is there, but for what the last transaction wrote: if its head is
// damaged, the one before counts, as after a power cut.
func TestNoDamageGoesUnnoticed(t *testing.T) {
	path := lived(t)
	sound := openQuick(t, Config{Path: damaged(t, path, func(b []byte) []byte { return b })})
	want := keys(t, sound)
	chance := rand.New(rand.NewPCG(7, 7))
	refused := 0
	for round := range 60 {
		copied := damaged(t, path, func(b []byte) []byte {
			at := chance.IntN(len(b))
			for i := at; i < min(at+1+chance.IntN(9), len(b)); i++ {
				b[i] ^= byte(1 + chance.IntN(255))
			}
			return b
		})
		s, err := Open(Config{Path: copied, quick: true})
		if errors.Is(err, ErrCorrupt) {
			refused++
			salvageAll(t, copied, want)
			continue
		}
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		got := keys(t, s)
		got["budget"] = want["budget"] // of the last transaction
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("round %d: keys (-want +got):\n%s", round, diff)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if refused < 6 {
		t.Errorf("%d of 60 were refused", refused)
	}
}

// salvageAll salvages a damaged file and opens the result, in which most must be.
func salvageAll(t *testing.T, path string, want map[string]int) {
	t.Helper()
	fresh := filepath.Join(t.TempDir(), "salvaged.db")
	if _, err := Salvage(path, fresh); err != nil {
		if !strings.Contains(err.Error(), "both of its heads") {
			t.Fatalf("salvage: %v", err)
		}
		return
	}
	s, err := Open(Config{Path: fresh, quick: true})
	if err != nil {
		t.Fatalf("open what was salvaged: %v", err)
	}
	defer s.Close()
	for bucket, n := range keys(t, s) {
		// Messages whose episode was lost become dead letters.
		if bucket != "dead" && bucket != "dead_bodies" && n > want[bucket] {
			t.Errorf("%d keys in %s, there were %d", n, bucket, want[bucket])
		}
	}
}

func TestWhatIsSoundIsSalvaged(t *testing.T) {
	path := lived(t)
	broken := damaged(t, path, func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte("body of over"), []byte("body of oxer"))
	})
	fresh := filepath.Join(t.TempDir(), "salvaged.db")
	result, err := Salvage(broken, fresh)
	if err != nil || len(result.Faults) == 0 {
		t.Fatalf("salvaged %+v, error %v", result, err)
	}
	for _, fault := range result.Faults {
		if !errors.Is(fault, ErrCorrupt) && !strings.Contains(fault.Error(), "page") {
			t.Errorf("fault %v", fault)
		}
	}
	sound, salvaged := openQuick(t, Config{Path: path}), openQuick(t, Config{Path: fresh})
	want := keys(t, sound)
	want["bodies"]--
	if diff := cmp.Diff(want, keys(t, salvaged)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	// What comes now does not take the place of what was there.
	add(t, salvaged, firing("waits 1", 1, "a", "b", "c"))
	if err := salvaged.Bury(t.Context(), "garbage", []byte("other garbage")); err != nil {
		t.Error(err)
	}
	for _, bucket := range []string{"inbox", "seen", "seen_age", "dead", "dead_bodies"} {
		want[bucket]++
	}
	if diff := cmp.Diff(want, keys(t, salvaged)); diff != "" {
		t.Errorf("keys with more (-want +got):\n%s", diff)
	}
	if j := take(t, salvaged); j.Episode.Group != "waits 1" {
		t.Errorf("next is %q, want the one with the newest message", j.Episode.Group)
	}
	add(t, salvaged, firing("new", 0, "a"))
	if list := must[[]Episode](t)(salvaged.Episodes(0, 99)); len(list) != want["episodes"]+1 || list[0].Group != "new" {
		t.Errorf("%d episodes, the newest is %q", len(list), list[0].Group)
	}
	if _, err := Salvage(broken, fresh); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("salvaged over a file: %v", err)
	}
}

func TestMessagesWithoutAJobAreDeadLetters(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("g", 0, "a"))
	add(t, s, firing("h", 0, "a"))
	err := s.update("test", func(tx *bolt.Tx) error { return remove(tx, inEpisodes, []byte(firing("g", 0, "a").Episode)) })
	if err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	letters := must[[]Letter](t)(s.Letters(DeadMessage))
	if len(letters) != 1 || string(letters[0].Body) != "body of g" {
		t.Errorf("letters %+v", letters)
	}
	if d := must[Depth](t)(s.Depth()); d.Messages != 1 || d.Jobs != 1 {
		t.Errorf("depth %+v", d)
	}
	if j := take(t, s); j.Episode.Group != "h" {
		t.Errorf("next is %+v", j.Episode)
	}
}

// FuzzInspect reads files of strangers: never a panic, whatever they say.
func FuzzInspect(f *testing.F) {
	f.Add(uint(0), []byte{1})
	f.Add(uint(4096+16), []byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	path := lived(f)
	sound, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, at uint, change []byte) {
		data := bytes.Clone(sound)
		copy(data[int(at%uint(len(data))):], change)
		name := filepath.Join(t.TempDir(), "fuzz.db")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := inspect(name); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
		if _, err := Salvage(name, name+".new"); err != nil && !strings.Contains(err.Error(), "both of its heads") {
			t.Error(err)
		}
	})
}
