package debian

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tools puts shell scripts into the only folder of PATH but /bin, which is where they
// find mkdir and touch.
func tools(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/bin:/usr/bin")
}

func TestUnpackOnce(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	tools(t, map[string]string{
		"apt-get":  `test "$*" = "download -q hello" && touch hello_1_all.deb`,
		"dpkg-deb": `test "$1 $3" = "-x tree" && mkdir tree && touch tree/file`,
	})
	root, err := Unpack(t.Context(), cache, "hello")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "file")); err != nil {
		t.Error(err)
	}
	tools(t, map[string]string{"apt-get": "exit 1"})
	again, err := Unpack(t.Context(), cache, "hello")
	if again != root || err != nil {
		t.Errorf("unpacked again: %q, %v", again, err)
	}
	entries, err := os.ReadDir(cache)
	if len(entries) != 2 || entries[0].Name() != lockFile || err != nil {
		t.Errorf("cache holds %v (%v), want the lock and the package alone", entries, err)
	}
}

// TestUnpackWhileAnotherDoes waits for the other one, whose package it takes.
func TestUnpackWhileAnotherDoes(t *testing.T) {
	cache := t.TempDir()
	held, err := lock(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	tools(t, map[string]string{"apt-get": "exit 1"})
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Unpack(hurried, cache, "hello"); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "lock ") {
		t.Errorf("who does not wait: %v", err)
	}
	unpacked := make(chan error, 1)
	go func() {
		_, err := Unpack(t.Context(), cache, "hello")
		unpacked <- err
	}()
	if err := os.Mkdir(filepath.Join(cache, "hello"), 0o755); err != nil {
		t.Fatal(err)
	}
	held.Close()
	if err := <-unpacked; err != nil {
		t.Error(err)
	}
}

func TestUnpackSaysWhatFailed(t *testing.T) {
	tools(t, map[string]string{"apt-get": `echo "E: Unable to locate package $3" >&2; exit 100`})
	_, err := Unpack(t.Context(), t.TempDir(), "hello")
	if err == nil || !strings.Contains(err.Error(), "run apt-get download -q hello: exit status 100: E: Unable to locate package hello") {
		t.Errorf("error is %v", err)
	}
}

func TestDependsOf(t *testing.T) {
	const out = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n  Recommends: apparmor\n  Depends: kmod\n"
	if diff := cmp.Diff([]string{"linux-image-6.1.0-56-cloud-amd64", "kmod"}, dependsOf(out)); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
}

func TestCacheDir(t *testing.T) {
	t.Setenv("PACKETSCOPE_CACHE", "/var/cache/x")
	if dir, err := CacheDir(); dir != "/var/cache/x" || err != nil {
		t.Errorf("got %q, %v", dir, err)
	}
	t.Setenv("PACKETSCOPE_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "/var/cache")
	if dir, err := CacheDir(); dir != "/var/cache/packetscope" || err != nil {
		t.Errorf("got %q, %v", dir, err)
	}
}
