package judge

import "net/netip"

// A Method says how a translator of addresses was noticed.
type Method string

// The methods.
const (
	// Quoted: routers quote probes with another source, port or checksum than they were
	// sent with. Linux restores all three in the quotes that it passes on, so its
	// translators are not noticed so.
	Quoted Method = "quoted"
	// Inferred: the host's address means nothing in the Internet, but the Internet
	// answers.
	Inferred Method = "inferred"
	// Carrier: a hop has an address of the space that is for translators of providers
	// (RFC 6598).
	Carrier Method = "carrier"
)

// A Quote is what a hop quotes of a probe.
type Quote struct {
	TTL  uint8
	Addr netip.Addr
	// Source, Port and Checksum are set if these of the probe are others in the quote.
	Source, Port, Checksum bool
}

func (q Quote) changed() bool { return q.Source || q.Port || q.Checksum }

// A Translator is somewhere behind the hop at After (0: behind the host) and not
// behind the hop at Before.
type Translator struct {
	After, Before uint8
	Method        Method
}

// NAT returns the translators between a host and a destination, the nearest first. Source
// is the address that the host sends from. Quotes are of one flow, in the order of their TTLs,
// without hops that answer nothing.
//
// That there is none can mean that none was noticed.
func NAT(source netip.Addr, quotes []Quote) []Translator {
	var found []Translator
	var last Quote // that is not changed
	for _, q := range quotes {
		if q.changed() {
			found = append(found, Translator{last.TTL, q.TTL, Quoted})
			break
		}
		last = q
	}
	return merge(found, infer(source, quotes))
}

// infer finds where the scope of addresses becomes wider.
func infer(source netip.Addr, quotes []Quote) []Translator {
	var found []Translator
	inside, after := ScopeOf(source), uint8(0)
	if inside != Private && inside != Shared {
		// Private addresses behind a global one are routers that save addresses.
		return nil
	}
	for _, q := range quotes {
		switch scope := ScopeOf(q.Addr); {
		case inside == Private && scope == Shared:
			found = append(found, Translator{after, q.TTL, Inferred})
			inside = Shared
		case scope == Global:
			method := Inferred
			if inside == Shared {
				method = Carrier
			}
			return append(found, Translator{after, q.TTL, method})
		}
		after = q.TTL
	}
	// No global hop answered: whether one translates further on is unknown.
	return found
}

// merge leaves out what was inferred if the quotes show it at the same place.
func merge(quoted, inferred []Translator) []Translator {
	for _, t := range inferred {
		same := len(quoted) > 0 && quoted[0].Method == Quoted && t.After < quoted[0].Before && quoted[0].After < t.Before
		if !same {
			quoted = append(quoted, t)
		}
	}
	if len(quoted) > 1 && quoted[0].Before > quoted[1].Before {
		quoted[0], quoted[1] = quoted[1], quoted[0]
	}
	return quoted
}
