package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const readme = "cmd/packetscope/README.md"

// TestReadmeSaysWhatIsSo compares the page with what it is about.
func TestReadmeSaysWhatIsSo(t *testing.T) {
	text := read(t, readme)
	var capabilities []string
	for _, row := range regexp.MustCompile(`(?m)^\| (CAP_\w+) \|`).FindAllStringSubmatch(text, -1) {
		capabilities = append(capabilities, row[1])
	}
	if diff := cmp.Diff(needed(t), sorted(capabilities)); diff != "" {
		t.Errorf("capabilities in the table (-want +got):\n%s", diff)
	}
	services := load(t).Services
	for name, s := range services {
		if !strings.Contains(text, s.Image) {
			t.Errorf("%s does not name %s, the image of %s", readme, s.Image, name)
		}
	}
	// The ways to do with less differ from the whole list as they say.
	for _, list := range regexp.MustCompile("(?:cap_add: !override |`)\\[([A-Z_, ]+)\\]").FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Split(list[1], ", ") {
			if !slices.Contains(needed(t), name) {
				t.Errorf("[%s] has %s, which the exporter does not ask for", list[1], name)
			}
		}
	}
}

// TestReadmeLinks follows the links to files and to sections of the page.
func TestReadmeLinks(t *testing.T) {
	text := read(t, readme)
	sections := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		sections[anchor(heading[1])] = true
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1)
	if len(links) < 10 {
		t.Fatalf("only %d links were found", len(links))
	}
	for _, link := range links {
		path, section, _ := strings.Cut(link[1], "#")
		switch {
		case strings.HasPrefix(path, "https://"):
		case path == "":
			if !sections[section] {
				t.Errorf("there is no section #%s", section)
			}
		default:
			if _, err := os.Stat(filepath.Join(top, filepath.Dir(readme), path)); err != nil {
				t.Error(err)
			}
		}
	}
}

// anchor returns the name that GitHub gives to a heading.
func anchor(heading string) string {
	kept := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}
