package metric

// What is learnt of the MAC addresses of neighbours, for sets that learn.
var (
	GuarderBindings = define(Family{
		Name: "packetscope_guarder_bindings", Type: Gauge, Unit: "bindings", Collector: CollectorGuarder, MostSeries: 3 * mostGuardSets,
		Labels: []string{"set", "state"},
		Help:   "IP addresses of a set that learns their MAC addresses: locked to the one that was learnt; changed, as they are locked but the kernel believes another; or waiting for an answer. Sets that learn nothing are absent.",
	})
	GuarderBindingChanges = define(Family{
		Name: "packetscope_guarder_binding_changes_total", Type: Counter, Unit: "changes", Collector: CollectorGuarder, MostSeries: mostGuardSets,
		Labels: []string{"set"},
		Help:   "How often the kernel believed another MAC address for an IP address than the one that was learnt and locked, since the agent started.",
	})
)
