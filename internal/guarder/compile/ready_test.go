package compile

import (
	"path/filepath"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// The ready-made policies fit into the tables, each alone and all together.
func TestReadyPoliciesCompile(t *testing.T) {
	const folder = "../../../rules/guarder"
	tests, err := filepath.Glob(folder + "/*_test.yaml")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	paths := []string{folder}
	for _, file := range tests {
		paths = append(paths, file[:len(file)-len("_test.yaml")]+".yaml")
	}
	for _, path := range paths {
		p, faults := policy.Load([]string{path}, policy.Options{})
		if p == nil {
			t.Errorf("%s: %v", path, faults)
			continue
		}
		if _, err := Compile(p, Options{}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
