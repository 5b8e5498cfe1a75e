package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

const schemaFile = ready + "/guarder-v1.schema.json"

func TestSchemaIsCurrent(t *testing.T) {
	if *update {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(Schema()), string(text)); diff != "" {
		t.Errorf("%s (-want +got; write it with -update):\n%s", schemaFile, diff)
	}
}

// The schema accepts all policies that have no faults, and refuses those whose faults
// are of a kind that it can know.
func TestSchemaAgreesWithLoad(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("guarder.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("guarder.json")
	if err != nil {
		t.Fatal(err)
	}
	known := []string{unknownKey, wrongType, missingKey, wrongVersion, laterVersion}
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, readyFiles(t)...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var document yaml.Node
		if err := yaml.Unmarshal(text, &document); err != nil {
			continue // no YAML at all
		}
		timesAreTexts(&document)
		var value any
		if err := document.Decode(&value); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		_, faults := Load([]string{file}, optionsOf(file))
		refused := schema.Validate(value) != nil
		switch {
		case !Failed(faults) && refused:
			t.Errorf("%s is refused: %v", file, schema.Validate(value))
		case Failed(faults) && strings.Contains(strings.Join(known, " "), faults[0].Code) && !refused:
			t.Errorf("%s is accepted: %v", file, faults)
		}
	}
}

// timesAreTexts has times decoded as what they are to YAML 1.2, and so to editors.
func timesAreTexts(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		timesAreTexts(c)
	}
}
