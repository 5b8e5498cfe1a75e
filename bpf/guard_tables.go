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
	// GuardMembership is an entry of the table guard_memberships.
	GuardMembership = abiGuardMembership
	// GuardBlock is an entry of the table guard_blocks4.
	GuardBlock = abiGuardBlock
	// GuardAddressOfHost is the key of the map guard_own.
	GuardAddressOfHost = abiGuardAddressOfHost
	// GuardBound is the key of the map guard_bindings.
	GuardBound = abiGuardBound
	// GuardKept is the key of the map guard_kept.
	GuardKept = abiGuardKept
	// GuardCount is a part of GuardCounts, and the value of the map guard_totals.
	GuardCount = abiGuardCount
	// GuardCounts is the value of the maps guard_counts and guard_devices.
	GuardCounts = abiGuardCounts
	// GuardResult is the value of the map guard_results.
	GuardResult = abiGuardResult
	// GuardSocket is the result of looking a socket up.
	GuardSocket = abiGuardSocket
	// GuardSequence are bits of where a sequence number is in its connection.
	GuardSequence = abiGuardSequence
	// GuardOperand numbers the operands that user space puts into the program.
	GuardOperand = abiGuardOperand
)

// Operand is what stands in the program for GuardOperand 0; the others follow.
const Operand = 0x67750000

// Operands of the program, those of tables first: their greatest index.
const (
	GuardRows        = abiGuardOperandGUARD_ROWS
	GuardDense       = abiGuardOperandGUARD_DENSE
	GuardIndex       = abiGuardOperandGUARD_INDEX
	GuardTrie4       = abiGuardOperandGUARD_TRIE4
	GuardTrie6       = abiGuardOperandGUARD_TRIE6
	GuardFirst       = abiGuardOperandGUARD_FIRST
	GuardLines       = abiGuardOperandGUARD_LINES
	GuardFilters     = abiGuardOperandGUARD_FILTERS
	GuardConditions  = abiGuardOperandGUARD_CONDITIONS
	GuardAtoms       = abiGuardOperandGUARD_ATOMS
	GuardTests       = abiGuardOperandGUARD_TESTS
	GuardSlots       = abiGuardOperandGUARD_SLOTS
	GuardSamplings   = abiGuardOperandGUARD_SAMPLINGS
	GuardStates      = abiGuardOperandGUARD_STATES
	GuardBannings    = abiGuardOperandGUARD_BANNINGS
	GuardMemberships = abiGuardOperandGUARD_MEMBERSHIPS
	GuardAny4        = abiGuardOperandGUARD_ANY4
	GuardBlocks4     = abiGuardOperandGUARD_BLOCKS4
	GuardAny6        = abiGuardOperandGUARD_ANY6
	GuardWords       = abiGuardOperandGUARD_WORDS
	GuardSummaries   = abiGuardOperandGUARD_SUMMARIES
	GuardOperands    = abiGuardOperandGUARD_OPERANDS
)

// Results of looking a socket up: bits of what tests compare, with those of GuardSequence
// GuardSequenceShift above.
const (
	GuardSocketNone        = abiGuardSocketGUARD_SOCKET_NONE
	GuardSocketListen      = abiGuardSocketGUARD_SOCKET_LISTEN
	GuardSocketSynSent     = abiGuardSocketGUARD_SOCKET_SYN_SENT
	GuardSocketSynRecv     = abiGuardSocketGUARD_SOCKET_SYN_RECV
	GuardSocketEstablished = abiGuardSocketGUARD_SOCKET_ESTABLISHED
	GuardSocketTimeWait    = abiGuardSocketGUARD_SOCKET_TIME_WAIT
	GuardSocketUnknown     = abiGuardSocketGUARD_SOCKET_UNKNOWN
	GuardSockets           = abiGuardSocketGUARD_SOCKETS

	GuardSequenceOut     = abiGuardSequenceGUARD_SEQUENCE_OUT
	GuardSequenceIn      = abiGuardSequenceGUARD_SEQUENCE_IN
	GuardSequenceNext    = abiGuardSequenceGUARD_SEQUENCE_NEXT
	GuardSequenceUnknown = abiGuardSequenceGUARD_SEQUENCE_UNKNOWN
	GuardSequenceShift   = abiGuardSequenceGUARD_SEQUENCE_SHIFT
)

// Limits of the tables.
const (
	GuardMaxTests     = int(abiGuardTableLimitGUARD_MAX_TESTS)
	GuardBanks        = int(abiGuardTableLimitGUARD_BANKS)
	GuardMaxSummaries = int(abiGuardTableLimitGUARD_MAX_SUMMARIES)
	GuardMaxKept      = int(abiGuardTableLimitGUARD_MAX_KEPT)
	GuardOwnFilter    = int(abiGuardTableLimitGUARD_OWN_FILTER)
	GuardFewHops      = int(abiGuardTableLimitGUARD_FEW_HOPS)
)
