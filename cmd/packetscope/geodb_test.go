package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	// delegatedText has a holder with one AS and one with none, and IPv6.
	delegatedText = `2|ripencc|1699747200|4|19830705|20231111|+0100
ripencc|NL|ipv4|193.0.0.0|2048|19930901|assigned|h1
ripencc|NL|asn|3333|1|19930901|allocated|h1
ripencc|CH|ipv4|193.5.0.0|256|19930901|assigned|h2
ripencc|CH|ipv6|2a00:100::|32|20080101|allocated|h2
`
	// routesText is as iptoasn.com has it.
	routesText = "193.5.0.0\t193.5.0.255\t64496\tCH\tEXAMPLE-AS Example\n10.0.0.0\t10.255.255.255\t0\tNone\tNot routed\n"
	ownText    = "networks:\n- {prefix: 10.1.0.0/16, name: Zurich lab, country: CH, city: Zurich, latitude: 47.37, longitude: 8.54, radius_km: 5, asn: 64512, as_name: Example}\n"
)

func packed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A geoFolder has files whose names tests use without the folder.
type geoFolder struct {
	t   *testing.T
	dir string
}

func newGeoFolder(t *testing.T, files map[string]string) geoFolder {
	t.Helper()
	f := geoFolder{t, t.TempDir()}
	for name, text := range files {
		path := filepath.Join(f.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, epoch.Add(-48*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// geodb runs a verb, in whose arguments @ stands for the folder, and returns what it
// prints without the folder.
func (f geoFolder) geodb(stdin string, args ...string) (stdout, stderr string, err error) {
	f.t.Helper()
	all := []string{"geodb"}
	for _, a := range args {
		all = append(all, strings.ReplaceAll(a, "@", f.dir+"/"))
	}
	w := newWorld(all...)
	w.stdin = strings.NewReader(stdin)
	err = run(context.Background(), w.env)
	without := func(l fmt.Stringer) string { return strings.ReplaceAll(l.String(), f.dir+"/", "") }
	if exit := (*exitError)(nil); err != nil && !errors.As(err, &exit) {
		printError(w.stderr, err)
	}
	return without(w.stdout), without(w.stderr), err
}

// build makes built.mmdb of all there is.
func (f geoFolder) build() {
	f.t.Helper()
	if _, stderr, err := f.geodb("", "build", "--output=@built.mmdb", "--delegated=@ripe", "--csv=@routes.tsv"); err != nil {
		f.t.Fatalf("%v: %s", err, stderr)
	}
}

func TestGeodbIsBuiltOfFilesPackedOrNot(t *testing.T) {
	f := newGeoFolder(t, map[string]string{
		"ripe": delegatedText, "ripe.gz": packed(t, delegatedText), "routes.tsv": routesText, "old.mmdb": "old",
	})
	const dated = "SIZE bytes, dated 2023-11-12 22:13:20 as the oldest file\n"
	for _, c := range []struct {
		claim, stdin string
		args         []string
		want         string
	}{
		{"plain", "", []string{"--delegated=@ripe"}, "ripe: 3 networks, 1 of them with an AS, 1 record skipped\n" +
			"old.mmdb: countries and AS numbers of 3 networks, " + dated},
		{"packed", "", []string{"--delegated=@ripe.gz"}, "ripe.gz: 3 networks, 1 of them with an AS, 1 record skipped\n" +
			"old.mmdb: countries and AS numbers of 3 networks, " + dated},
		{"standard input, packed", packed(t, routesText), []string{"--csv=-"}, "stdin: 1 network, 1 of them with an AS, 1 record skipped\n" +
			"old.mmdb: countries and AS numbers of 1 network, SIZE bytes, dated 2023-11-14 22:13:20 as the oldest file\n"},
		{"both", routesText, []string{"--csv=-", "--delegated=@ripe"}, "ripe: 3 networks, 1 of them with an AS, 1 record skipped\n" +
			"stdin: 1 network, 1 of them with an AS, 1 record skipped\n" +
			"old.mmdb: countries and AS numbers of 4 networks, " + dated},
	} {
		stdout, stderr, err := f.geodb(c.stdin, append([]string{"build", "--output=@old.mmdb"}, c.args...)...)
		if err != nil || stderr != "" {
			t.Errorf("%s: %v: %s", c.claim, err, stderr)
		}
		info, err := os.Stat(filepath.Join(f.dir, "old.mmdb"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.ReplaceAll(c.want, "SIZE", fmt.Sprint(info.Size())), stdout); diff != "" {
			t.Errorf("%s: output (-want +got):\n%s", c.claim, diff)
		}
	}
}

func TestGeodbBuildTellsAllFaultsAndWritesNothing(t *testing.T) {
	whole := packed(t, delegatedText)
	f := newGeoFolder(t, map[string]string{
		"ripe": delegatedText, "web.html": "<html>\n", "cut": strings.Join(strings.SplitAfter(delegatedText, "\n")[:3], ""),
		"bad.csv": "193.0.0.0/21,NL,3333,RIPE\n193.0.0.0/33,NL,x,\n", "cut.gz": whole[:len(whole)-9], "bad.gz": "\x1f\x8bnot\n",
		"nobody.csv": "10.0.0.0/8,,0,\n", "empty.csv": "", "built.mmdb": "old",
	})
	if err := os.Mkdir(filepath.Join(f.dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		claim string
		args  []string
		want  string
	}{
		{"nothing", nil, "packetscope: nothing to make a database of (name files with --delegated and --csv)\n"},
		{"standard input twice", []string{"--csv=-", "--delegated=-"}, "packetscope: standard input can be read once (give the other files by name)\n"},
		{"missing", []string{"--csv=@missing"}, "open missing: no such file or directory\n"},
		{"a folder", []string{"--csv=@folder"}, "folder is a folder (name the files in it)\n"},
		{"an error page", []string{"--delegated=@web.html"}, "web.html:1:1: not the first line of a delegated file of version 2 (give the file delegated-*-extended-latest of a registry)\n"},
		{"cut off", []string{"--delegated=@cut"}, "cut:3:1: 2 records, but its first line counts 4 (it was cut off: fetch it again)\n"},
		{"gzip cut off", []string{"--delegated=@cut.gz"}, "cut.gz:6:1: what gzip packed is cut off or damaged (fetch it again): unexpected EOF\n"},
		{"no gzip", []string{"--delegated=@bad.gz"}, "bad.gz:1:1: begins as gzip and is none: unexpected EOF\n"},
		{"empty", []string{"--csv=@empty.csv"}, "empty.csv:1:1: nothing in the file\n"},
		{"nothing of use", []string{"--csv=@nobody.csv"}, "packetscope: write built.mmdb: no network with a country or an AS number to write\n"},
		{"two bad files beside a good one", []string{"--delegated=@ripe", "--csv=@bad.csv", "--delegated=@web.html"},
			"web.html:1:1: not the first line of a delegated file of version 2 (give the file delegated-*-extended-latest of a registry)\n" +
				"bad.csv:2:1: bad prefix \"193.0.0.0/33\" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)\n" +
				"bad.csv:2:17: bad AS number \"x\" (write a number such as 64512, or 0 for none)\n"},
	} {
		_, stderr, err := f.geodb("", append([]string{"build", "--output=@built.mmdb"}, c.args...)...)
		if err == nil || exitStatus(err) != 1 {
			t.Errorf("%s: error %v", c.claim, err)
		}
		if diff := cmp.Diff(c.want, stderr); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", c.claim, diff)
		}
		if data, err := os.ReadFile(filepath.Join(f.dir, "built.mmdb")); string(data) != "old" {
			t.Errorf("%s: the old file is now %q: %v", c.claim, data, err)
		}
	}
}

func TestGeodbLookupTellsWhatIsKnown(t *testing.T) {
	f := newGeoFolder(t, map[string]string{"ripe": delegatedText, "routes.tsv": routesText, "own.yaml": ownText})
	f.build()
	args := []string{"--database=@built.mmdb", "--override=@own.yaml", "193.0.6.139", "193.5.0.7", "2a00:100::1", "8.8.8.8", "10.1.2.3", "::ffff:127.0.0.1"}
	for file, more := range map[string][]string{"geodb_lookup.txt": nil, "geodb_lookup.json": {"--json"}} {
		stdout, stderr, err := f.geodb("", append(append([]string{"lookup"}, more...), args...)...)
		if err != nil || stderr != "" {
			t.Errorf("%s: %v: %s", file, err, stderr)
		}
		compareGolden(t, file, stdout)
	}
	stdout, _, err := f.geodb("", "lookup", "100.64.0.1", "8.8.8.8")
	if want := "100.64.0.1\n  kind         cgnat\n8.8.8.8\n  kind         public\n"; err != nil || stdout != want {
		t.Errorf("without a database: %v, %q, want %q", err, stdout, want)
	}
}

func TestGeodbLookupSaysWhatIsWrong(t *testing.T) {
	f := newGeoFolder(t, map[string]string{"text.mmdb": "text", "own.csv": "10.0.0.0/8,Lab,91,8,CH\n", "ripe": delegatedText, "routes.tsv": routesText})
	f.build()
	for _, c := range []struct {
		claim string
		args  []string
		want  string
	}{
		{"names and slips", []string{"example.com", "192.0.2.7", "1.2.3"},
			"bad address \"example.com\" (write one such as 192.0.2.7 or 2001:db8::7; names are not looked up)\n" +
				"bad address \"1.2.3\" (write one such as 192.0.2.7 or 2001:db8::7; names are not looked up)\n"},
		{"bad files beside a good one", []string{"--database=@built.mmdb", "--database=@text.mmdb", "--override=@own.csv", "192.0.2.7"},
			"text.mmdb: not a whole database of MaxMind's format, or cut off: " + noMetadata + "\n" +
				"own.csv:1:16: bad latitude \"91\" (write a number from -90 to 90)\n"},
	} {
		stdout, stderr, err := f.geodb("", append([]string{"lookup"}, c.args...)...)
		if exitStatus(err) != 1 || stdout != "" {
			t.Errorf("%s: error %v, output %q", c.claim, err, stdout)
		}
		if diff := cmp.Diff(c.want, stderr); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", c.claim, diff)
		}
	}
}

// noMetadata is what maxminddb says of a file of another kind.
const noMetadata = "error opening database: invalid MaxMind DB file"

func TestGeodbInfoTellsAgeAndContents(t *testing.T) {
	f := newGeoFolder(t, map[string]string{"text.mmdb": "text", "ripe": delegatedText, "routes.tsv": routesText})
	f.build()
	for file, more := range map[string][]string{"geodb_info.txt": nil, "geodb_info.json": {"--json"}} {
		stdout, stderr, err := f.geodb("", append([]string{"info", "@text.mmdb", "@built.mmdb"}, more...)...)
		if exitStatus(err) != 1 {
			t.Errorf("%s: error %v", file, err)
		}
		if want := "text.mmdb: not a whole database of MaxMind's format, or cut off: " + noMetadata + "\n"; stderr != want {
			t.Errorf("%s: faults %q, want %q", file, stderr, want)
		}
		compareGolden(t, file, stdout)
	}
}
