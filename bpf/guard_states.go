package bpf

// The types of include/guard_states_abi.h, whose comments document them.
type (
	// GuardState is an entry of the table guard_states.
	GuardState = abiGuardState
	// GuardStateKind tells what the state of a rule is.
	GuardStateKind = abiGuardStateKind
	// GuardBucket is a part of GuardBucketSet.
	GuardBucket = abiGuardBucket
	// GuardBucketSet is the value of the map guard_buckets.
	GuardBucketSet = abiGuardBucketSet
	// GuardSketchBlock is the value of the map guard_sketch.
	GuardSketchBlock = abiGuardSketchBlock
	// GuardSpread is the value of the map guard_spreads.
	GuardSpread = abiGuardSpread
	// GuardSetup is the value of the map guard_setup.
	GuardSetup = abiGuardSetup
	// GuardFlood is the value of the map guard_floods.
	GuardFlood = abiGuardFlood
)

// Kinds of states.
const (
	GuardStateNone      = abiGuardStateKindGUARD_STATE_NONE
	GuardStateLimit     = abiGuardStateKindGUARD_STATE_LIMIT
	GuardStateSpread    = abiGuardStateKindGUARD_STATE_SPREAD
	GuardStateSYNCookie = abiGuardStateKindGUARD_STATE_SYNCOOKIE
)

// What GuardState.Distinct tells apart.
const (
	GuardDistinctDestinationPort = uint8(abiGuardDistinctGUARD_DISTINCT_DESTINATION_PORT)
	GuardDistinctSourcePort      = uint8(abiGuardDistinctGUARD_DISTINCT_SOURCE_PORT)
)

// Bits of GuardState.Of: whose state it is.
const (
	GuardOfSource      = uint8(abiGuardStateOfGUARD_OF_SOURCE)
	GuardOfDestination = uint8(abiGuardStateOfGUARD_OF_DESTINATION)
	GuardOfFlow        = uint8(abiGuardStateOfGUARD_OF_FLOW)
	GuardOfInterface   = uint8(abiGuardStateOfGUARD_OF_INTERFACE)
	GuardOfAudit       = uint8(abiGuardStateOfGUARD_OF_AUDIT)
)

// Limits of states.
const (
	GuardBucketWays = int(abiGuardStateLimitGUARD_BUCKET_WAYS)
	GuardBucketSets = int(abiGuardStateLimitGUARD_BUCKET_SETS)
	// GuardMaxLevels is how many levels a limit has at most.
	GuardMaxLevels = int(abiGuardStateLimitGUARD_MAX_LEVELS)
)

// GuardMaxFloods is the most entries of the map guard_floods.
const GuardMaxFloods = int(abiGuardStateLimitGUARD_MAX_FLOODS)
