package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/dropreason"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/tracer"
)

func fine(about, format string, args ...any) []whyFinding {
	return []whyFinding{{about, false, fmt.Sprintf(format, args...)}}
}

func trouble(about, format string, args ...any) []whyFinding {
	return []whyFinding{{about, true, fmt.Sprintf(format, args...)}}
}

// traffic says how much there was.
func (w *whyEvidence) traffic() []whyFinding {
	switch {
	case w.out.packets+w.in.packets == 0 && w.socket == nil:
		return fine("traffic", "No packet was seen: nobody on this host tried to reach it meanwhile.")
	case w.out.packets+w.in.packets == 0:
		return fine("traffic", "No packet was seen: neither side sends.")
	case w.in.packets == 0 && w.out.syns == w.out.packets:
		return trouble("traffic", "%s to connect (SYN) went out and nothing came back.", counted(w.out.packets, "attempt"))
	case w.in.packets == 0:
		return trouble("traffic", "%s went out and nothing came back.", counted(w.out.packets, "packet"))
	case w.out.packets == 0:
		return fine("traffic", "%s came in and nothing went out.", counted(w.in.packets, "packet"))
	}
	return fine("traffic", "%s went out and %d came in.", counted(w.out.packets, "packet"), w.in.packets)
}

// stops says where packets end that should not.
func (w *whyEvidence) stops() (list []whyFinding) {
	for _, d := range []struct {
		way string
		*whyDirection
	}{{"went out", &w.out}, {"came in", &w.in}} {
		for _, drop := range d.drops {
			text := fmt.Sprintf("Of %s that %s, %d stopped here: dropped %s: %s (%s).",
				counted(d.packets, "packet"), d.way, drop.packets, drop.where(), dropreason.Explain(drop.reason), drop.reason)
			if drop.harmless() {
				text += " Nobody misses such."
			}
			list = append(list, whyFinding{"stops", !drop.harmless(), text})
		}
	}
	if w.in.resets > 0 && w.out.syns > 0 {
		list = append(list, trouble("stops", "The other side refused by a reset (RST): nothing listens there, or a firewall answers for it.")...)
	} else if w.in.resets > 0 {
		list = append(list, trouble("stops", "The other side ended it by a reset (RST).")...)
	}
	if w.out.resets > 0 {
		list = append(list, trouble("stops", "This side ended it by a reset (RST).")...)
	}
	if len(list) == 0 && w.out.packets+w.in.packets > 0 {
		seen := ""
		if w.counts.Lost > 0 {
			seen = " seen to be"
		}
		list = fine("stops", "No packet of it was%s dropped on this host.", seen)
	}
	return list
}

// where says who dropped.
func (d whyDrop) where() string {
	text := "in " + d.function
	if d.place != "" {
		text = fmt.Sprintf("by %s in %s", d.place, d.function)
	}
	if d.device != "" {
		text += " at device " + printable(d.device)
	}
	if d.answer != "" {
		text += ", and the sender was told by " + d.answer
	}
	return text
}

// slowSeconds is from when on a step is called slow: as long as a round trip across a continent.
const slowSeconds = 0.02

// slowest says where packets spent most time on this host.
func (w *whyEvidence) slowest() []whyFinding {
	d, way := &w.out, "on the way out"
	step, median, times := d.slowest()
	if other, m, n := w.in.slowest(); m > median {
		d, way, step, median, times = &w.in, "on the way in", other, m, n
	}
	if times == 0 {
		return nil
	}
	all := d.steps[step]
	text := fmt.Sprintf("The slowest step %s took %s (median of %d, at most %s): %s.", way, shortDuration(median.Seconds()), times,
		shortDuration(all[len(all)-1].Seconds()), w.meaning(step))
	return []whyFinding{{"slowest", median.Seconds() >= slowSeconds, text}}
}

