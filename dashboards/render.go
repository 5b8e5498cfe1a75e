package dashboards

import (
	"bytes"
	"encoding/json"
)

// JSON returns the board as Grafana reads it, with sorted keys: the same bytes on
// every call. What the SDK cannot say, or says wrongly, is mended here.
func (b Board) JSON() ([]byte, error) {
	built, err := b.Build()
	if err != nil {
		return nil, err
	}
	doc, err := generic(built)
	if err != nil {
		return nil, err
	}
	board := doc.(map[string]any)
	for _, l := range list(board["links"]) {
		// The default hides links in a menu, and an empty placement hides them
		// altogether.
		delete(l, "placement")
	}
	for i, a := range list(board["annotations"].(map[string]any)["list"]) {
		from := b.annotations()[i]
		delete(a, "placement")
		if len(from.stored) > 0 {
			// The SDK takes no target that is not a query of a data source.
			a["target"] = map[string]any{"type": "tags", "tags": from.stored, "matchAny": true, "limit": mostExplanations}
			continue
		}
		a["titleFormat"], a["textFormat"], a["tagKeys"] = from.title, from.text, from.tags
		a["useValueForTime"] = false
	}
	for _, p := range list(board["panels"]) {
		mendPanel(p)
		for _, inner := range list(p["panels"]) {
			mendPanel(inner)
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(board); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// mendPanel tells Grafana which version wrote the panel: without one it runs
// the migrations of its predecessors.
func mendPanel(p map[string]any) {
	if p["type"] != "row" {
		p["pluginVersion"] = grafanaVersion
	}
}

// grafanaVersion is the one that the boards are made for. They work with 12.2
// and later, which have this schema.
const grafanaVersion = "12.4.10"

// generic turns a value into maps and slices; numbers keep their digits.
func generic(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var out any
	return out, decoder.Decode(&out)
}

// list returns the objects of a list, or nothing.
func list(v any) []map[string]any {
	var all []map[string]any
	elements, _ := v.([]any)
	for _, e := range elements {
		if m, ok := e.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// merged adds keys to options.
func merged(options any, more map[string]any) (any, error) {
	all, err := generic(options)
	if err != nil {
		return nil, err
	}
	m := all.(map[string]any)
	for key, value := range more {
		m[key] = value
	}
	return m, nil
}
