package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inFolder makes a folder with files the working directory.
func inFolder(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// faultsOf returns the lines of an error, nil for none.
func faultsOf(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

const goodNetworks = "networks:\n- prefix: 10.0.0.0/8\n  name: own\n"

func TestCheckReportsFaultsOfGeoFiles(t *testing.T) {
	for _, c := range []struct {
		claim string
		files map[string]string
		want  []string
	}{
		{"all good", map[string]string{
			"etc/x.yaml":       "geo: {overrides: [networks.yml], blocklists: [../lists/drop.txt]}\n",
			"etc/networks.yml": goodNetworks, "lists/drop.txt": "192.0.2.0/24 ; SBL1\n",
		}, nil},
		{"missing", map[string]string{
			"etc/x.yaml": "geo:\n  databases:\n    - city.mmdb\n  overrides: [networks.yml]\n  blocklists: [drop.txt]\n",
		}, []string{
			"etc/x.yaml:3:7: stat etc/city.mmdb: no such file or directory (correct the path, or make the file)",
			"etc/x.yaml:4:15: stat etc/networks.yml: no such file or directory (correct the path, or make the file)",
			"etc/x.yaml:5:16: stat etc/drop.txt: no such file or directory (correct the path, or make the file)",
		}},
		{"bad inside", map[string]string{
			"etc/x.yaml":       "geo: {overrides: [networks.yml], blocklists: [drop.txt]}\n",
			"etc/networks.yml": "networks:\n- prefix: 10.0.0.1/8\n", "etc/drop.txt": "192.0.2.0/24\n192.0.2.0/33\n",
		}, []string{
			`etc/networks.yml:2:11: prefix "10.0.0.1/8" has bits set behind its length (write 10.0.0.0/8)`,
			`etc/drop.txt:2:1: bad prefix "192.0.2.0/33" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`,
		}},
		{"faults of the config hide no others", map[string]string{
			"etc/x.yaml":       "geo: {overrides: [networks.yml], database: []}\n",
			"etc/networks.yml": "networks:\n- prefix: 10.0.0.1/8\n",
		}, []string{
			`etc/x.yaml:1:34: unknown key "database" in geo (did you mean "databases"?)`,
			`etc/networks.yml:2:11: prefix "10.0.0.1/8" has bits set behind its length (write 10.0.0.0/8)`,
		}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			inFolder(t, c.files)
			if diff := cmp.Diff(c.want, faultsOf(Check("etc/x.yaml", testNames))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMissingGeoFilesDoNotStopTheStart: a database may be fetched after the start, and
// measuring goes on without it.
func TestMissingGeoFilesDoNotStopTheStart(t *testing.T) {
	inFolder(t, map[string]string{"x.yaml": "geo: {databases: [city.mmdb]}\n"})
	want := Default()
	want.Geo.Databases = []string{"city.mmdb"}
	got, err := Load("x.yaml", testNames)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestPolicyIsReadWithTheConfig(t *testing.T) {
	const config = "locator:\n  discover: {}\n  policy: paths.yaml\n"
	for _, c := range []struct {
		claim string
		files map[string]string
		want  []string
	}{
		{"good", map[string]string{"etc/x.yaml": config, "etc/paths.yaml": "version: 1\n"}, nil},
		{"missing", map[string]string{"etc/x.yaml": config}, []string{
			"etc/x.yaml:3:11: open etc/paths.yaml: no such file or directory (correct the path, or make the file)",
		}},
		{"is a folder", map[string]string{"etc/x.yaml": config, "etc/paths.yaml/x": ""}, []string{
			"etc/x.yaml:3:11: read etc/paths.yaml: is a directory",
		}},
		{"faults in both", map[string]string{
			"etc/x.yaml":     config + "  rate: 0\n",
			"etc/paths.yaml": "version: 2\nrules: [{name: a, max_as: 0}]\n",
		}, []string{
			"etc/x.yaml:4:9: 0 is out of range: want an integer from 1 to 1000",
			`etc/paths.yaml:1:10: unknown version "2" (version: 1)`,
			`etc/paths.yaml:2:27: max_as must be a number from 1 to 64, not "0"`,
		}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			inFolder(t, c.files)
			_, err := Load("etc/x.yaml", testNames)
			for name, err := range map[string]error{"Load": err, "Check": Check("etc/x.yaml", testNames)} {
				if diff := cmp.Diff(c.want, faultsOf(err)); diff != "" {
					t.Errorf("faults of %s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}
