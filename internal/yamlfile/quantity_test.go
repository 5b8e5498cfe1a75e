package yamlfile

import (
	"testing"

	"gopkg.in/yaml.v3"
)

func TestSizesAreExactUpToTheirBounds(t *testing.T) {
	for text, want := range map[string]int64{
		"1KiB": 0, "1023KiB": 0, "1024KiB": 1 << 20, "1025KiB": 1025 << 10, "64MiB": 64 << 20, "1024GiB": 1 << 40,
		"1025GiB": 0, "1048577MiB": 0, "8589934592GiB": 0, "18446744073709551616KiB": 0,
		"-1MiB": 0, "1.5GiB": 0, "1 MiB": 0, "MiB": 0, "1mib": 0, "1048576": 0,
	} {
		d := New("x.yaml", nil)
		got := d.Size(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}, 1<<20, 1<<40)
		if got != want || (len(d.faults) == 0) != (want != 0) {
			t.Errorf("%q is %d with faults %v, want %d", text, got, d.faults, want)
		}
	}
}
