package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/annotator/api"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/annotator/sink"
)

// TestReadmeHasTheWholeConfig parses the example of the page, and holds its keys against
// those of the file with which the decoder is tested.
func TestReadmeHasTheWholeConfig(t *testing.T) {
	page := readFile(t, "README.md")
	_, section, _ := strings.Cut(page, "\n## Configuration\n")
	_, example, _ := strings.Cut(section, "```yaml\n")
	example, _, found := strings.Cut(example, "```\n")
	if !found {
		t.Fatal("there is no example")
	}
	cfg, err := config.Parse("README.md", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Prometheus == nil || cfg.Alertmanager == nil || cfg.Grafana == nil || len(cfg.Model.Providers) != 3 || len(cfg.Notify) != 2 {
		t.Errorf("the example asks for less than it shows: %+v", cfg)
	}
	if diff := cmp.Diff(inForce(config.Default()), inForce(cfg)); diff != "" {
		t.Errorf("the page says that these numbers are the defaults (-want +got):\n%s", diff)
	}
	full := readFile(t, "../../internal/annotator/config/testdata/full.good.yaml")
	if diff := cmp.Diff(keys(t, full), keys(t, example)); diff != "" {
		t.Errorf("keys of the configuration (-want +got):\n%s", diff)
	}
	for _, word := range slices.Concat(api.Modes, sink.Formats()) {
		if !strings.Contains(page, word) {
			t.Errorf("the page does not name %q", word)
		}
	}
}

// inForce returns what the package knows of the defaults.
func inForce(c config.Config) []any {
	return []any{c.Store.Path, c.Evidence, c.Reconcile, c.Values, c.Model.Budget, c.CacheTTL, c.Storm, c.Suggest.Enabled, c.Suggest.MaxTTL, c.Suggest.MaxOpen, c.Suggest.IPv4Bits, c.Suggest.IPv6Bits}
}

// keys returns the paths of all keys of a file once, sorted. Names of labels are no keys.
func keys(t *testing.T, text string) []string {
	t.Helper()
	var root any
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	var all []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				all = append(all, path+key)
				if key != "match" {
					walk(path+key+".", value)
				}
			}
		case []any:
			for _, value := range v {
				walk(path, value)
			}
		}
	}
	walk("", root)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestReadmeLinks follows the links to files, and to sections of the page.
func TestReadmeLinks(t *testing.T) {
	page := readFile(t, "README.md")
	sections := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		sections[strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(page, -1)
	if len(links) < 10 {
		t.Fatalf("only %d links were found", len(links))
	}
	for _, link := range links {
		path, section, _ := strings.Cut(link[1], "#")
		if path == "" {
			if !sections[section] {
				t.Errorf("there is no section #%s", section)
			}
		} else if _, err := os.Stat(filepath.FromSlash(path)); err != nil {
			t.Error(err)
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
