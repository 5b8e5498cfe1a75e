package evidence

import (
	"maps"
	"strings"
)

// byAttack are the alerts of the rule files on attacks that have one of their own.
var byAttack = map[string]string{
	"pmtu_poison": "PacketScopeGuardForgedICMP", "forged_icmp": "PacketScopeGuardForgedICMP",
	"icmp_redirect": "PacketScopeGuardRedirects",
	"arp_spoof":     "PacketScopeGuardNeighborSpoofing", "nd_spoof": "PacketScopeGuardNeighborSpoofing", "ra_spoof": "PacketScopeGuardNeighborSpoofing",
	"ics_write": "PacketScopeGuardControllerWrite", "ics_stop": "PacketScopeGuardControllerWrite", "ics_evasion": "PacketScopeGuardControllerWrite",
}

// verdicts are what becomes of packets, by the mode of the rule.
var verdicts = map[string]string{"enforce": "drop", "audit": "would_drop"}

// likened returns the labels of an alert that the exporter has pushed itself, GuarderPmtuPoison
// and the like, as those of the alert of the rule files on the same attack: of the latter it
// is known what to ask and to say. The names of pushed alerts are in the policy, which may
// say any. Labels of others are returned as they are.
func likened(labels map[string]string) map[string]string {
	verdict := verdicts[labels["mode"]]
	if labels["area"] != "guarder" || labels["attack"] == "" || labels["rule"] == "" || verdict == "" || strings.HasPrefix(labels["alertname"], "PacketScope") {
		return labels
	}
	labels = maps.Clone(labels)
	labels["verdict"], labels["alertname"] = verdict, "PacketScopeGuardAttack"
	if name := byAttack[labels["attack"]]; name != "" {
		labels["alertname"] = name
	}
	return labels
}
