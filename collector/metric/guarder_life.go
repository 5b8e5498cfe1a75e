package metric

// What is in force, and how it is put in force.
var (
	GuarderAttached = define(Family{
		Name: "packetscope_guarder_attached", Type: Gauge, Collector: CollectorGuarder, MostSeries: mostGuardAttachments,
		Labels: []string{"device", "hook"},
		Help:   "1 for each device that Guarder is attached to, and how: native runs in the driver, generic costs more because the kernel has made a socket buffer by then. 0 with the hook none for a device that the policy is for and that is gone, or runs another program.",
	})
	GuarderModeCeiling = define(Family{
		Name: "packetscope_guarder_mode_ceiling", Type: Gauge, Collector: CollectorGuarder,
		Labels: []string{"mode"},
		Help:   "1 for the strongest mode that this host allows (--mode-ceiling of the agent): with audit nothing is dropped, whatever the policy asks for.",
	})
	GuarderInForce = define(Family{
		Name: "packetscope_guarder_in_force", Type: Gauge, Collector: CollectorGuarder,
		Labels: []string{"state"},
		Help: "What is in force (1) and what is not (0): policy is that of the agent's files, or the one that a trial went back to; earlier is that of an agent before, whose rules are not known; " +
			"with nothing all packets pass.",
	})
	GuarderGeneration = define(Family{
		Name: "packetscope_guarder_generation", Type: Gauge, Collector: CollectorGuarder,
		Help: "Number of what is in force. Each policy that is put in force or comes back raises it by 1, and so do the trip wire and, if rules tell devices apart, a device that comes.",
	})
	GuarderApplied = define(Family{
		Name: "packetscope_guarder_applied_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorGuarder,
		Help: "Time at which the policy was put in force, in seconds since the Unix epoch. It is not there while nothing is in force, or what an earlier agent left, of which nobody knows since when.",
	})
	GuarderApplySuccessful = define(Family{
		Name: "packetscope_guarder_last_apply_successful", Type: Gauge, Collector: CollectorGuarder,
		Help: "Whether the last attempt to put a policy in force succeeded (1) or the one before it is still in force (0).",
	})
	GuarderUnconfirmed = define(Family{
		Name: "packetscope_guarder_unconfirmed", Type: Gauge, Collector: CollectorGuarder,
		Help: "Whether the policy is on trial (1): it is taken back unless somebody confirms it in time.",
	})
	GuarderConfirmBy = define(Family{
		Name: "packetscope_guarder_confirm_by_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorGuarder,
		Help: "Time at which the policy is taken back unless it is confirmed, in seconds since the Unix epoch. It is there only while a policy is on trial.",
	})
	GuarderTripped = define(Family{
		Name: "packetscope_guarder_tripped", Type: Gauge, Collector: CollectorGuarder,
		Help: "Whether the policy dropped so much of what arrived that it is only audited since (1); applying a policy ends that.",
	})
	GuarderKeptConnections = define(Family{
		Name: "packetscope_guarder_kept_connections", Type: Gauge, Unit: "connections", Collector: CollectorGuarder,
		Help: "Connections that were there before the policy and are therefore not cut by it (established: keep).",
	})
	GuarderProtectedUntil = define(Family{
		Name: "packetscope_guarder_protected_until_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorGuarder,
		Help: "Time until which packets of who put the policy in force are not dropped (protect_applier), in seconds since the Unix epoch. It is there only while somebody is protected.",
	})
)

// What its tables hold, and what it costs.
var (
	GuarderSetEntries = define(Family{
		Name: "packetscope_guarder_set_entries", Type: Gauge, Unit: "entries", Collector: CollectorGuarder, MostSeries: mostGuardSets,
		Labels: []string{"set"},
		Help:   "Entries of each named set of the policy.",
	})
	GuarderMapEntries = define(Family{
		Name: "packetscope_guarder_map_entries", Type: Gauge, Unit: "entries", Collector: CollectorGuarder,
		Labels: []string{"map"},
		Help:   "Entries in a table of Guarder in the kernel that can become full.",
	})
	GuarderMapRoom = define(Family{
		Name: "packetscope_guarder_map_max_entries", Type: Gauge, Unit: "entries", Collector: CollectorGuarder,
		Labels: []string{"map"},
		Help:   "Entries that a table of Guarder in the kernel has room for.",
	})
	GuarderSamples = define(Family{
		Name: "packetscope_guarder_samples_total", Type: Counter, Unit: "samples", Collector: CollectorGuarder,
		Help: "Packets that were copied to user space, for packetscope guard top and capture files.",
	})
	GuarderSamplesLost = define(Family{
		Name: "packetscope_guarder_samples_lost_total", Type: Counter, Collector: CollectorGuarder,
		Help: "Packets that should have been copied to user space and were not: they were too many for all rules together (--sample-rate of the agent), or nobody had read the ring buffer in time. They were judged and counted like all others.",
	})
	GuarderProgramRuns = define(Family{
		Name: "packetscope_guarder_program_runs_total", Type: Counter, Unit: "runs", Collector: CollectorGuarder,
		Help: "Runs of Guarder's program, one for each packet, as far as the kernel accounted for them: it does only while somebody wants it to (kernel.bpf_stats_enabled, or the exporter's collector probe from time to time).",
	})
	GuarderProgramSeconds = define(Family{
		Name: "packetscope_guarder_program_run_seconds_total", Type: Counter, Unit: "seconds", Collector: CollectorGuarder,
		Help: "CPU time of the runs in packetscope_guarder_program_runs_total; divided by those it is what Guarder costs a packet.",
	})
)
