package daemon

import (
	"syscall"
	"testing"
)

// TestHangupsDoNotEndTheProcess: there is a test that can say so.
func TestHangupsDoNotEndTheProcess(t *testing.T) {
	hangups := Hangups()
	for range 3 {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if s := soon(t, hangups); s != syscall.SIGHUP {
			t.Errorf("signal %v", s)
		}
	}
}
