package servers

import (
	"os"
	"testing"
)

// Promtool returns the path of Prometheus' promtool, for tests that ask it for a second
// opinion. Where it is not on PATH the test is skipped, or in CI, where nothing may go
// unnoticed, Debian's is unpacked.
func Promtool(t testing.TB) string {
	t.Helper()
	if path := onPath([]string{"promtool"}); path != "" {
		return path
	}
	if os.Getenv("CI") == "" {
		t.Skip("promtool is not on PATH (Debian's package prometheus)")
	}
	found, err := FindTools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found.Promtool
}
