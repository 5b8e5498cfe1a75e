package box

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed testdata/*.yaml
var files embed.FS

// All reads the scenarios that come with the package. The key is what each is about, such
// as "nat_broken".
func All() (map[string]*Scenario, error) {
	names, err := fs.Glob(files, "testdata/*.yaml")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*Scenario)
	for _, name := range names {
		about := strings.TrimSuffix(strings.TrimPrefix(name, "testdata/"), ".yaml")
		if strings.HasSuffix(about, ".bad") {
			continue
		}
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if all[about], err = Parse(name, data); err != nil {
			return nil, err
		}
	}
	return all, nil
}
