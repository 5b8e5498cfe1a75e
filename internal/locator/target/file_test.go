package target

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/wire"
)

var update = flag.Bool("update", false, "write the messages into the files")

func TestFilesAreReadByTheirName(t *testing.T) {
	want := []Target{{"example.com", wire.ICMP, 0}, {"192.0.2.1", wire.UDP, 33434}, {"2001:db8::1", wire.TCP, 443}}
	for _, file := range []string{"good.txt", "good.yml", "good.json", "tabs.json"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFile(file, data, 0)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
	for file, text := range map[string]string{"a.txt": "# nothing\n\n", "a.yml": "# nothing\n", "a.yaml": "[]", "a.json": "[]"} {
		if got, err := ParseFile(file, []byte(text), 0); err != nil || len(got) > 0 {
			t.Errorf("%s: %v, %v", file, got, err)
		}
	}
}

// Each file holds one fault, but for many.bad.txt. Its message stands in the file beside it.
func TestEachFaultHasItsPlace(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.*")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".want") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := ParseFile(filepath.Base(file), data, 0)
		var faults *Error
		if !errors.As(err, &faults) || targets != nil {
			t.Errorf("%s: targets %v, error %v", file, targets, err)
			continue
		}
		if len(faults.Faults) != 1 && filepath.Base(file) != "many.bad.txt" {
			t.Errorf("%s: %d faults, want 1", file, len(faults.Faults))
		}
		if *update {
			if err := os.WriteFile(file+".want", []byte(err.Error()+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, readErr := os.ReadFile(file + ".want")
		if readErr != nil {
			t.Fatal(readErr)
		}
		if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestAWrongFileIsNotToldLineByLine(t *testing.T) {
	_, err := ParseFile("passwd", []byte(strings.Repeat("a b\n", 1000)), 0)
	var faults *Error
	if !errors.As(err, &faults) || len(faults.Faults) != 20 || faults.More != 980 || !strings.HasSuffix(err.Error(), "\npasswd: and 980 more faults") {
		t.Errorf("%v", err)
	}
}

func FuzzParseFile(f *testing.F) {
	files, _ := filepath.Glob("testdata/*")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(file, data)
		}
	}
	f.Fuzz(func(t *testing.T, file string, data []byte) {
		targets, err := ParseFile(file, data, 0)
		if err != nil && targets != nil {
			t.Errorf("targets %v beside %v", targets, err)
		}
		for _, one := range targets {
			if again, err := Parse(one.String(), 0); err != nil || again != one {
				t.Errorf("%+v, printed as %s it is %+v, %v", one, one, again, err)
			}
		}
	})
}
