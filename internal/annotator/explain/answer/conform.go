package answer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// node is a part of a schema, as far as ours goes.
type node struct {
	Type       string
	Properties map[string]*node
	Required   []string
	Items      *node
	Enum       []string
	AnyOf      []*node
}

// forms are those of answers about alerts and about hosts.
var form, hostForm = nodeOf(schema), nodeOf(hostSchema)

func nodeOf(schema string) *node {
	var n node
	if err := json.Unmarshal([]byte(schema), &n); err != nil {
		panic(err) // the text of the schema is wrong
	}
	return &n
}

// conforms tells whether a value has the form. encoding/json would take keys in another
// case, leave out what is missing and ignore what is too much.
func (n *node) conforms(v any) bool {
	if n.AnyOf != nil {
		return slices.ContainsFunc(n.AnyOf, func(one *node) bool { return one.conforms(v) })
	}
	switch v := v.(type) {
	case nil:
		return n.Type == "null"
	case string:
		return n.Type == "string" && (n.Enum == nil || slices.Contains(n.Enum, v))
	case json.Number:
		return n.Type == "integer" && !strings.ContainsAny(v.String(), ".eE")
	case []any:
		return n.Type == "array" && !slices.ContainsFunc(v, func(one any) bool { return !n.Items.conforms(one) })
	case object:
		if n.Type != "object" || len(v) != len(n.Required) {
			return false
		}
		for key, value := range v {
			if n.Properties[key] == nil || !n.Properties[key].conforms(value) {
				return false
			}
		}
		return true
	}
	return false
}

type object map[string]any

var (
	errTwice = errors.New("a key is there twice")
	errDeep  = errors.New("nested too deep")
)

const mostDepth = 8

// read reads exactly one value, with numbers as they are written. A key that is there
// twice is an error: readers do not agree about which of them counts.
func read(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more than one value")
	}
	return v, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > mostDepth {
		return nil, errDeep
	}
	switch token {
	case json.Delim('['):
		all := []any{}
		for d.More() {
			one, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		_, err := d.Token()
		return all, err
	case json.Delim('{'):
		all := object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if _, twice := all[name]; twice || !ok {
				return nil, errTwice
			}
			if all[name], err = value(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return all, err
	}
	return token, nil
}
