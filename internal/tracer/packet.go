package tracer

import (
	"slices"
	"strings"
	"time"
)

// A Packet is the events of one packet, in the order of time.
type Packet struct {
	// Number counts the packets of a trace from 1.
	Number   int
	Identity Identity
	Events   []Event
	// Again says that it was given away before, and these events came later; see [Live].
	Again bool
}

// Packets joins events into packets. The zero value is ready.
type Packets struct {
	byIdentity map[Identity]*Packet
	list       []*Packet
}

// Add adds an event and returns its packet, which stays valid and grows.
func (p *Packets) Add(e Event) *Packet {
	if p.byIdentity == nil {
		p.byIdentity = make(map[Identity]*Packet)
	}
	packet := p.byIdentity[e.Packet]
	if packet == nil {
		packet = &Packet{Number: len(p.list) + 1, Identity: e.Packet}
		p.byIdentity[e.Packet] = packet
		p.list = append(p.list, packet)
	}
	packet.insert(e)
	return packet
}

// insert keeps the order of time: the ring buffer has that of reservation, by all CPUs.
func (p *Packet) insert(e Event) {
	at := len(p.Events)
	for at > 0 && p.Events[at-1].Time > e.Time {
		at--
	}
	p.Events = append(p.Events, Event{})
	copy(p.Events[at+1:], p.Events[at:])
	p.Events[at] = e
}

// List returns the packets, in the order in which they were seen first.
func (p *Packets) List() []*Packet { return p.list }

// Duration is the time from the first event to the last.
func (p *Packet) Duration() time.Duration {
	return p.Events[len(p.Events)-1].Time - p.Events[0].Time
}

// A Fate is what became of a packet, as far as it was seen.
type Fate string

// The fates.
const (
	// Dropped is with a reason.
	Dropped Fate = "dropped"
	// Delivered is to a socket, whose owner read it.
	Delivered Fate = "delivered"
	// Queued is to a socket of UDP, whose owner was told: that it was read, newer kernels do not
	// tell.
	Queued Fate = "queued"
	// Sent is by a device.
	Sent Fate = "sent"
	// Consumed is by the kernel itself, as an answer to it is.
	Consumed Fate = "consumed"
	// Merged is into another packet, as fragments are when they are put together.
	Merged Fate = "merged"
	// Unseen is what was not seen again: the kernel does not tell how most packets end that
	// are well received.
	Unseen Fate = "not seen again"
)

// Fate returns what became of the packet, and the event that tells it. What a socket's owner
// read is delivered, though what the socket keeps of it is purged later. What a tap makes of its
// clone is not the packet's.
func (p *Packet) Fate() (Fate, Event) {
	main := p.main()
	var ends []Event // tracepoints: functions go on to free what has met its fate
	for _, e := range p.Events {
		if e.Hook != FunctionHook && !(e.tapped() && e.Descriptor != main) {
			ends = append(ends, e)
		}
	}
	if fate, e := p.end(main); fate != Unseen {
		return fate, e
	}
	last := p.Events[len(p.Events)-1]
	if len(ends) == 0 {
		return Unseen, last
	}
	woken := slices.IndexFunc(ends, func(e Event) bool { return e.Hook == wakes })
	switch e := ends[len(ends)-1]; {
	case woken >= 0 && (e.Hook == "consume_skb" || e.inAnother()):
		return Delivered, e // it left the queue, and was not given up
	case woken >= 0 && e.Hook != "kfree_skb":
		return Queued, ends[woken] // what another CPU told of before may come behind
	case e.Hook == "net_dev_xmit" && !e.taken():
		return Unseen, last
	case e.Hook == "net_dev_xmit", e.Hook == "net_dev_start_xmit":
		return Sent, e
	case e.Hook == "consume_skb", e.inAnother():
		if len(ends) > 1 && ends[len(ends)-2].Hook == "net_dev_xmit" {
			return Sent, e
		}
		if e.received() {
			return Delivered, e
		}
		if slices.ContainsFunc(e.Stack, func(f string) bool { return strings.HasPrefix(f, "inet_frag_reasm_") }) {
			return Merged, e
		}
		return Consumed, e
	case e.Hook == "kfree_skb":
		return Dropped, e
	}
	return Unseen, last
}

