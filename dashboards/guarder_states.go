package dashboards

import (
	"github.com/packetscope/packetscope/collector/metric"
)

// statePanels show what rules remember: bans, limits, and the MAC addresses of neighbours.
func statePanels() []panel {
	return []panel{bans(), bannedPackets(), banEvents(), limitsFull(), beyondLimits(), connections(), connectionsOfOne(), learntNeighbours(), changedNeighbours()}
}

func bans() panel {
	return lines("Bans", unitCount,
		"Prefixes that are banned, by who has decided it: a rule, the operator, somebody by the API, or CrowdSec. A jump of those by rules is an attack from many addresses, or a rule that bans clients. packetscope guard ban list on the host lists them, guard ban del ends one.",
		over("sum by (origin) ("+metric.GuarderBans.Name+"{<host>})", "{{origin}}"))
}

func bannedPackets() panel {
	return stack("Packets of the banned", unitPackets,
		"Packets whose source is banned, by who has decided it. drop: they were kept away before any rule was asked; would_drop: the rule that bans is audited, and they went on. What goes on for long is nobody who mistyped a password.",
		over(total(metric.GuarderBanPackets.Name, "origin, verdict", ""), "{{origin}} ({{verdict}})"))
}

func banEvents() panel {
	return lines("What becomes of bans", unitEvents,
		"Bans that were added, renewed as the source still sends, that expired, or were removed before their time. refused: the address must never be banned, or there is no room for more. would_ban: the rule is audited.",
		over(total(metric.GuarderBanEvents.Name, "origin, action", ""), "{{origin}}: {{action}}"))
}

// limited are the packets of rules with a limit: what is within it is not counted.
const limited = `sum by (group, rule, verdict) (
  rate(packetscope_guarder_rule_packets_total{<host>,verdict=~"drop|would_drop|count|sample"}[$__rate_interval])
  * on (cluster, job, instance, group, rule) group_left () packetscope_guarder_rule_info{<host>,limit!=""}
)`

func beyondLimits() panel {
	return stack("Packets over limits", unitPackets,
		"Packets beyond the limit of a rule, of packets, different ports or connections, the ten rules with most. drop: the excess was kept away, and is a part of what rules drop; would_drop: the rule is audited, and it went on. Up to the limit nothing is counted.",
		over("topk(10, "+limited+" > 0)", "{{group}}/{{rule}} ({{verdict}})")).Span(third)
}

func connections() panel {
	return lines("Connections that limits count", unitCount,
		"Connections that others have open to the hosts whose policy limits them, and how many sources or prefixes have some. The table of those has room for 65,536; not counted: connections of the last five minutes that found none, which no limit knows of.",
		over("sum("+metric.GuarderConnections.Name+"{<host>})", "open"),
		over(`sum(`+metric.GuarderMapEntries.Name+`{<host>,map="connections"})`, "sources"),
		over("sum(increase("+metric.GuarderUncounted.Name+"{<host>}[5m]))", "not counted")).Span(third)
}

func connectionsOfOne() panel {
	return lines("Connections of one source, of what it may have", unitShare,
		"Connections of the source, or prefix, that has most open, as a part of what a rule allows, the ten rules with the largest. Over 100% the rule matches each further one. A proxy of yours that comes near belongs before the rule.",
		over("topk(10, max by (instance, group, rule) ("+metric.GuarderRuleConnections.Name+"{<host>} / "+metric.GuarderRuleConnectionsLimit.Name+"{<host>}))", "{{group}}/{{rule}} of {{instance}}")).Span(third)
}

func limitsFull() panel {
	return lines("Packets that limits could not count", unitPackets,
		"Packets of rules with a limit for whose source, flow or whatever it is per there was no room, the ten hosts with most: a flood from more addresses than the table holds. They were counted with others of their network, or passed, as the rule says (when_full). What is beyond a limit is among the rules above.",
		over("topk(10, "+total(metric.GuarderLimitFull.Name, "instance", "")+")", "{{instance}}"))
}

func learntNeighbours() panel {
	return lines("Learnt neighbours", unitCount,
		"IP addresses of sets that learn their MAC addresses: locked to the one that was learnt, changed as the kernel believes another now, or waiting for an answer. packetscope guard status on the host names them; guard unlock has one be learnt anew.",
		over("sum by (set, state) ("+metric.GuarderBindings.Name+"{<host>})", "{{set}} ({{state}})"))
}

func changedNeighbours() panel {
	return lines("Neighbours that changed", unitEvents,
		"How often the kernel believed another MAC address for a locked IP address, the ten sets with most. Once is a failover, or a new card in the gateway; again and again is somebody who lies to the kernel while the rule only audits.",
		over("topk(10, "+total(metric.GuarderBindingChanges.Name, "instance, set", "")+")", "{{set}} of {{instance}}"))
}
