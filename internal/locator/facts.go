package locator

import (
	"maps"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/wire"
)

// facts are what hops tell of themselves beside their times. They are the same for all
// destinations, as probes to one serve others too.
type facts struct {
	hops  map[hopKey]fact
	swept time.Time
}

type hopKey struct {
	addr netip.Addr
	ttl  uint8
}

// fact is what the newest answer of a hop told.
type fact struct {
	at        time.Time
	labels    []wire.Label
	device    string
	reverse   int
	rewritten wire.Rewrites
	quotedTTL uint8
}

// mostFacts bounds them: anybody can answer.
const mostFacts = 8192

func newFacts() facts { return facts{hops: make(map[hopKey]fact)} }

// note keeps what an answer tells.
func (f *facts) note(a network.Answer) {
	key := hopKey{a.Reply.From, a.TTL}
	if _, known := f.hops[key]; !known && len(f.hops) >= mostFacts {
		return
	}
	new := fact{
		at: a.Sent, labels: a.Reply.Extensions.MPLS, reverse: wire.ReverseHops(a.Reply.TTL),
		rewritten: a.Rewrites, quotedTTL: a.Reply.Quoted.TTL,
	}
	for _, i := range a.Reply.Extensions.Interfaces {
		if i.Role == wire.Incoming && i.Name != "" {
			new.device = i.Name
		}
	}
	f.hops[key] = new
}

func (f *facts) of(addr netip.Addr, ttl uint8) fact { return f.hops[hopKey{addr, ttl}] }

// sweep drops what is older than the hops that are shown.
func (f *facts) sweep(now time.Time) {
	if now.Sub(f.swept) < forgetAfter/4 {
		return
	}
	f.swept = now
	maps.DeleteFunc(f.hops, func(_ hopKey, known fact) bool { return now.Sub(known.at) > forgetAfter })
}
