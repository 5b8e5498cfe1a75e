package bpf

// The structs of include/guard_bans_abi.h, whose comments document them.
type (
	// GuardBanAddress is an address of a packet that asks for a ban.
	GuardBanAddress = abiGuardBanAddress
	// GuardBanPrefix is the key of the map guard_bans.
	GuardBanPrefix = abiGuardBanPrefix
	// GuardBan is who is banned until when.
	GuardBan = abiGuardBan
	// GuardBanning is when a rule asks for a ban.
	GuardBanning = abiGuardBanning
	// GuardBanRequest is whom a rule wants banned.
	GuardBanRequest = abiGuardBanRequest
)

// Limits of bans.
const (
	GuardMaxBans = int(abiGuardBanLimitGUARD_MAX_BANS)
	// GuardBanNear is how many bits the filter has for each family.
	GuardBanNear = int(abiGuardBanLimitGUARD_BAN_NEAR)
	// GuardBanClasses is how many origins are told apart.
	GuardBanClasses = int(abiGuardBanLimitGUARD_BAN_CLASSES)
)