// meaning says what a packet does in a step.
func (w *whyEvidence) meaning(s whyStep) string {
	device := ""
	if s.device != "" {
		device = " of " + printable(s.device)
	}
	switch {
	case s.to == "skb_copy_datagram_iovec":
		return fmt.Sprintf("it waits in the receive buffer until %s reads", w.reader(s))
	case s.to == "qdisc_dequeue", s.from == "qdisc_enqueue":
		return "it waits in the queue" + device
	case s.from == "net_dev_queue" && s.to == "net_dev_start_xmit" && s.waits:
		return "it waits in the queue" + device
	case (s.from == "netif_rx" || s.from == "net_dev_xmit") && s.to == "netif_receive_skb":
		return "it waits until its CPU takes up what was received (softirq)"
	case (s.from == "net_dev_start_xmit" || s.from == "net_dev_xmit") && s.to == "consume_skb":
		return "the device" + device + " takes its time to send"
	case s.waits:
		return fmt.Sprintf("it waits between %s and %s", s.from, s.to)
	}
	return fmt.Sprintf("between %s and %s in %s", s.from, s.to, s.in)
}

// reader names who is to read: the other end may be on this host too, and what is read there
// is not of the program whose connection it is.
func (w *whyEvidence) reader(s whyStep) string {
	if _, incoming := w.in.steps[s]; incoming {
		return w.program()
	}
	return "the other side, which is on this host,"
}

// grown returns by how much a counter grew.
func grown[N uint32 | uint64](before, after N) N {
	if after < before {
		return 0
	}
	return after - before
}

// resent says what was sent once more.
func (w *whyEvidence) resent() []whyFinding {
	if w.after == nil || w.before == nil {
		if w.out.retransmits > 0 {
			return trouble("retransmits", "%s sent once more, as no acknowledgement came.", was(w.out.retransmits))
		}
		return nil
	}
	again, out := grown(w.before.Retransmitted, w.after.Retransmitted), grown(w.before.SegmentsOut, w.after.SegmentsOut)
	var parts []string
	if again > 0 {
		parts = append(parts, fmt.Sprintf("Of %s, %s sent once more.", counted(int(out), "segment"), was(int(again))))
	}
	if w.after.Timeouts > 0 && w.after.Unacked > 0 {
		parts = append(parts, fmt.Sprintf("What was sent last is not acknowledged: the timer went off %s, and the next attempt comes after %s.",
			counted(int(w.after.Timeouts), "time"), shortDuration(w.after.Retransmission.Seconds())))
	}
	if needless := grown(w.before.Duplicates, w.after.Duplicates); needless > 0 {
		parts = append(parts, fmt.Sprintf("Of these the peer had %d already: the acknowledgement was late or lost.", needless))
	}
	if len(parts) == 0 {
		return fine("retransmits", "Nothing had to be sent once more.")
	}
	if where := w.lostWhere(); where != "" {
		parts = append(parts, where)
	}
	return trouble("retransmits", "%s", strings.Join(parts, " "))
}

// lostWhere says on which side of this host's devices packets are lost.
func (w *whyEvidence) lostWhere() string {
	switch {
	case w.out.missed() > 0 || w.in.missed() > 0:
		return "Packets are lost on this host, as said above."
	case w.counts.Lost > 0:
		return ""
	case w.after != nil && w.after.PeerWindowKnown && w.after.PeerWindow == 0:
		return "" // probes of a closed window
	}
	return "No packet was dropped on this host: they, or their acknowledgements, are lost beyond it."
}

func was(n int) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

// windows says which side keeps the other from sending.
func (w *whyEvidence) windows() (list []whyFinding) {
	if w.after == nil {
		return nil
	}
	a := w.after
	if a.PeerWindowKnown && a.PeerWindow == 0 && w.connected() {
		list = append(list, trouble("window", "The peer's window is closed: it takes nothing more, because its program does not read. %d bytes wait here.", w.waiting())...)
	}
	if a.OwnWindowKnown && a.OwnWindow == 0 && w.connected() {
		list = append(list, trouble("window", "The own window is closed: this side takes nothing more, because %s does not read.", w.program())...)
	}
	if w.before == nil {
		return list
	}
	busy := a.Busy - w.before.Busy
	if limited := a.WindowLimited - w.before.WindowLimited; limited > busy/2 && limited > w.took/10 {
		list = append(list, trouble("window", "For %s the peer's window was all that kept this side from sending.", shortDuration(limited.Seconds()))...)
	}
	if limited := a.BufferLimited - w.before.BufferLimited; limited > busy/2 && limited > w.took/10 {
		list = append(list, trouble("window", "For %s the send buffer (SO_SNDBUF, net.ipv4.tcp_wmem) was too small for this path.", shortDuration(limited.Seconds()))...)
	}
	if a.Congestion == 4 || a.Congestion == 3 {
		list = append(list, trouble("window", "Congestion control is recovering from loss: %s may be under way.", counted(int(a.CongestionWindow), "segment"))...)
	}
	return list
}

