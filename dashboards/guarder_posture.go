package dashboards

// posturePanels show what the settings of hosts say about attacks.
func posturePanels() []panel {
	return []panel{postureStates(), tinyPaths(), exposedChecks()}
}

func postureStates() panel {
	return stack("What checks of settings find", unitCount,
		"Checks by their state, each once for every device that it is about. exposed: the kernel does not stand in the way of the attack, though a rule of Guarder may. There is nothing here without --collector.posture. A step is a change of settings; the table below says which.",
		over(`sum by (state) (packetscope_posture_state{<host>})`, "{{state}}"))
}

func tinyPaths() panel {
	return lines("Path MTUs at the floor", unitCount,
		"Destinations that the kernel sends the smallest packets to because ICMP asked for them, the ten hosts with most. Over IPv4 no link of today asks for so little: it was forged, and a rule of Guarder against forged ICMP keeps it away. Over IPv6 it may be a tunnel.",
		over(`topk(10, sum by (instance, family) (packetscope_posture_pmtu_exceptions{<host>,mtu="floor"}))`, "{{instance}} {{family}}"))
}

// exposedChecks has a row for each check of each host that finds something exposed.
func exposedChecks() panel {
	return withColumns(grid("Settings that leave hosts exposed",
		"Each check that finds a host exposed, and on how many devices (1 for settings of the whole host). packetscope doctor on the host says which attack it is about, and the command that mends it. Most hosts have some of these as they are installed; the alert is about those that no default has.",
		rows("exposed", `topk(200, sum by (instance, check) (packetscope_posture_state{<host>,state="exposed"}))`),
	).Height(tallHeight).NoValue("nothing is exposed, or the collector is off"), 1,
		col("instance", "Host", linkTo("Open the stack of this host", uid("stack"), rowHost)),
		col("check", "Setting"),
		col("Value", "Devices", widthOf(100)),
	)
}
