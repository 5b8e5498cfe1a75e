package daemon

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestSystemdIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := NotifyReady(); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := NotifyReady(); err != nil {
		t.Fatal(err)
	}
	l.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 100)
	n, err := l.Read(b)
	if got := string(b[:n]); got != "READY=1" || err != nil {
		t.Errorf("told %q, %v", got, err)
	}
	l.Close()
	if err := NotifyReady(); err == nil {
		t.Error("nobody listens, and there is no error")
	}
}
