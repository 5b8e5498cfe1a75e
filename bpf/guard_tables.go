package bpf

// The structs of include/guard_tables.h, whose comments document them.
type (
	// GuardTest is an entry of the table guard_tests.
	GuardTest = abiGuardTest
	// GuardAtom is an entry of the table guard_atoms.
	GuardAtom = abiGuardAtom
	// GuardFilter is an entry of the table guard_filters.
	GuardFilter = abiGuardFilter
	// GuardCondition is an entry of the table guard_conditions.
	GuardCondition = abiGuardCondition
	// GuardMember is the key of the map guard_members.
	GuardMember = abiGuardMember
	// GuardBound is the key of the map guard_bindings.
	GuardBound = abiGuardBound
	// GuardKept is the key of the map guard_kept.
	GuardKept = abiGuardKept
	// GuardRule is an entry of the table guard_rules.
	GuardRule = abiGuardRule
	// GuardCount is a part of GuardCounts, and the value of the map guard_totals.
	GuardCount = abiGuardCount
	// GuardCounts is the value of the maps guard_counts and guard_devices.
	GuardCounts = abiGuardCounts
	// GuardResult is the value of the map guard_results.
	GuardResult = abiGuardResult
)

// Limits of the tables.
const (
	GuardMaxTests     = int(abiGuardTableLimitGUARD_MAX_TESTS)
	GuardMaxSummaries = int(abiGuardTableLimitGUARD_MAX_SUMMARIES)
	GuardMaxKept      = int(abiGuardTableLimitGUARD_MAX_KEPT)
	GuardMaxCounted   = int(abiGuardTableLimitGUARD_MAX_COUNTED)
)