func (w *whyEvidence) connected() bool {
	return w.after.State == sockets.Established || w.after.State == sockets.CloseWait
}

// waiting is how many bytes wait to be sent or acknowledged.
func (w *whyEvidence) waiting() int {
	if w.later != nil {
		return w.later.TransmitQueue
	}
	return int(w.after.NotSent)
}

// queues says what waits for a program or for the peer.
func (w *whyEvidence) queues() (list []whyFinding) {
	switch {
	case w.socket != nil && w.later == nil:
		return fine("queue", "The connection is gone by now.")
	case w.later == nil:
		return nil
	}
	before := w.later
	if w.socket != nil {
		before = w.socket
	}
	if n := w.later.ReceiveQueue; n > 0 && before.ReceiveQueue > 0 {
		list = append(list, trouble("queue", "%d bytes wait to be read by %s, %d at the beginning.", n, w.program(), before.ReceiveQueue)...)
	} else if n > 0 {
		list = append(list, fine("queue", "%d bytes wait to be read by %s.", n, w.program())...)
	}
	if n := w.later.TransmitQueue; n > 0 {
		list = append(list, whyFinding{"queue", before.TransmitQueue > 0 && before != w.later, fmt.Sprintf("%d bytes wait to be sent or acknowledged, %d at the beginning.", n, before.TransmitQueue)})
	}
	return list
}

// roundTrip compares the time with the least there was.
func (w *whyEvidence) roundTrip() []whyFinding {
	if w.after == nil || w.after.RTT == 0 || w.out.packets+w.in.packets == 0 {
		return nil
	}
	a := w.after
	text := fmt.Sprintf("A round trip takes %s", shortDuration(a.RTT.Seconds()))
	if a.MinRTT > 0 {
		text += fmt.Sprintf(", %s at best", shortDuration(a.MinRTT.Seconds()))
	}
	// What is less than that is the delay of acknowledgements.
	const delayed = 50 * time.Millisecond
	if a.MinRTT > 0 && a.RTT > 4*a.MinRTT && a.RTT > delayed {
		return trouble("round_trip", "%s: queues on the path are full, or the peer is slow to acknowledge.", text)
	}
	return fine("round_trip", "%s.", text)
}

// complete says what was not seen.
func (w *whyEvidence) complete() (list []whyFinding) {
	if w.counts.Lost > 0 {
		list = append(list, trouble("complete", "%d of %d events were lost, as they were not read in time: some of this is a guess.", w.counts.Lost, w.counts.Chosen)...)
	}
	if w.out.packets+w.in.packets >= mostWhyPackets {
		list = append(list, fine("complete", "Only the first %d packets were looked at.", mostWhyPackets)...)
	}
	if w.socket != nil && w.socket.Protocol == sockets.TCP && (w.before == nil || w.after == nil && w.later != nil) {
		list = append(list, fine("complete", "The kernel did not tell its own counters of the connection (TCP_INFO).")...)
	}
	return list
}

