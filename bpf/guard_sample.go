package bpf

// The structs of include/guard_sample_abi.h, whose comments document them.
type (
	// GuardSampling is an entry of the table guard_samplings.
	GuardSampling = abiGuardSampling
	// GuardSample is the head of a record of the ring buffer guard_samples.
	GuardSample = abiGuardSample
)

// GuardMaxSnap is the most bytes of a packet that are copied.
const GuardMaxSnap = int(abiGuardSampleLimitGUARD_MAX_SNAP)

// Entries of the table guard_samplings.
const (
	GuardSamplingAll        = int(abiGuardSamplingEntryGUARD_SAMPLING_ALL)
	GuardSamplingUnparsable = int(abiGuardSamplingEntryGUARD_SAMPLING_UNPARSABLE)
	GuardSamplingRules      = int(abiGuardSamplingEntryGUARD_SAMPLING_RULES) // and the rule
)
