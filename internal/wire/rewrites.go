package wire

import (
	"encoding/binary"
	"strings"
)

// Rewrites are fields of a probe that something on the way wrote anew, by bit.
type Rewrites uint8

// The fields. A checksum that differs while the source does not is the trace of a NAT
// that puts back the address in what errors quote and forgets the checksum (Dublin
// traceroute). Linux puts back both.
const (
	SourceRewritten Rewrites = 1 << iota
	TOSRewritten
	FragmentRewritten // the flag of Probe.DontFragment
	LengthRewritten
	LabelRewritten
	IDRewritten
	ChecksumRewritten
)

var rewriteNames = [...]string{"source", "tos", "fragment", "length", "label", "id", "checksum"}

// String returns the names of the fields with commas between, such as "source,checksum".
func (r Rewrites) String() string {
	var names []string
	for i, name := range rewriteNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// Rewritten compares a probe that was built by [Probe.Append] with what an answer
// quotes of it. It finds nothing in answers that quote nothing, and nothing of source
// and checksum if the probe has no source.
func (p Probe) Rewritten(q *Quoted) Rewrites {
	var r Rewrites
	note := func(differs bool, field Rewrites) {
		if differs {
			r |= field
		}
	}
	if q.Length == 0 {
		return 0
	}
	v6 := p.Destination.Is6()
	note(p.Source.IsValid() && p.Source.WithZone("") != q.Source, SourceRewritten)
	note(p.TOS != q.TOS, TOSRewritten)
	note(!v6 && p.DontFragment != q.DontFragment, FragmentRewritten)
	note(p.size() != q.Length, LengthRewritten)
	note(v6 && p.Label != q.Label, LabelRewritten)
	note(q.Disagree, IDRewritten)
	sum, ok := p.checksum()
	note(ok && q.HasChecksum && sum != q.Checksum, ChecksumRewritten)
	return r
}

// checksum returns that of the transport header, false if there is no such probe.
func (p Probe) checksum() (uint16, bool) {
	b, err := p.Append(nil)
	if err != nil {
		return 0, false
	}
	at := ipv6Header
	if p.Destination.Is4() {
		at = ipv4Header
	}
	switch p.Protocol {
	case ICMP:
		at += 2
	case UDP:
		at += 6
	case TCP:
		at += 16
	}
	return binary.BigEndian.Uint16(b[at:]), true
}
