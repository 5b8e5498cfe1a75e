package rules

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/packetscope/packetscope/internal/servers"
)

// TestPromtoolAgrees runs Prometheus' own tool on the rules and their tests.
func TestPromtoolAgrees(t *testing.T) {
	promtool := servers.Promtool(t)
	for _, c := range []struct{ what, pattern string }{
		{"check", "prometheus/packetscope-*.yaml"},
		{"test", "prometheus/tests/*_test.yaml"},
	} {
		paths, err := filepath.Glob(c.pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: nothing found: %v", c.pattern, err)
		}
		out, err := exec.Command(promtool, append([]string{c.what, "rules"}, paths...)...).CombinedOutput()
		if err != nil {
			t.Errorf("promtool %s rules: %v\n%s", c.what, err, out)
		}
	}
}
