package bpf

// The structs of include/guard_feeds_abi.h, whose comments document them.
type (
	// GuardFeedLine is a value of a table of feeds.
	GuardFeedLine = abiGuardFeedLine
	// GuardFeedHead is its first line.
	GuardFeedHead = abiGuardFeedHead
	// GuardFeedNear is the filter of a table.
	GuardFeedNear = abiGuardFeedNear
)

// Limits of feeds.
const (
	GuardMaxFeeds = int(abiGuardFeedLimitGUARD_MAX_FEEDS)
	// GuardFeedTables is how many entries there are for a table and its filter, of which
	// programs ask the first.
	GuardFeedTables = int(abiGuardFeedLimitGUARD_FEED_TABLES)
	// GuardFeedAny4 and GuardFeedAny6 are how many words a filter has room for.
	GuardFeedAny4 = int(abiGuardFeedLimitGUARD_FEED_ANY4)
	GuardFeedAny6 = int(abiGuardFeedLimitGUARD_FEED_ANY6)
)

// What stands in an entry of guard_feeds beside its credit.
const (
	GuardFeedSlot  = int(abiGuardFeedEntryGUARD_FEED_SLOT)
	GuardFeedThere = uint32(abiGuardFeedEntryGUARD_FEED_THERE)
)
