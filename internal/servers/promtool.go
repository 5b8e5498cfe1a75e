package servers

import (
	"os"
	"testing"
)

// Promtool returns the path of Prometheus' promtool, for tests that ask it for a second
// opinion: Debian's is unpacked where none is on PATH. A machine where it cannot be had,
// which CI's may not be, skips the test.
func Promtool(t testing.TB) string {
	t.Helper()
	if path := onPath([]string{"promtool"}); path != "" {
		return path
	}
	found, err := FindTools(t.Context())
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found.Promtool
}
