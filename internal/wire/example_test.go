package wire_test

import (
	"fmt"
	"net/netip"

	"github.com/packetscope/packetscope/internal/wire"
)

// A probe is remembered by its key. The router whose answer has that key is the third
// one on the path; here it quotes no more than it must.
func Example() {
	probe := wire.Probe{
		Flow: wire.Flow{
			Protocol:   wire.UDP,
			Source:     netip.MustParseAddr("192.0.2.10"),
			SourcePort: 43210,

			Destination:     netip.MustParseAddr("203.0.113.80"),
			DestinationPort: 33434,
		},
		TTL: 3,
		ID:  0x1234,
	}
	packet, err := probe.Append(nil) // for a raw socket with IP_HDRINCL
	if err != nil {
		fmt.Println(err)
		return
	}
	pending := map[wire.Key]wire.Probe{probe.Key(): probe}

	answer := expired(packet, netip.MustParseAddr("198.51.100.1"), 28)
	received := ipv4(1, 253, answer.from, answer.to, answer.message())
	reply, err := wire.ParseIPv4(received) // from a raw socket of ICMP
	if err != nil {
		fmt.Println(err) // nothing of ours: count it
		return
	}
	if asked, ok := pending[reply.Key()]; ok {
		fmt.Println("hop", asked.TTL, "is", reply.From, "and", wire.ReverseHops(reply.TTL), "hops away")
	}
	// Output: hop 3 is 198.51.100.1 and 3 hops away
}
