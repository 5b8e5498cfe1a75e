package feed

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// serve returns the address of a server that answers so.
func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func TestOnlyWhatChangedIsFetched(t *testing.T) {
	text, full := "192.0.2.1\n", 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+text[:9]+`"`)
		if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full++
		if r.Header.Get("User-Agent") != "test/1" {
			t.Errorf("asked by %q", r.Header.Get("User-Agent"))
		}
		io.WriteString(w, text)
	})
	file := filepath.Join(t.TempDir(), "list")
	for name, f := range map[string]*policy.Feed{"URL": {URL: url}, "file": {File: file}} {
		f.MinEntries, f.MaxEntries, f.Widest4, f.Widest6 = 1, 5, 8, 16
		text = "192.0.2.1\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fetcher := NewFetcher("test/1")
		l, tag, err := fetcher.Fetch(t.Context(), f, Tag{}, noon)
		if err != nil || len(l.Entries) != 1 || tag == (Tag{}) {
			t.Fatalf("%s: %v, %v, %v", name, l, tag, err)
		}
		l, again, err := fetcher.Fetch(t.Context(), f, tag, noon)
		if l != nil || again != tag || err != nil {
			t.Errorf("%s: an unchanged list is fetched again: %v, %v, %v", name, l, again, err)
		}
		text = "192.0.2.3\n192.0.2.5\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if l, again, err = fetcher.Fetch(t.Context(), f, tag, noon); err != nil || l == nil || len(l.Entries) != 2 || again == tag {
			t.Errorf("%s: a changed list is %v, %v, %v", name, l, again, err)
		}
	}
	if full != 2 {
		t.Errorf("the server sent its list %d times, want 2", full)
	}
}

func TestSourcesThatFailAreRefused(t *testing.T) {
	folder := t.TempDir()
	gone := httptest.NewServer(nil)
	gone.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler("http://192.0.2.1/", http.StatusFound))
	t.Cleanup(secure.Close)
	loop := ""
	loop = serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, loop, http.StatusFound) })
	cancelled, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, test := range map[string]struct {
		feed policy.Feed
		ctx  context.Context
		want Reason
	}{
		"nobody":       {policy.Feed{URL: gone.URL}, nil, Unreachable},
		"no file":      {policy.Feed{File: folder + "/none"}, nil, Unreachable},
		"a folder":     {policy.Feed{File: folder}, nil, Unreachable},
		"no key":       {policy.Feed{URL: gone.URL, KeyFile: folder + "/none"}, nil, Unreachable},
		"a late one":   {policy.Feed{URL: serve(t, func(http.ResponseWriter, *http.Request) {})}, cancelled, TimedOut},
		"not found":    {policy.Feed{URL: serve(t, http.NotFound)}, nil, BadStatus},
		"a false 304":  {policy.Feed{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })}, nil, BadStatus},
		"a circle":     {policy.Feed{URL: loop}, nil, Unreachable},
		"to cleartext": {policy.Feed{URL: secure.URL}, nil, Unreachable},
		"HTML":         {policy.Feed{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>\n") })}, nil, NotAList},
		"less than it announces": {policy.Feed{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "192.0.2.1\n")
		})}, nil, Truncated},
		"more than it may": {policy.Feed{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000000")
		})}, nil, TooLarge},
		"more than it announces": {policy.Feed{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 10 {
				io.WriteString(w, strings.Repeat("# nothing to be seen here\n", 64))
			}
		})}, nil, TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			test.feed.MinEntries, test.feed.MaxEntries, test.feed.Widest4, test.feed.Widest6 = 1, 5, 8, 16
			ctx := test.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			fetcher := NewFetcher("test/1")
			if test.feed.URL == secure.URL {
				fetcher.client.Transport = secure.Client().Transport
			}
			l, tag, err := fetcher.Fetch(ctx, &test.feed, Tag{}, noon)
			var refusal *Refusal
			if l != nil || tag != (Tag{}) || !errors.As(err, &refusal) || refusal.Reason != test.want {
				t.Errorf("got %v, %v, %v, want %s", l, tag, err, test.want)
			}
		})
	}
}

func TestDecisionsAreAskedForWithTheKey(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/v1/decisions/stream?startup=true" || r.Header.Get("X-Api-Key") != "secret" {
			http.Error(w, `{"message":"access forbidden"}`, http.StatusForbidden)
			return
		}
		w.Header().Set("ETag", "x")
		io.WriteString(w, stream(decide("Ip", "192.0.2.1", "1h", ban)))
	})
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(" secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := feedOf(policy.CrowdSec)
	f.File, f.URL, f.KeyFile = "", url, key
	l, tag, err := NewFetcher("test/1").Fetch(t.Context(), f, Tag{}, noon)
	if err != nil || len(l.Entries) != 1 || tag != (Tag{}) {
		t.Errorf("got %v, %v, %v", l, tag, err)
	}
	f.KeyFile = ""
	_, _, err = NewFetcher("test/1").Fetch(t.Context(), f, Tag{}, noon)
	if refusal := (*Refusal)(nil); !errors.As(err, &refusal) || refusal.Reason != BadStatus {
		t.Errorf("without the key: %v", err)
	}
}

