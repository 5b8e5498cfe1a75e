package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/tracer"
)

const whyLocal, whyPeer = "192.0.2.1:40000", "198.51.100.7:443"

func whySocket(receive, transmit int) sockets.Socket {
	return sockets.Socket{
		Namespace: 7, Family: sockets.IPv4, Protocol: sockets.TCP, State: sockets.Established, Inode: 13, Cgroup: 77,
		Local: netip.MustParseAddrPort(whyLocal), Peer: netip.MustParseAddrPort(whyPeer), ReceiveQueue: receive, TransmitQueue: transmit,
	}
}

// An event of a packet, made up: after so many µs it is at a hook in some functions.
type madeEvent struct {
	after  time.Duration
	hook   tracer.Hook
	reason string
	stack  []string
}

// made returns the events of packet n.
func made(t *testing.T, n uint64, out bool, tcp layers.TCP, list ...madeEvent) (events []tracer.Event) {
	t.Helper()
	from, to := whyLocal, whyPeer
	if !out {
		from, to = to, from
	}
	frame := tcpFrame(t, from, to, tcp)
	for _, m := range list {
		context := tracer.Softirq
		if m.stack[1] == "do_syscall_64" {
			context = tracer.System
		}
		events = append(events, tracer.Event{
			Time: m.after * time.Microsecond, Packet: tracer.Identity{Head: n, First: 1}, Descriptor: n, Hook: m.hook, Reason: m.reason,
			Stack: m.stack, Context: context, Device: "eth0", Interface: 2, Namespace: 7, Length: len(frame), Frame: frame,
		})
	}
	return events
}

var (
	queued   = system("tcp_sendmsg", "ip_output", "ip_finish_output2", "__dev_queue_xmit")
	arrived  = softirq("process_backlog", "__netif_receive_skb_core")
	handled  = softirq("process_backlog", "ip_local_deliver_finish", "tcp_v4_rcv", "tcp_rcv_established")
	dequeued = softirq("net_tx_action", "__qdisc_run")
	data     = layers.TCP{ACK: true, PSH: true, Seq: 1, Window: 501}
)

// A whyCase is a connection before and after, and the packets between.
type whyCase struct {
	target        string // that of the socket if it is ""
	sockets, then []sockets.Socket
	before, after sockets.TCPInfo
	events        []tracer.Event
	lost          uint64
}

