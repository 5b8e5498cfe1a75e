package policy

import (
	"bytes"
	"encoding/json"

	"gopkg.in/yaml.v3"
)

// object is a mapping with these fields only. Those of later versions are left out.
func object(fields []field, required ...string) shape {
	properties := map[string]shape{}
	for _, f := range fields {
		if f.read == nil {
			continue
		}
		described := shape{}
		if f.doc != "" {
			described["description"] = f.doc
		}
		for k, v := range f.shape {
			described[k] = v
		}
		properties[f.name] = described
	}
	s := shape{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// Schema returns the JSON schema of a policy file, for editors. It is made from the
// tables by which files are read, so it knows the same keys; it cannot know what
// fits together.
func Schema() []byte {
	r := &reader{loader: &loader{policy: &Policy{}}}
	m := &matcher{reader: r}
	entry := &matcher{reader: r, name: func(*yaml.Node) {}}
	s, n := &settings{}, new(*yaml.Node)
	root := object(r.fileFields(s), "version")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Guarder policy, version 1"
	root["$defs"] = map[string]shape{
		"defaults":   object(r.settingFields(s, true)),
		"unparsable": object(r.unparsableFields()),
		"sample":     object(r.sampleFields(&Sampling{})),
		"interface":  {"anyOf": []shape{plain("string"), object(interfaceFields(r, n, new(bool)), "name")}},
		"set":        object(r.setFields(&namedSet{}), "type"),
		"pair":       object(r.bindingFields(nil, nil), "ip", "mac"),
		"failsafe":   object(r.failsafeFields()),
		"allow":      object(entry.fields(), "name"),
		"trip_wire":  object(r.tripWireFields(&TripWire{}), "dropped_ratio", "over"),
		"group":      object(r.groupFields(&group{}, s, n), "name", "rules"),
		"rule":       object(r.ruleFields(&Rule{}, s, n), "rule", "match", "action"),
		"match":      atLeastOne(object(m.fields())),
		"tcp":        object(m.tcpFields()),
		"flags":      atLeastOne(object(m.flagFields(&flagTest{}))),
		"icmp":       object(m.icmpFields(&icmpTypes{})),
		"inner":      object(m.innerFields()),
		"arp":        object(m.arpFields()),
		"mac":        atLeastOne(object(m.macFields())),
		"sender":     object(m.senderFields(), "conflicts_with"),
		"nd":         object(m.ndFields()),
		"vlan":       object(m.vlanFields()),
		"payload":    object(m.payloadFields(&Payload{}), "at"),
		"number":     {"anyOf": []shape{severalOf(textShape()), atLeastOne(object(r.comparisonFields("", 1<<32-1, nil)))}},
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		panic(err) // texts, lists and maps can be encoded
	}
	return text.Bytes()
}

func atLeastOne(s shape) shape {
	s["minProperties"] = 1
	return s
}
