package network

import (
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// A Probe is a packet to send. Its fields are those of [wire.Probe]; the ID is chosen by
// the Network.
type Probe struct {
	// Flow should come from [Network.Flow]: answers to other source ports do not come
	// through. Without a Source it is the route's.
	wire.Flow
	TTL          uint8
	Size         int
	TOS          uint8
	DontFragment bool
	// Tag is handed back untouched.
	Tag any
}

// wire returns the packet with an ID.
func (p Probe) wire(id uint16) wire.Probe {
	return wire.Probe{Flow: p.Flow, TTL: p.TTL, ID: id, Size: p.Size, TOS: p.TOS, DontFragment: p.DontFragment}
}

// An Answer says what became of a probe.
type Answer struct {
	// Probe is as sent, with its Source.
	Probe
	// Sent is when the probe was given to the kernel, with a monotonic reading.
	Sent time.Time
	// Reply is nil if nobody answered within the timeout, or if Err is set.
	Reply *wire.Reply
	// RTT is 0 without a Reply.
	RTT time.Duration
	// Rewrites are what the reply shows to have changed on the way there. The way Queue
	// does not see that.
	Rewrites wire.Rewrites
	// Err says why it could not be sent after all, as by unix.ENETUNREACH, or
	// unix.EMSGSIZE if it is larger than the device's MTU.
	Err error
}