func whyCases(t *testing.T) map[string]whyCase {
	const ms = time.Millisecond
	quiet := []sockets.Socket{whySocket(0, 0)}
	good := sockets.TCPInfo{State: sockets.Established, RTT: 12 * ms, MinRTT: 10 * ms, SegmentsOut: 100, PeerWindow: 64000, OwnWindow: 64000, PeerWindowKnown: true, OwnWindowKnown: true}
	after := func(change func(*sockets.TCPInfo)) sockets.TCPInfo {
		info := good
		info.SegmentsOut += 2
		change(&info)
		return info
	}
	sent := func(n uint64, tcp layers.TCP) []tracer.Event {
		return made(t, n, true, tcp, madeEvent{10, "net_dev_queue", "", queued}, madeEvent{20, "net_dev_xmit", "", append(queued, "dev_hard_start_xmit")})
	}
	got := func(n uint64, tcp layers.TCP) []tracer.Event {
		return made(t, n, false, tcp, madeEvent{30, "netif_receive_skb", "", arrived}, madeEvent{40, "tcp_probe", "", handled})
	}
	join := func(lists ...[]tracer.Event) (all []tracer.Event) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	return map[string]whyCase{
		"well":  {sockets: quiet, then: quiet, before: good, after: after(func(*sockets.TCPInfo) {}), events: join(sent(1, data), got(2, data))},
		"quiet": {sockets: quiet, then: quiet, before: good, after: good},
		"dropped": {
			sockets: quiet, then: []sockets.Socket{whySocket(0, 100)}, before: good,
			after: after(func(i *sockets.TCPInfo) {
				i.Retransmitted, i.Unacked, i.Timeouts, i.Retransmission = 1, 1, 2, 800*ms
			}),
			events: join(
				made(t, 1, true, data, madeEvent{10, "kfree_skb", "NETFILTER_DROP", system("tcp_sendmsg", "__ip_local_out", "nf_hook_slow", "nft_do_chain", "sk_skb_reason_drop")}),
				made(t, 2, true, data, madeEvent{90, "kfree_skb", "NETFILTER_DROP", system("tcp_sendmsg", "__ip_local_out", "nf_hook_slow", "nft_do_chain", "sk_skb_reason_drop")}),
			),
		},
		"lost_beyond": {
			sockets: quiet, then: quiet, before: good,
			after: after(func(i *sockets.TCPInfo) {
				i.Retransmitted, i.Duplicates, i.RTT, i.Congestion, i.CongestionWindow = 2, 1, 400*ms, 4, 1
			}),
			events: join(sent(1, data), got(2, data)), lost: 0,
		},
		"peer_window": {
			sockets: []sockets.Socket{whySocket(0, 5000)}, then: []sockets.Socket{whySocket(0, 9000)}, before: good,
			after:  after(func(i *sockets.TCPInfo) { i.PeerWindow, i.Busy, i.WindowLimited = 0, 5000*ms, 4000*ms }),
			events: join(sent(1, data), got(2, data)),
		},
		"own_queue": {
			sockets: []sockets.Socket{whySocket(70000, 0)}, then: []sockets.Socket{whySocket(90000, 0)}, before: good,
			after:  after(func(i *sockets.TCPInfo) { i.OwnWindow = 0 }),
			events: got(1, data), lost: 3,
		},
		"slow_queue": {
			sockets: quiet, then: quiet, before: good, after: after(func(*sockets.TCPInfo) {}),
			events: join(made(t, 1, true, data, madeEvent{10, "qdisc_enqueue", "", queued}, madeEvent{45_000, "qdisc_dequeue", "", dequeued}), got(2, data)),
		},
		"slow_reader": {
			sockets: quiet, then: quiet, before: good, after: after(func(*sockets.TCPInfo) {}),
			events: made(t, 1, false, data, madeEvent{10, "tcp_probe", "", handled}, madeEvent{300_000, "skb_copy_datagram_iovec", "", system("tcp_recvmsg")}),
		},
		"no_answer": {target: whyPeer, events: join(sent(1, layers.TCP{SYN: true, Seq: 1}), sent(2, layers.TCP{SYN: true, Seq: 1}))},
		"refused":   {target: whyPeer, events: join(sent(1, layers.TCP{SYN: true, Seq: 1}), got(2, layers.TCP{RST: true, ACK: true, Ack: 2}))},
		"nobody":    {target: whyPeer},
		"gone": {
			sockets: quiet, before: good, events: join(sent(1, data), got(2, layers.TCP{RST: true, Seq: 5})),
		},
	}
}

func (c whyCase) world(t *testing.T, args ...string) *world {
	t.Helper()
	target := c.target
	if target == "" {
		target = "13"
	}
	f := &fakeTrace{events: c.events, counts: tracer.Counts{Seen: 50, Chosen: uint64(len(c.events)) + c.lost, Lost: c.lost}}
	w, config := newTraceWorld(f, append([]string{"why", "--duration=200ms", target}, args...)...)
	w.monotonic = func() time.Duration { return time.Second } // so that it took no time
	asked := 0
	w.sockets.listing = sockets.Listing{Sockets: c.sockets}
	w.env.tcpInfo = func(sockets.Socket) (sockets.TCPInfo, error) {
		if asked++; asked == 1 && c.sockets != nil {
			w.sockets.listing = sockets.Listing{Sockets: c.then}
			return c.before, nil
		}
		return c.after, nil
	}
	w.env.owners = func(wanted []owner.Socket) []owner.Owner {
		owners := make([]owner.Owner, len(wanted))
		for i, s := range wanted {
			if s.Inode == 13 {
				owners[i] = owner.Owner{PID: 4711, Process: "curl", Container: "fetch"}
			}
		}
		return owners
	}
	t.Cleanup(func() {
		if config.Filter != nil && !strings.Contains(config.Filter.String(), "host 198.51.100.7") {
			t.Errorf("filter %v", config.Filter)
		}
	})
	return w
}