// TestKeyStaysWithItsServer has the local API send on to another server, which must not
// get the key, and to itself, which must.
func TestKeyStaysWithItsServer(t *testing.T) {
	var got []string
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, "other "+r.Header.Get("X-Api-Key"))
		io.WriteString(w, stream(decide("Ip", "192.0.2.1", "1h", ban)))
	})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path+" "+r.Header.Get("X-Api-Key"))
		to := "/again"
		if r.URL.Path == to {
			to = other
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := feedOf(policy.CrowdSec)
	f.File, f.URL, f.KeyFile = "", url, key
	if _, _, err := NewFetcher("test/1").Fetch(t.Context(), f, Tag{}, noon); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/v1/decisions/stream secret", "/again secret", "other "}, got); diff != "" {
		t.Errorf("asked with (-want +got):\n%s", diff)
	}
}

// TestRefusalsDoNotShowTheQuery: every user of the host may read them, and lists are given
// out by a key in the address.
func TestRefusalsDoNotShowTheQuery(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, url := range map[string]string{
		"nobody":    gone.URL,
		"not found": serve(t, http.NotFound),
		"HTML":      serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>\n") }),
		"announced": serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "100000000") }),
		"redirected": serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, gone.URL+"/?"+r.URL.RawQuery, http.StatusFound)
		}),
		"of its own": serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "10.0.0.1\n") }),
		"too few":    serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "192.0.2.1\n") }),
		"a wide one": serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "0.0.0.0/0\n") }),
	} {
		f := &policy.Feed{URL: url + "/list?token=secret", MinEntries: 1, MaxEntries: 5, Widest4: 8, Widest6: 16}
		if name == "too few" {
			f.MinEntries = 2
		}
		l, _, err := NewFetcher("test/1").Fetch(t.Context(), f, Tag{}, noon)
		if err == nil {
			_, _, err = Guard(l, Protect(Host{}, f), f)
		}
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPausesGrowAndAreLeftToChance(t *testing.T) {
	for _, test := range []struct {
		refresh  time.Duration
		failures int
		chance   float64
		want     time.Duration
	}{
		{time.Hour, 0, 0, time.Hour}, {time.Hour, 0, 1, 48 * time.Minute}, {time.Hour, 0, 0.5, 54 * time.Minute},
		{time.Hour, 1, 0, 30 * time.Second}, {time.Hour, 2, 0, time.Minute}, {time.Hour, 3, 1, 96 * time.Second},
		{time.Hour, 8, 0, time.Hour}, {time.Hour, 1 << 40, 0, time.Hour}, {10 * time.Second, 1, 0, 10 * time.Second},
	} {
		if got := Pause(test.refresh, test.failures, test.chance); got != test.want {
			t.Errorf("%v after %d failures (%v): got %v, want %v", test.refresh, test.failures, test.chance, got, test.want)
		}
	}
}

func TestTheLastGoodListIsKept(t *testing.T) {
	folder := Folder(filepath.Join(t.TempDir(), "feeds"))
	f := feedOf(policy.CrowdSec)
	if k, err := folder.Load(f); k != nil || err != nil {
		t.Fatalf("before anything was kept: %v, %v", k, err)
	}
	want := &Kept{
		List: &List{Entries: entries("192.0.2.0/24", "198.51.100.1/32 1h", "2001:db8::/32"), Built: noon, Origins: map[string]int{"CAPI": 3}, Skipped: 2},
		Tag:  Tag{ETag: `"x"`}, Fetched: noon, Checked: noon.Add(time.Hour),
	}
	if err := folder.Save(f, want); err != nil {
		t.Fatal(err)
	}
	got, err := folder.Load(f)
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" || err != nil {
		t.Fatalf("%v, list (-want +got):\n%s", err, diff)
	}
	path := folder.path(f)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := *f
	other.File = "elsewhere"
	narrow := *f
	narrow.Widest6 = 40
	for name, damage := range map[string]struct {
		feed *policy.Feed
		text string
	}{
		"cut in a line": {f, string(whole[:len(whole)-3])}, "cut between lines": {f, string(whole[:strings.LastIndex(string(whole[:len(whole)-1]), "\n")+1])},
		"empty": {f, ""}, "no JSON": {f, "x\n"}, "host bits": {f, strings.Replace(string(whole), "192.0.2.0/24", "192.0.2.1/24", 1)},
		"a bad time": {f, strings.Replace(string(whole), "/32 1", "/32 x", 1)}, "another version": {f, strings.Replace(string(whole), `"version":1`, `"version":2`, 1)},
		"of another source": {f, strings.Replace(string(whole), `"source":"list"`, `"source":"tsil"`, 1)}, "narrower limits": {&narrow, string(whole)},
	} {
		if err := os.WriteFile(path, []byte(damage.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := folder.Load(damage.feed); k != nil || err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, %v", name, k, err)
		}
	}
	if k, err := folder.Load(&other); k != nil || err != nil {
		t.Errorf("of another source: %v, %v", k, err)
	}
	if err := folder.Save(&other, want); err != nil {
		t.Fatal(err)
	}
	if err := folder.Forget([]policy.Feed{other}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(string(folder))
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(folder.path(&other)) {
		t.Errorf("left is %v, %v", left, err)
	}
}
