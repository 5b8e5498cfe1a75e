package evidence

import "github.com/packetscope/packetscope/internal/annotator/explain/fact"

var ofPosture = map[string][]Query{
	"PacketScopePostureExposed": {
		with(Query{Name: "exposed_places", Says: "how often the setting is wrong: on devices, or once",
			Expr: `instance_check_state:packetscope_posture_state:count{$host,$check,state="exposed"}`}),
		{Name: "right_places", Says: "how often it is right", MayBeEmpty: true,
			Expr: `instance_check_state:packetscope_posture_state:count{$host,$check,state="ok"}`},
		{Name: "checks_exposed", Says: "the checks of the host that find it exposed",
			Expr: `count(instance_check_state:packetscope_posture_state:count{$host,state="exposed"})`},
		{Name: "hosts_exposed", Says: "the hosts that have the setting wrong",
			Expr: `count(instance_check_state:packetscope_posture_state:count{$check,state="exposed"})`},
	},
	"PacketScopePostureForgedPMTU": {
		with(Query{Name: "tiny_paths", Says: "the destinations whose path MTU is at the floor",
			Expr: `packetscope_posture_pmtu_exceptions{$host,family="ipv4",mtu="floor"}`}),
		{Name: "learned_paths", Says: "those whose path MTU was learned and is usual",
			Expr: `packetscope_posture_pmtu_exceptions{$host,family="ipv4",mtu="above"}`},
		{Name: "guard_in_force", Says: "whether a policy of Guarder is in force", MayBeEmpty: true,
			Expr: `packetscope_guarder_in_force{$host,state="policy"}`, Unit: fact.State},
		quoted,
	},
}
