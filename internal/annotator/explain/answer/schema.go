package answer

import (
	"encoding/json"
	"strings"
)

// Schema returns the JSON schema of an answer about an alert. It has only what all servers
// understand, and its keys are in the order in which they are to be written: evidence
// before the verdict.
func Schema() json.RawMessage { return json.RawMessage(schema) }

// Schema returns the JSON schema of an answer that rests on the ground.
func (g Ground) Schema() json.RawMessage {
	if g.Set.Host != nil {
		return json.RawMessage(hostSchema)
	}
	return Schema()
}

// hostSchema also has the verdict that alerts have not.
var hostSchema = strings.Replace(schema, `"unknown"]`, `"unknown","inconspicuous"]`, 1)

const schema = `{"type":"object","properties":{` +
	`"findings":{"type":"array","items":{"type":"object","properties":{` +
	`"text":{"type":"string"},"weighs":{"type":"string","enum":["for","against"]},"facts":{"type":"array","items":{"type":"string"}}},` +
	`"required":["text","weighs","facts"],"additionalProperties":false}},` +
	`"verdict":{"type":"string","enum":["volumetric_attack","reconnaissance","targeted_attack","overload","host_fault","network_fault","misconfiguration","monitoring_fault","unknown"]},` +
	`"confidence":{"type":"string","enum":["low","medium","high"]},` +
	`"summary":{"type":"string"},` +
	`"checks":{"type":"array","items":{"type":"object","properties":{"text":{"type":"string"},"query":{"type":"string"}},` +
	`"required":["text","query"],"additionalProperties":false}},` +
	`"steps":{"type":"array","items":{"type":"string"}},` +
	`"rule":{"anyOf":[{"type":"null"},{"type":"object","properties":{` +
	`"action":{"type":"string","enum":["monitor","ratelimit","drop"]},"sources":{"type":"array","items":{"type":"string"}},` +
	`"target":{"anyOf":[{"type":"null"},{"type":"string"}]},"proto":{"type":"string","enum":["any","tcp","udp","icmp"]},` +
	`"rate_pps":{"anyOf":[{"type":"null"},{"type":"integer"}]},"ttl_minutes":{"type":"integer"},"why":{"type":"string"}},` +
	`"required":["action","sources","target","proto","rate_pps","ttl_minutes","why"],"additionalProperties":false}]}},` +
	`"required":["findings","verdict","confidence","summary","checks","steps","rule"],"additionalProperties":false}`
