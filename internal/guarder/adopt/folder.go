package adopt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/guarder/durable"
)

// prefix and suffix are how the names of adopted files begin and end.
const prefix, suffix = "adopted-", ".yaml"

// id is what may name an adopted file. One that ends in _test would be taken for a test
// of policies, and not be read.
var id = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// CheckID returns an error unless a text can name an adopted file.
func CheckID(name string) error {
	if !id.MatchString(name) || strings.HasSuffix(name, "_test") {
		return fmt.Errorf("%q cannot name an adopted file: want up to 64 letters, digits, - and _, and not _test at the end", name)
	}
	return nil
}

// Path returns where the file of a name is in a folder.
func Path(folder, name string) string { return filepath.Join(folder, prefix+name+suffix) }

// errNoFolder is for an agent that reads files alone.
var errNoFolder = errors.New("give packetscope guard run a folder too, such as /var/lib/packetscope/adopted, before the files")

// Folder returns the first folder among the paths of an agent. A path that is not there,
// or not absolute, means that the agent sees other files than this process.
func Folder(paths []string) (string, error) {
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			return "", fmt.Errorf("the agent reads %q, which is in a folder that only it knows; start it with absolute paths", path)
		}
		info, err := os.Stat(path)
		if err != nil {
			return "", fmt.Errorf("the agent reads %s: %w; run this where the agent runs, in its container if it has one", path, err)
		}
		if info.IsDir() {
			return filepath.Clean(path), nil
		}
	}
	return "", fmt.Errorf("the agent reads no folder, only %s; %w", strings.Join(paths, ", "), errNoFolder)
}

// Put writes a file in one step: readers see the old one, or none, or the new one. It is
// on the disk when Put returns.
func Put(path string, text []byte) error {
	// The dot of its name keeps the agent from reading it before it is whole.
	if err := durable.WriteFile(path, text); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	return nil
}

// Remove deletes the file at a path, which need not be there.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return durable.Settle(path)
}

// An Adopted is a file that was adopted.
type Adopted struct {
	ID, Path string
	// Until is when it ends; zero if the file cannot be read, which Fault tells then.
	Until time.Time
	// Groups are the names of its groups.
	Groups []string
	Fault  error
}

// Over tells whether it has ended.
func (a Adopted) Over(now time.Time) bool { return !a.Until.IsZero() && !now.Before(a.Until) }

// List returns what was adopted in a folder, by name.
func List(folder string) ([]Adopted, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []Adopted
	for _, e := range entries {
		name, is := strings.CutPrefix(e.Name(), prefix)
		name, whole := strings.CutSuffix(name, suffix)
		if !is || !whole || e.IsDir() || CheckID(name) != nil {
			continue
		}
		all = append(all, read(name, filepath.Join(folder, e.Name())))
	}
	return all, nil
}

// Find returns what was adopted by a name.
func Find(all []Adopted, name string) (Adopted, bool) {
	i := slices.IndexFunc(all, func(a Adopted) bool { return a.ID == name })
	if i < 0 {
		return Adopted{}, false
	}
	return all[i], true
}

func read(name, path string) Adopted {
	a := Adopted{ID: name, Path: path}
	text, err := os.ReadFile(path)
	if err != nil {
		a.Fault = err
		return a
	}
	var head struct {
		Until  string
		Groups []struct{ Name string }
	}
	if err := yaml.Unmarshal(text, &head); err != nil {
		a.Fault = fmt.Errorf("%s: %w", path, err)
		return a
	}
	if err := a.Until.UnmarshalText([]byte(head.Until)); err != nil {
		a.Fault = fmt.Errorf("%s: it does not say when it ends, with until", path)
	}
	for _, g := range head.Groups {
		a.Groups = append(a.Groups, g.Name)
	}
	return a
}
