package judge

// An ASHop is a run of hops in one autonomous system.
type ASHop struct {
	AS   uint32
	Name string
	// First and Last are TTLs.
	First, Last uint8
}

// ASPath returns the autonomous systems that hops pass, which are in the order of their TTLs. What is
// unknown (private addresses, silent routers, addresses without an AS, exchanges) is
// left out, so that an AS with such hops within it is one.
func ASPath(hops []Hop) []ASHop {
	var path []ASHop
	for _, h := range hops {
		if h.AS == 0 || h.Exchange || ScopeOf(h.Addr) != Global {
			continue
		}
		if n := len(path); n > 0 && path[n-1].AS == h.AS {
			path[n-1].Last = h.TTL
			continue
		}
		path = append(path, ASHop{h.AS, h.ASName, h.TTL, h.TTL})
	}
	return path
}

// Blind returns the TTLs from the first hop on, up to the last, that nobody answered.
// Those within one AS of the path, with it on both sides, are not among them: they
// are in it.
func Blind(hops []Hop) []uint8 {
	var blind []uint8
	path := ASPath(hops)
	within := func(ttl uint8) bool {
		for _, as := range path {
			if as.First < ttl && ttl < as.Last {
				return true
			}
		}
		return false
	}
	next := uint8(1)
	for _, h := range hops {
		for ; next < h.TTL; next++ {
			if !within(next) {
				blind = append(blind, next)
			}
		}
		next = max(next, h.TTL+1)
	}
	return blind
}
