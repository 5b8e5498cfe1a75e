package config

import (
	"errors"
	"fmt"
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
			`etc/paths.yaml:1:10: want version 1, not the number 2`,
			`etc/paths.yaml:2:27: 0 is out of range: want an integer from 1 to 64`,
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

func TestListsAreReadWithTheConfig(t *testing.T) {
	const config = "locator:\n  destinations: [example.com]\n  files:\n    - lists/*.txt\n    - lists/a.txt\n"
	for _, c := range []struct {
		claim        string
		files        map[string]string
		want, faults []string
	}{
		{"what is there twice counts once", map[string]string{
			"etc/x.yaml":      config,
			"etc/lists/a.txt": "# ours\na.example.com\nexample.com\n", "etc/lists/b.txt": "tcp://b.example.com\na.example.com\n",
		}, []string{"icmp://example.com", "icmp://a.example.com", "tcp://b.example.com:443"}, nil},
		{"an empty folder and an empty list", map[string]string{
			"etc/x.yaml": "locator: {files: [none/*.txt, empty.txt]}\n", "etc/empty.txt": "# none yet\n",
		}, []string{}, nil},
		{"missing without a wildcard", map[string]string{"etc/x.yaml": config}, nil, []string{
			"etc/x.yaml:5:7: open etc/lists/a.txt: no such file or directory (correct the path, or make the file)",
		}},
		{"bad pattern", map[string]string{"etc/x.yaml": "locator:\n  files: ['lists/[a']\n", "etc/lists/a": ""}, nil, []string{
			`etc/x.yaml:2:11: bad pattern "lists/[a" (write \ before a * ? or [ that is meant as such)`,
		}},
		{"faults of several lists", map[string]string{
			"etc/x.yaml":      config + "  rate: 0\n",
			"etc/lists/a.txt": "a.example.com:0\n", "etc/lists/b.txt": "\n-x\n",
		}, nil, []string{
			"etc/x.yaml:6:9: 0 is out of range: want an integer from 1 to 1000",
			`etc/lists/a.txt:1:15: bad target "a.example.com:0": bad port "0" (write a number from 1 to 65535)`,
			`etc/lists/b.txt:2:1: bad target "-x": a host that begins with a hyphen (options have no place here)`,
		}},
		{"the same host in another way", map[string]string{
			"etc/x.yaml":      config,
			"etc/lists/a.txt": "tcp://example.com\nudp://a.example.com\n", "etc/lists/b.txt": "a.example.com\nother\n",
		}, nil, []string{
			`etc/x.yaml:4:7: etc/lists/a.txt: duplicate destination name "example.com", first on line 2 (give it a name of its own: {name: ..., address: "tcp://example.com:443"})`,
			`etc/x.yaml:4:7: etc/lists/b.txt: duplicate destination name "a.example.com", first in etc/lists/a.txt (give it a name of its own: {name: ..., address: "icmp://a.example.com"})`,
			`etc/x.yaml:4:7: etc/lists/b.txt: destination name "other" is taken by what exceeds the series limit (give it a name of its own: {name: ..., address: "icmp://other"})`,
		}},
		{"too many in all", map[string]string{
			"etc/x.yaml": "locator: {destinations: [example.com], files: [many.txt]}\n", "etc/many.txt": hosts(66),
		}, nil, []string{
			"etc/x.yaml:1:48: etc/many.txt: more than 64 destinations (measure some from another host)",
		}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			inFolder(t, c.files)
			config, err := Load("etc/x.yaml", testNames)
			if diff := cmp.Diff(c.faults, faultsOf(err)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if err != nil {
				return
			}
			got := []string{}
			for _, dest := range config.Locator.Config.Destinations {
				got = append(got, dest.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("destinations (-want +got):\n%s", diff)
			}
		})
	}
}

// hosts returns a list with different hosts.
func hosts(n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "host%d.example.com\n", i)
	}
	return list.String()
}