// next says what to look at: what is nearest to the cause counts.
func (w *whyEvidence) next() []whyFinding {
	for i, d := range slices.Concat(w.out.drops, w.in.drops) {
		if d.harmless() {
			continue
		}
		if advice := w.adviceOnDrop(d, i < len(w.out.drops)); advice != "" {
			return fine("next", "Next: %s", advice)
		}
	}
	step, median, _ := w.out.slowest()
	if other, m, _ := w.in.slowest(); m > median {
		step, median = other, m
	}
	unread := w.later != nil && w.socket != nil && w.later.ReceiveQueue > 0 && w.socket.ReceiveQueue > 0
	switch {
	case w.after != nil && w.after.PeerWindowKnown && w.after.PeerWindow == 0 && w.connected():
		return fine("next", "Next: look at the program on the other side: what keeps it from reading.")
	case unread, w.after != nil && w.after.OwnWindowKnown && w.after.OwnWindow == 0 && w.connected():
		return fine("next", "Next: see what %s does instead of reading: %s.", w.program(), w.straceText())
	case w.in.resets > 0 && w.out.syns == 0, w.out.resets > 0:
		return fine("next", "Next: see why that side ended it: its program's log, and firewalls on the way.")
	case w.in.resets > 0:
		return fine("next", "Next: see whether something listens there (packetscope sockets --listen on that host), and its firewall.")
	case w.out.packets > 0 && w.in.packets == 0, w.resentMany():
		return fine("next", "Next: look at the path: packetscope locate %s.", w.locateText())
	case median.Seconds() >= slowSeconds && step.to == "qdisc_dequeue":
		return fine("next", "Next: look at the queue: tc -s qdisc show dev %s.", printable(step.device))
	case median.Seconds() >= slowSeconds && step.to == tracer.Hook("skb_copy_datagram_iovec"):
		return fine("next", "Next: see what %s does instead of reading.", w.reader(step))
	case w.out.packets+w.in.packets == 0 && w.socket == nil:
		return fine("next", "Next: connect while this looks, or look for longer (--duration).")
	case w.out.packets+w.in.packets == 0:
		return fine("next", "Next: see what %s waits for, or look for longer (--duration).", w.program())
	}
	return fine("next", "Nothing here is wrong: the network and this host do what they should. Look at what the programs on both sides do.")
}

func (w *whyEvidence) resentMany() bool {
	return w.out.retransmits > 0 || w.before != nil && w.after != nil && w.after.Retransmitted > w.before.Retransmitted
}

func (w *whyEvidence) straceText() string {
	if w.owner.PID == 0 {
		return "packetscope sockets --processes names it"
	}
	return fmt.Sprintf("strace -fp %d, or its load in top", w.owner.PID)
}

func (w *whyEvidence) locateText() string {
	to := w.target.text
	if w.socket != nil {
		to = unmapped(w.socket.Peer).String()
	}
	return "tcp://" + to
}

// adviceOnDrop says what to look at, "" if the reason tells all there is. What went out and is
// dropped where it comes in has the program on the other side for a reader.
func (w *whyEvidence) adviceOnDrop(d whyDrop, out bool) string {
	switch {
	case strings.HasPrefix(d.place, "netfilter"):
		hook := strings.TrimPrefix(strings.TrimPrefix(d.place, "netfilter"), " ")
		if hook != "" {
			hook = " of hook " + hook
		}
		return fmt.Sprintf("read the rules%s (nft list ruleset, iptables-save -c) in the network namespace of the device.", hook)
	case d.place == "xdp":
		return "see which XDP program is attached (ip link show), such as Guarder's: packetscope guard status."
	case strings.HasPrefix(d.place, "tc "):
		return fmt.Sprintf("see the filters of the device: tc filter show dev %s ingress, and egress.", printable(d.device))
	}
	switch d.reason {
	case "SOCKET_RCVBUFF", "UDP_RCVBUFF", "SOCKET_BACKLOG", "TCP_ZEROWINDOW", "TCP_RCVQ_FULL", "PROTO_MEM":
		reader := fmt.Sprintf("%s does instead of reading (%s)", w.program(), w.straceText())
		if out {
			reader = "the program on the other side, which is on this host, does instead of reading"
		}
		return fmt.Sprintf("the receive buffer is full: see what %s, then whether SO_RCVBUF and net.core.rmem_max are too small.", reader)
	case "NO_SOCKET":
		return "nobody listens on that port: packetscope sockets --listen."
	case "QDISC_DROP", "QDISC_CONGESTED", "FULL_RING":
		return fmt.Sprintf("the queue of the device is full: tc -s qdisc show dev %s.", printable(d.device))
	case "TCP_LISTEN_OVERFLOW":
		return "the program does not accept connections fast enough: see its backlog (packetscope sockets --listen), and net.core.somaxconn."
	case "IP_OUTNOROUTES", "IP_INNOROUTES":
		return "read the routes: ip route get ADDRESS."
	case "NEIGH_FAILED", "NEIGH_QUEUEFULL", "NEIGH_CREATEFAIL":
		return "the next hop does not answer: ip neighbour show."
	}
	return ""
}
