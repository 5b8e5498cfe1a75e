package bpf

// The structs of include/guard_connections_abi.h, whose comments document them.
type (
	// GuardPrefix is the key of the map guard_connections.
	GuardPrefix = abiGuardPrefix
)

// Limits of the counts of open connections.
const (
	GuardMaxPrefixes = int(abiGuardConnectionLimitGUARD_MAX_PREFIXES)
	GuardMaxLengths  = int(abiGuardConnectionLimitGUARD_MAX_LENGTHS)
)
