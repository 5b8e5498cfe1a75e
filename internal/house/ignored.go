package house

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// ignored are the lines of .gitignore. Only two of its forms are understood,
// since more is not used: "/folder/" and a pattern for the names of files.
type ignored []string

func readIgnored(module fs.FS) (ignored, error) {
	data, err := fs.ReadFile(module, ".gitignore")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(data)), err
}

func (i ignored) dir(name string) bool { return slices.Contains(i, "/"+name+"/") }

func (i ignored) file(name string) bool {
	return slices.ContainsFunc(i, func(pattern string) bool {
		ok, _ := path.Match(pattern, path.Base(name))
		return ok
	})
}
