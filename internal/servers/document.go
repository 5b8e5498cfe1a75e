package servers

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// A document is YAML that is edited as such: what an edit does not name stays as it
// is, whether this package knows it or not.
type document = map[string]any

func decode(text []byte) (document, error) {
	d := document{}
	if err := yaml.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("decode YAML: %w", err)
	}
	return d, nil
}

// at returns the mapping under the key, which it makes if there is none.
func at(d document, key string) document {
	inner, ok := d[key].(document)
	if !ok {
		inner = document{}
		d[key] = inner
	}
	return inner
}

// each calls f for the mappings of the list under the key.
func each(d document, key string, f func(document)) {
	list, _ := d[key].([]any)
	for _, item := range list {
		if inner, ok := item.(document); ok {
			f(inner)
		}
	}
}

// without removes keys wherever they are below a value.
func without(value any, keys ...string) {
	switch v := value.(type) {
	case document:
		for _, key := range keys {
			delete(v, key)
		}
		for _, inner := range v {
			without(inner, keys...)
		}
	case []any:
		for _, inner := range v {
			without(inner, keys...)
		}
	}
}
