package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/config"
	analyzer "github.com/packetscope/packetscope/internal/stack"
)

const example = folder + "packetscope.yaml"

// names are what a configuration may name.
func names() config.Names {
	return config.Names{Probes: analyzer.ProbeNames(), Groups: analyzer.ProbeGroups()}
}

// TestExampleProbesNobody claims that the configuration which compose.yaml gives to the
// exporter changes nothing as it is shipped.
func TestExampleProbesNobody(t *testing.T) {
	cfg, err := config.Load(filepath.Join(top, example), names())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Locator != nil || len(cfg.Geo.Databases) > 0 || cfg.Alerting != nil {
		t.Errorf("it measures %+v with %+v, and tells %+v", cfg.Locator, cfg.Geo, cfg.Alerting)
	}
}

// TestExampleWorksWithoutItsMarks takes the marks of comments away as its reader is told
// to, and looks for the folders among the volumes.
func TestExampleWorksWithoutItsMarks(t *testing.T) {
	var lines []string
	for line := range strings.Lines(read(t, example)) {
		if rest, ok := strings.CutPrefix(line, "# "); ok && regexp.MustCompile(`^( |\w+:$)`).MatchString(strings.TrimSuffix(rest, "\n")) {
			line = rest
		}
		lines = append(lines, line)
	}
	path := filepath.Join(t.TempDir(), "packetscope.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, names())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Locator == nil || len(cfg.Locator.Config.Destinations) != 2 || len(cfg.Geo.Databases) != 2 || cfg.Alerting == nil || len(cfg.Alerting.Targets) != 1 {
		t.Fatalf("it measures %+v with %+v, and tells %+v", cfg.Locator, cfg.Geo, cfg.Alerting)
	}
	s := load(t).Services["packetscope"]
	if !slices.Contains(s.Command, "--config.file=/etc/packetscope/packetscope.yaml") {
		t.Errorf("the exporter runs %q, without the example", s.Command)
	}
	writable := make(map[string]bool)
	for _, v := range s.Volumes {
		writable[v.Target] = v.Type == "volume" && !v.ReadOnly
	}
	for _, dir := range []string{cfg.Locator.Config.History, filepath.Dir(cfg.Geo.Databases[0]), filepath.Dir(cfg.Alerting.State)} {
		if !writable[dir] {
			t.Errorf("%s is in no volume that can be written", dir)
		}
	}
	if state := settings(read(t, folder+"packetscope.service"), "StateDirectory"); !slices.Equal(state, []string{strings.TrimPrefix(cfg.Locator.Config.History, "/var/lib/") + " packetscope/alerts"}) {
		t.Errorf("under systemd the exporter may write to %q", state)
	}
}
