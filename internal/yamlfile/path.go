package yamlfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// Path returns the path of a file, or "" with a fault recorded. A relative one starts
// from the folder of the config, as Prometheus has it, so that a folder that holds both
// can be moved.
func (d *Decoder) Path(n *yaml.Node) string {
	path, ok := d.Text(n)
	switch {
	case !ok:
		return ""
	case path == "":
		d.Fault(n, "", "empty path")
		return ""
	case !filepath.IsAbs(path):
		path = filepath.Join(filepath.Dir(d.file), path)
	}
	path = filepath.Clean(path)
	d.named[path] = n
	return path
}

// Paths returns the paths of different files; what names the list in faults.
func (d *Decoder) Paths(n *yaml.Node, what string) []string {
	var paths []string
	first := map[string]int{}
	for _, element := range d.Sequence(n, what) {
		path := d.Path(element)
		switch line, taken := first[path]; {
		case path == "":
		case taken:
			d.Fault(element, "", "duplicate path %q, first on line %d", element.Value, line)
		default:
			first[path] = element.Line
			paths = append(paths, path)
		}
	}
	return paths
}

// At returns where a path of Path stands; nil if nowhere.
func (d *Decoder) At(path string) *yaml.Node { return d.named[path] }

// Unreadable records that a file cannot be read, where its path stands.
func (d *Decoder) Unreadable(path string, err error) {
	cure := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		cure = PermissionCure()
	case errors.Is(err, fs.ErrNotExist):
		cure = "correct the path, or make the file"
	}
	d.Fault(d.named[path], cure, "%v", err)
}

// PermissionCure says what to do about a file that is there and cannot be read, which
// in containers surprises: root without its capabilities is a user like any other.
func PermissionCure() string {
	return fmt.Sprintf("make the file readable, and the folders above it passable, for user %d", os.Geteuid())
}
