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
		"defaults":      object(r.settingFields(s)),
		"unparsable":    object(r.unparsableFields()),
		"ban":           object(r.banFields(&Banning{}), "ttl"),
		"grow":          object(r.growFields(&Banning{}), "factor", "max"),
		"ban_prefix":    atLeastOne(object(r.banPrefixFields(&Banning{}))),
		"sample":        object(r.sampleFields(&Sampling{})),
		"interface":     {"anyOf": []shape{plain("string"), object(interfaceFields(r, n, new(bool)), "name")}},
		"set":           learnsOrNames(object(r.setFields(&namedSet{}), "type")),
		"feed":          oneOf(object(r.feedFields(&Feed{}, s, nil), "feed"), "url", "file"),
		"widest_prefix": object(r.widestFields(&Feed{})),
		"pair":          object(r.bindingFields(nil, nil), "ip"),
		"failsafe":      object(r.failsafeFields()),
		"allow":         object(entry.fields(), "name"),
		"trip_wire":     object(r.tripWireFields(&TripWire{}), "dropped_ratio", "over"),
		"group":         object(r.groupFields(&group{}, s, n), "name", "rules"),
		"rule":          ratesOfSYNs(object(r.ruleFields(&Rule{}, s, n), "rule", "match", "action")),
		"alert":         object(r.alertFields(&Alert{}), "when"),
		"when":          oneOf(object(r.whenFields(&Alert{}, new(float64))), "rate", "packets"),
		"match":         atLeastOne(object(m.fields())),
		"tcp":           object(m.tcpFields()),
		"flags":         atLeastOne(object(m.flagFields(&flagTest{}))),
		"icmp":          object(m.icmpFields(&icmpTypes{})),
		"inner":         object(m.innerFields()),
		"socket":        object(m.stateFields(&Socket{}), "is"),
		"seq":           object(m.placeFields(&Sequence{}), "is"),
		"connections":   object(m.connectionFields(&Connections{}), "above"),
		"arp":           object(m.arpFields()),
		"mac":           atLeastOne(object(m.macFields())),
		"sender":        object(m.senderFields(), "conflicts_with"),
		"nd":            object(m.ndFields()),
		"vlan":          object(m.vlanFields()),
		"syncookie":     object(r.synCookieFields(&SYNCookie{}), "on_above"),
		"limit":         heavyNeedsLevels(object(r.limitFields(&Limit{}), "per", "rate")),
		"prefix":        object(r.limitPrefixFields(&Limit{})),
		"payload":       object(m.payloadFields(&Payload{}), "at"),
		"number":        {"anyOf": []shape{severalOf(textShape()), atLeastOne(object(r.comparisonFields("", 1<<32-1, nil)))}},
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

// learnsOrNames asks for the MAC addresses of a set that does not learn them, and lets only
// sets of pairs learn.
func learnsOrNames(s shape) shape {
	learns := shape{"properties": shape{"learn": shape{"const": true}}, "required": []string{"learn"}}
	s["if"] = learns
	s["then"] = shape{"properties": shape{"type": shape{"const": "ip-mac"}}}
	s["else"] = shape{"properties": shape{"entries": shape{"items": shape{"if": shape{"type": "object"}, "then": shape{"required": []string{"mac"}}}}}}
	return s
}

// heavyNeedsLevels asks for the levels of a limit per heavy-hitter.
func heavyNeedsLevels(s shape) shape {
	s["if"] = shape{"required": []string{"per"}, "properties": map[string]shape{"per": {"const": heavyHitter}}}
	s["then"] = shape{"required": []string{"levels"}}
	return s
}

// oneOf asks for one of two keys.
func oneOf(s shape, key, other string) shape {
	s["oneOf"] = []shape{{"required": []string{key}}, {"required": []string{other}}}
	return s
}
