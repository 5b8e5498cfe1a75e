package policy

// A shape is the JSON schema of a value, as editors read it.
type shape map[string]any

// textShape is a word or a number.
func textShape() shape { return shape{"type": []string{"string", "integer"}} }

func plain(kind string) shape { return shape{"type": kind} }

func words(all ...string) shape { return shape{"enum": all} }

func listOf(of shape) shape { return shape{"type": "array", "minItems": 1, "items": of} }

// severalOf is one value, or a list of them.
func severalOf(of shape) shape { return shape{"anyOf": []shape{of, listOf(of)}} }

func refer(name string) shape { return shape{"$ref": "#/$defs/" + name} }

// textsShape is a mapping of names to texts, such as labels.
func textsShape() shape {
	return shape{"type": "object", "propertyNames": shape{"pattern": labelForm.String()}, "additionalProperties": textShape()}
}
