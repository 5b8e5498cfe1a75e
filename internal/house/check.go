package house

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A Fault is a place where the sources leave the plan.
type Fault struct {
	// Path is the file or folder, relative to the module.
	Path string
	// Line is 0 if the whole file or folder is meant.
	Line    int
	Message string
}

// String returns "path:line: message".
func (f Fault) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.Path, f.Message)
	}
	return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Message)
}

// Check returns all faults of a module, in the order of the files. The error is
// of the file system; a file that does not parse is a fault.
func Check(module fs.FS) ([]Fault, error) {
	name, err := moduleName(module)
	if err != nil {
		return nil, err
	}
	c := &checker{module: name}
	ignored, err := readIgnored(module)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if foreign(name) || ignored.dir(name) {
				return fs.SkipDir
			}
			return nil
		}
		// In a second worktree .git is a file.
		if !entry.Type().IsRegular() || name == ".git" || ignored.file(name) {
			return nil
		}
		data, err := fs.ReadFile(module, name)
		if err == nil {
			c.file(name, data)
		}
		return err
	})
	c.packageComments()
	slices.SortStableFunc(c.faults, func(a, b Fault) int { return strings.Compare(a.Path, b.Path) })
	return c.faults, err
}

// A checker collects faults over the files of a module.
type checker struct {
	module string
	faults []Fault
	// comments counts the package comments of each folder with Go files.
	comments map[string]*comments
}

func (c *checker) add(path string, line int, format string, args ...any) {
	c.faults = append(c.faults, Fault{path, line, fmt.Sprintf(format, args...)})
}

func (c *checker) file(name string, data []byte) {
	c.text(name, data)
	if strings.HasSuffix(name, ".go") {
		c.goFile(name, data)
	}
}

// foreign tells folders that hold no sources of the project: those of git and
// of editors, and this package's own bad examples.
func foreign(dir string) bool {
	base := path.Base(dir)
	hidden := len(base) > 1 && base[0] == '.' && base != ".ci"
	return hidden || dir == "internal/house/testdata"
}

func moduleName(module fs.FS) (string, error) {
	data, err := fs.ReadFile(module, "go.mod")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", errors.New("go.mod names no module")
}