// purged tells whether the packet stood in a queue that was given up, as one of a socket that is
// closed; inAnother, whether it was freed as a part of another packet, as fragments are. Before
// Linux 6.3 neither has a reason.
func (e Event) purged() bool {
	return e.Reason == "QUEUE_PURGE" || e.Reason == "NOT_SPECIFIED" && e.Function() == "sk_stream_kill_queues"
}

func (e Event) inAnother() bool {
	return e.Hook == "kfree_skb" && e.Reason == "NOT_SPECIFIED" && slices.Contains(e.Stack, "skb_release_data")
}

// taken tells whether a driver took the packet, by what it returned: an error, and NET_XMIT_DROP
// and NETDEV_TX_BUSY, say that it did not. NET_XMIT_CN is of a device that is full soon.
func (e Event) taken() bool { return e.Value == 0 || e.Value == 2 }

// end finds an event that is the end whatever comes behind it.
func (p *Packet) end(main uint64) (Fate, Event) {
	goesOn := false // the packet itself, when a clone is dropped
	for i := len(p.Events) - 1; i >= 0; i-- {
		switch e := p.Events[i]; {
		case e.Hook == "skb_copy_datagram_iovec" && !e.tapped(), e.Func == "skb_consume_udp":
			return Delivered, e
		case e.Hook == "kfree_skb" && !e.purged() && !e.inAnother() && (e.Descriptor == main || !goesOn):
			return Dropped, e
		}
		goesOn = goesOn || p.Events[i].Descriptor == main
	}
	return Unseen, Event{}
}

// ending are tracepoints that a packet does not go on from.
var ending = map[Hook]bool{"skb_copy_datagram_iovec": true, "consume_skb": true, "kfree_skb": true, "udp_fail_queue_rcv_skb": true, wakes: true}

// main returns the descriptor that was the last one on the way; clones for others, as taps are,
// are seen where they end alone.
func (p *Packet) main() uint64 {
	for i := len(p.Events) - 1; i >= 0; i-- {
		if e := p.Events[i]; e.Hook != FunctionHook && !ending[e.Hook] {
			return e.Descriptor
		}
	}
	return p.Events[len(p.Events)-1].Descriptor
}

// tapped tells whether the packet is at a packet socket.
func (e Event) tapped() bool { return e.Family == packetFamily }

const packetFamily = 17 // AF_PACKET

// received tells whether the owner of a socket was reading when it happened. Linux 6.1 frees a
// datagram that was read where the tracepoint sees it; newer ones where it does not.
func (e Event) received() bool {
	return e.Context == System && slices.ContainsFunc(e.Stack, func(f string) bool { return strings.HasSuffix(f, "_recvmsg") })
}

// freeing are functions that free a packet for the one that calls them.
var freeing = map[string]bool{
	"kfree_skb": true, "__kfree_skb": true, "kfree_skb_reason": true, "sk_skb_reason_drop": true, "consume_skb": true,
	"kfree_skb_list_reason": true, "skb_free_datagram": true, "__skb_free_datagram_locked": true, "napi_consume_skb": true,
	"dev_kfree_skb_any_reason": true, "dev_kfree_skb_irq_reason": true, "__dev_kfree_skb_any": true,
}

// Function returns that in which the event was: the innermost one that is about the packet, and
// does not only free it. Without a stack it is the name of the hook.
func (e Event) Function() string {
	stack := e.calls()
	for i := len(stack) - 1; i >= 0; i-- {
		if !freeing[stack[i]] {
			return stack[i]
		}
	}
	return string(e.Hook)
}
