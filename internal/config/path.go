package config

import (
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// path returns the path of a file, or "" with a fault recorded. A relative one starts
// from the folder of the config, as Prometheus has it, so that a folder that holds both
// can be moved.
func (d *decoder) path(n *yaml.Node) string {
	path, ok := d.text(n)
	switch {
	case !ok:
		return ""
	case path == "":
		d.fault(n, "", "empty path")
		return ""
	case !filepath.IsAbs(path):
		path = filepath.Join(filepath.Dir(d.file), path)
	}
	path = filepath.Clean(path)
	d.named[path] = n
	return path
}

// paths returns the paths of different files; what names the list in faults.
func (d *decoder) paths(n *yaml.Node, what string) []string {
	var paths []string
	first := map[string]int{}
	for _, element := range d.sequence(n, what) {
		path := d.path(element)
		switch line, taken := first[path]; {
		case path == "":
		case taken:
			d.fault(element, "", "duplicate path %q, first on line %d", element.Value, line)
		default:
			first[path] = element.Line
			paths = append(paths, path)
		}
	}
	return paths
}
