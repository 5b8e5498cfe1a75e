//go:build linux

package servers

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadySaysWhyAServerEnded(t *testing.T) {
	p := Start(t, script(t, "echo starting; echo 'listen tcp 127.0.0.1:9090: bind: address already in use' >&2; exit 3"))
	err := p.Ready(t.Context(), "http://127.0.0.1:1/-/ready")
	const want = "server ended before http://127.0.0.1:1/-/ready was ready (exit status 3): listen tcp 127.0.0.1:9090: bind: address already in use"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestStopAsksAndKillDoesNot(t *testing.T) {
	const polite = "trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.01; done"
	asked, killed := Start(t, script(t, polite)), Start(t, script(t, polite))
	for _, p := range []*Process{asked, killed} {
		Eventually(t, patience, func() error {
			if !strings.Contains(p.Log(), "up") {
				return os.ErrNotExist
			}
			return nil
		})
	}
	asked.Stop(t)
	killed.Kill()
	if asked.Log() != "up\nasked\n" || killed.Log() != "up\n" {
		t.Errorf("asked said %q, killed said %q", asked.Log(), killed.Log())
	}
}

// TestFreeAddressIsFree tries some, as somebody else may be faster to take one.
func TestFreeAddressIsFree(t *testing.T) {
	var errs []error
	for range 5 {
		l, err := net.Listen("tcp4", FreeAddress(t))
		if err == nil {
			l.Close()
			return
		}
		errs = append(errs, err)
	}
	t.Error(errors.Join(errs...))
}
