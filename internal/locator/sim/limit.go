package sim

import "time"

// A Limit is a token bucket of a router for the ICMP errors it sends.
type Limit struct {
	// Every is the time in which one token grows.
	Every time.Duration
	// Burst is how many tokens there can be.
	Burst int

	tokens  time.Duration
	last    time.Time
	Refused int
}

// LinuxPeer returns Linux's limit per peer in IPv4: net.ipv4.icmp_ratelimit is
// 1000 ms, XRLIM_BURST_FACTOR 6 (net/ipv4/route.c and net/ipv4/inetpeer.c,
// inet_peer_xrlim_allow).
func LinuxPeer() *Limit { return &Limit{Every: time.Second, Burst: 6} }

// LinuxGlobal returns Linux's limit for all peers: net.ipv4.icmp_msgs_per_sec is
// 1000, icmp_msgs_burst 50 (net/ipv4/icmp.c, icmp_global_allow).
func LinuxGlobal() *Limit { return &Limit{Every: time.Millisecond, Burst: 50} }

// Allow takes a token if there is one. Calls are in the order of time.
func (l *Limit) Allow(now time.Time) bool {
	full := l.Every * time.Duration(l.Burst)
	if l.last.IsZero() {
		l.tokens = full
	} else {
		l.tokens = min(full, l.tokens+now.Sub(l.last))
	}
	l.last = now
	if l.tokens < l.Every {
		l.Refused++
		return false
	}
	l.tokens -= l.Every
	return true
}
