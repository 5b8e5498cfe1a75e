package dashboards

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Files returns everything that Grafana reads, by slash-separated path: the
// boards under json/ and the provisioning files under provisioning/.
func Files() (map[string][]byte, error) {
	files := map[string][]byte{
		"provisioning/datasources/packetscope.yaml": []byte(dataSources),
		"provisioning/dashboards/packetscope.yaml":  []byte(provider),
	}
	var faults []error
	for _, b := range All() {
		data, err := b.JSON()
		if err != nil {
			faults = append(faults, err)
		}
		files["json/"+b.Name+".json"] = data
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return files, nil
}

// Write writes the files below a folder, which must exist, and removes boards
// that there are no more. It returns the paths of those that it changed, sorted.
func Write(dir string, files map[string][]byte) (changed []string, err error) {
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		name := filepath.Join(dir, filepath.FromSlash(path))
		old, err := os.ReadFile(name)
		if err == nil && bytes.Equal(old, files[path]) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return changed, err
		}
		// World-readable: Grafana runs as a user of its own.
		if err := os.WriteFile(name, files[path], 0o644); err != nil {
			return changed, err
		}
		changed = append(changed, path)
	}
	stale, err := leftover(dir, files)
	for _, path := range stale {
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(path))); err != nil {
			return changed, err
		}
		changed = append(changed, path)
	}
	return changed, err
}

// Compare returns the paths of files below a folder that are missing, differ, or
// should not be there.
func Compare(dir string, files map[string][]byte) (differ []string, err error) {
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || !bytes.Equal(have, files[path]) {
			differ = append(differ, path)
		}
	}
	stale, err := leftover(dir, files)
	return append(differ, stale...), err
}

// leftover returns the boards below a folder that are not among the files.
func leftover(dir string, files map[string][]byte) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var stale []string
	for _, e := range entries {
		path := "json/" + e.Name()
		if _, ok := files[path]; !ok && filepath.Ext(path) == ".json" {
			stale = append(stale, path)
		}
	}
	return stale, err
}

func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("dashboards folder: %w (give the folder that holds json and provisioning)", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("dashboards folder: %s is a file (give the folder that holds json and provisioning)", dir)
	}
	return nil
}
