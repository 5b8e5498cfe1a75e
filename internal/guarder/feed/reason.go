package feed

import "fmt"

// A Reason is why a list was refused. The set is closed: reasons become labels.
type Reason string

// The reasons.
const (
	Unreachable Reason = "unreachable"  // nobody answers, or the file cannot be read
	TimedOut    Reason = "timeout"      // the answer took too long
	BadStatus   Reason = "status"       // another HTTP status than 200 and 304
	TooLarge    Reason = "too_large"    // more bytes than any list within the limits has
	NotAList    Reason = "not_a_list"   // HTML, garbage, or another format
	Truncated   Reason = "truncated"    // it ends before its end
	Empty       Reason = "empty"        // no entry
	TooFew      Reason = "too_few"      // fewer than min_entries
	TooMany     Reason = "too_many"     // more than max_entries
	TooWide     Reason = "too_wide"     // a prefix shorter than widest_prefix
	OwnAddress  Reason = "own_address"  // one of this host's
	Gateway     Reason = "gateway"      // one of its gateways
	Resolver    Reason = "resolver"     // one of its name servers
	Private     Reason = "private"      // addresses of local networks
	Allowlisted Reason = "allowlisted"  // in a set that the feed must not touch
	Unloaded    Reason = "not_loaded"   // the kernel did not take it
	Unkept      Reason = "not_kept"     // it cannot be kept on disk
	Unprotected Reason = "no_host_data" // what must not be listed is not known
)

// Reasons are all of them.
var Reasons = []Reason{
	Unreachable, TimedOut, BadStatus, TooLarge, NotAList, Truncated, Empty, TooFew, TooMany, TooWide,
	OwnAddress, Gateway, Resolver, Private, Allowlisted, Unloaded, Unkept, Unprotected,
}

// A Refusal is why a list was not taken. What was in force before still is.
type Refusal struct {
	Reason Reason
	Err    error // with the place, and what can be done
}

// Error returns the text of the error with the reason before it.
func (r *Refusal) Error() string { return fmt.Sprintf("%s: %v", r.Reason, r.Err) }

// Unwrap returns the error.
func (r *Refusal) Unwrap() error { return r.Err }

// refuse returns a refusal.
func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{reason, fmt.Errorf(format, args...)}
}
