package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/kernel"
)

// top is the folder of the module.
const top = "../.."

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// needed are the capabilities without which "packetscope doctor" would miss
// something on the oldest kernel that is supported, sorted and without "CAP_".
func needed(t *testing.T) []string {
	t.Helper()
	host := kernel.Host{Root: fstest.MapFS{"proc/sys/kernel/osrelease": {Data: []byte("6.1.0\n")}}}
	var names []string
	for _, c := range host.Capabilities() {
		if c.Without != "" {
			names = append(names, strings.TrimPrefix(c.Name, "CAP_"))
		}
	}
	if len(names) == 0 {
		t.Fatal("doctor needs no capability, which cannot be")
	}
	slices.Sort(names)
	return names
}

// guardNeeds are the capabilities of Guarder's agent, in the form of needed.
var guardNeeds = sorted(slices.Collect(maps.Keys(guarder.Capabilities)))

// sorted returns capabilities in the form of needed.
func sorted(names []string) []string {
	plain := make([]string, len(names))
	for i, name := range names {
		plain[i] = strings.TrimPrefix(name, "CAP_")
	}
	slices.Sort(plain)
	return plain
}

// pinned is a tag that says which version it is.
var pinned = regexp.MustCompile(`^[^:@]+:(v?\d+\.\d+\.\d+(-[a-z0-9]+)?|dev)$`)

// own are the images that are built from this tree.
const own = "packetscope/"

// checkImage refuses an image without a version. Only images that are built here
// may be called "dev".
func checkImage(t *testing.T, image string) {
	t.Helper()
	if !pinned.MatchString(image) {
		t.Errorf("image %q does not say which version it is", image)
	}
	if strings.HasSuffix(image, ":dev") != strings.HasPrefix(image, own) {
		t.Errorf("image %q: those of this tree are called dev, and no others", image)
	}
}
