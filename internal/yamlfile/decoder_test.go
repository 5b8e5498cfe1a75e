package yamlfile

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestDescribeIsShort(t *testing.T) {
	for value, want := range map[string]string{
		"a b":                     `the text "a b"`,
		strings.Repeat("ü", 40):   `the text "` + strings.Repeat("ü", 40) + `"`,
		strings.Repeat("ü", 1000): `the text "` + strings.Repeat("ü", 40) + `"…`,
	} {
		if got := Describe(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}); got != want {
			t.Errorf("%.50q is %s, want %s", value, got, want)
		}
	}
}
