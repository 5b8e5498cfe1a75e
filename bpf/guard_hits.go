package bpf

// The structs of include/guard_hits_abi.h, whose comments document them.
type (
	// GuardHitKey is the key of the map guard_hits.
	GuardHitKey = abiGuardHitKey
	// GuardHit is the value of the map guard_hits.
	GuardHit = abiGuardHit
	// GuardService is an entry of the map guard_services.
	GuardService = abiGuardService
)

// Limits of the tables of hits.
const (
	GuardMaxHits = int(abiGuardHitLimitGUARD_MAX_HITS)
	// GuardServices is how many entries guard_services has: half of them are for the
	// ports of TCP, the others for those of UDP.
	GuardServices = int(abiGuardHitLimitGUARD_SERVICES)
)
