package propose

// A Code says why a form is refused.
type Code string

// The codes. They are all that there are: metrics count by them.
const (
	OK            Code = ""
	BadEpisode    Code = "bad_episode"
	UnknownAction Code = "unknown_action"
	UnknownProto  Code = "unknown_protocol"
	NotSure       Code = "low_confidence" // drop and ratelimit need high, monitor medium
	NoSources     Code = "no_sources"
	TooMany       Code = "too_many_sources"
	UnknownSource Code = "unknown_source" // no handle of a source, or of what is no network
	TooWide       Code = "too_wide"
	NotExternal   Code = "not_external"
	IsProtected   Code = "protected"
	BadPort       Code = "bad_port" // no handle of a port, or a port without TCP or UDP
	BadTTL        Code = "bad_ttl"
	BadRate       Code = "bad_rate"       // a limit without a rate, or the other way round
	MixedFamilies Code = "mixed_families" // ICMP is another protocol for each
	NotYet        Code = "not_available"  // Guarder cannot do it in this version
	Refused       Code = "policy_refused" // by the decoder of policies
	NotOneRule    Code = "not_one_rule"   // what it reads is not what was meant
	LocksOut      Code = "would_lock_out" // it drops something of a protected address
)

// Codes are all of them but OK.
var Codes = []Code{
	BadEpisode, UnknownAction, UnknownProto, NotSure, NoSources, TooMany, UnknownSource, TooWide, NotExternal, IsProtected,
	BadPort, BadTTL, BadRate, MixedFamilies, NotYet, Refused, NotOneRule, LocksOut,
}
