// Package ban keeps who is banned, until when, and why.
//
//	s, err := ban.Open(folder, ban.SystemClock(), never)
//	event, err := s.Add(prefix, ban.Terms{TTL: 10 * time.Minute, Factor: 2, Max: 24 * time.Hour}, ban.Rule("ssh", "guessing"), "guesses passwords")
//	rows := s.Rows(audited)   // what the kernel is to know
//
// A ban is of a prefix, and ends by itself. Who is banned again is banned for longer, as
// [Terms] says; that an address was banned is remembered for a time after the ban is over.
// Nobody is banned who is in [Never]: this host, its gateways and resolvers, and whoever the
// policy or the operator has said must get through.
//
// # Time
//
// Ends are times of CLOCK_BOOTTIME, which the kernel's program reads as well. So a wall
// clock that is set changes nothing. The file says when it was written by both clocks and in
// which boot: after a restart of the host the rest of each ban is found by the wall clock,
// and is never more than the ban was for.
package ban