// TestWhyAnswersInSentences has all answers in one file, to be read.
func TestWhyAnswersInSentences(t *testing.T) {
	cases := whyCases(t)
	var b strings.Builder
	for _, name := range []string{"well", "quiet", "dropped", "lost_beyond", "peer_window", "own_queue", "slow_queue", "slow_reader", "no_answer", "refused", "nobody", "gone"} {
		c, ok := cases[name]
		if !ok {
			t.Fatal(name)
		}
		delete(cases, name)
		w := c.world(t)
		if err := run(context.Background(), w.env); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.WriteString("== " + name + "\n" + w.stdout.String() + "\n")
	}
	if len(cases) != 0 {
		t.Errorf("not asked: %v", cases)
	}
	compareGolden(t, "trace_why.txt", b.String())
}

func TestWhyInJSON(t *testing.T) {
	w := whyCases(t)["own_queue"].world(t, "--json")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(w.stdout.String())) {
		t.Error("it is not JSON")
	}
	compareGolden(t, "trace_why.json", w.stdout.String())
}

func TestWhyFindsTheConnection(t *testing.T) {
	one, other := whySocket(0, 0), whySocket(9, 0)
	other.Inode, other.Local = 14, netip.MustParseAddrPort("192.0.2.1:40001")
	server := sockets.Socket{Namespace: 8, Protocol: sockets.TCP, State: sockets.Established, Inode: 15, Local: netip.MustParseAddrPort(whyPeer), Peer: netip.MustParseAddrPort("[::ffff:192.0.2.1]:40000")}
	listener := sockets.Socket{Protocol: sockets.TCP, State: sockets.Listen, Inode: 16, Local: netip.MustParseAddrPort("[::]:443"), Peer: netip.MustParseAddrPort("[::]:0")}
	owners := func(wanted []owner.Socket) []owner.Owner {
		found := make([]owner.Owner, len(wanted))
		for i, s := range wanted {
			switch s.Inode {
			case 13, 14:
				found[i].PID = 4711
			case 15:
				found[i].PID = 15 // the number of a process counts before that of a socket
			}
		}
		return found
	}
	for _, c := range []struct {
		target string
		all    []sockets.Socket
		want   uint64 // inode; 0 for none
		err    string
	}{
		{whyPeer, []sockets.Socket{listener, server, one}, 13, ""},
		{whyPeer, []sockets.Socket{listener, server}, 15, ""},
		{whyPeer, []sockets.Socket{listener}, 0, ""},
		{"192.0.2.1:40000", []sockets.Socket{listener, server, one}, 15, ""},
		{"14", []sockets.Socket{one, other, server}, 14, ""},
		{"15", []sockets.Socket{one, other, server}, 15, ""},
		{"4711", []sockets.Socket{one, server}, 13, ""},
		{"4711", []sockets.Socket{one, other, server}, 0, "4711 has 2 connections; name one by its inode:\n" +
			"  14: tcp 192.0.2.1:40001 > 198.51.100.7:443, established, 9 bytes to be read, 0 to be sent\n" +
			"  13: tcp 192.0.2.1:40000 > 198.51.100.7:443, established, 0 bytes to be read, 0 to be sent"},
		{"16", []sockets.Socket{one, listener}, 0, "neither does a process 16 have a connection, nor is there one with that inode (packetscope sockets --all-namespaces --processes lists them)"},
		{"here", nil, 0, `"here" is neither a destination as 192.0.2.1:443 or [2001:db8::1]:443, nor the number of a process or the inode of a socket (packetscope sockets --json --processes lists them)`},
		{"192.0.2.1:0", nil, 0, `"192.0.2.1:0": "0" is no port`},
	} {
		target, err := parseWhyTarget(context.Background(), c.target)
		var found *sockets.Socket
		if err == nil {
			found, err = target.choose(c.all, owners)
		}
		var inode uint64
		if found != nil {
			inode = found.Inode
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		if diff := cmp.Diff(c.err, text); inode != c.want || diff != "" {
			t.Errorf("%s: %d, want %d; error (-want +got):\n%s", c.target, inode, c.want, diff)
		}
	}
}

func TestWhySaysWhatKeepsItFromRunning(t *testing.T) {
	w := newWorld("trace", "why", "--duration=0s", "13")
	if err := run(context.Background(), w.env); err == nil || err.Error() != "--duration must be more than 0" {
		t.Errorf("error %v", err)
	}
	w = whyCases(t)["well"].world(t)
	w.openTracer = func(tracer.Config) (traceSession, error) { return nil, errors.New("broken") }
	if err := run(context.Background(), w.env); err == nil || err.Error() != "attach the tracer: broken" {
		t.Errorf("error %v", err)
	}
}
