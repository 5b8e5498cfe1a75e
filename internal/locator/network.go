package locator

import (
	"net/netip"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/wire"
)

// A Network sends probes and tells what became of each. It is a [network.Network], or
// what a test puts in its place.
type Network interface {
	// Flow returns the nth flow to a destination, always the same one.
	Flow(p wire.Protocol, dest netip.Addr, port uint16, n int) wire.Flow
	// Send sends a probe. If it returns nil, one answer follows, though it be that
	// nobody answered in time.
	Send(network.Probe) error
	Answers() <-chan network.Answer
	// Source returns the address that packets to a destination are sent from, and the
	// MTU of their device.
	Source(dest netip.Addr) (netip.Addr, int, error)
	Stats() network.Stats
}
