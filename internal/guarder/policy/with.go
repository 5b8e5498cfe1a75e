package policy

import (
	"cmp"
	"path/filepath"
	"slices"
)

// LoadWith reads a policy as Load would if a file of that name and text were there too, in
// place of one that is. It tells what a policy would be before anything is written.
//
// The folder of the file should be one of the paths, or the text is left out.
func LoadWith(paths []string, name string, text []byte, o Options) (*Policy, []Fault) {
	l := newLoader(o)
	l.files = []string{name}
	var all []source
	for _, path := range paths {
		some := l.sources([]string{path})
		if filepath.Clean(path) == filepath.Dir(name) {
			some = slices.DeleteFunc(some, func(s source) bool { return s.file == name })
			some = append(some, source{&reader{loader: l, file: name}, text})
			slices.SortFunc(some, func(a, b source) int { return cmp.Compare(a.file, b.file) })
		}
		all = append(all, some...)
	}
	return l.load(all)
}
