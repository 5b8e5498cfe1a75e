//go:build linux

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// A task is something that the client does again and again.
type task struct {
	// name is unique; that of a fault is part of its flag.
	name string
	// says is what happens, and what it shows.
	says string
	// fault is whether something goes wrong on purpose.
	fault bool
	// first is when the task runs for the first time, counted from the start.
	first time.Duration
	// every is the time between two runs. A task with 0 runs once: it changes
	// something that lasts.
	every time.Duration
	// packets and bytes are the most that one run sends, of both ends together,
	// answers, repetitions and headers included.
	packets, bytes int
	// run does it for the nth time, counted from 0.
	run func(r *round) error
}

// plan lists all tasks. The first runs are spread over the first seconds, so that
// nothing comes in step.
var plan []task

// The table refers to functions that log what the table says.
func init() {
	plan = []task{
		{name: "web", says: "Requests of 200 bytes, answers of 8 kB, a connection each (TCP 8080)",
			first: 0, every: 250 * time.Millisecond, packets: 40, bytes: 14_000, run: web},
		{name: "database", says: "Queries on a connection that stays open, answers of 200 bytes to 16 kB (TCP 5432)",
			first: 100 * time.Millisecond, every: 500 * time.Millisecond, packets: 60, bytes: 30_000, run: database},
		{name: "stream", says: "Transfers of 240 kB in small pieces (TCP 8443)",
			first: 200 * time.Millisecond, every: 2 * time.Second, packets: 700, bytes: 400_000, run: stream},
		{name: "lookup", says: "Five questions and answers (UDP 5353)",
			first: 50 * time.Millisecond, every: 500 * time.Millisecond, packets: 10, bytes: 2_000, run: lookup},
		{name: "ping", says: "Echo requests of ICMP and ICMPv6",
			first: 150 * time.Millisecond, every: time.Second, packets: 4, bytes: 500, run: ping},
		{name: "big-ping", says: "Echo requests of 4,000 bytes, which travel in fragments",
			first: 900 * time.Millisecond, every: 10 * time.Second, packets: 14, bytes: 20_000, run: bigPing},

		{name: "loss", says: "One in 20 packets of the streams is lost on arrival: retransmits, duplicate acknowledgements, segments out of order",
			fault: true, run: lose},
		{name: "shaper", says: "What the client sends waits for a token bucket of 20 Mbit/s: time in the queue of its device",
			fault: true, run: shape},
		{name: "slow-reader", says: "An application takes 200 ms to read what has arrived (TCP 6379)",
			fault: true, first: 300 * time.Millisecond, every: time.Second, packets: 16, bytes: 4_000, run: slowReader},
		{name: "zero-window", says: "An application does not read for two seconds, its receive buffer fills up and the window closes (TCP 7002)",
			fault: true, first: time.Second, every: 10 * time.Second, packets: 120, bytes: 120_000, run: zeroWindow},
		{name: "udp-overflow", says: "Bursts of datagrams for an application that reads too rarely: its receive buffer overflows (UDP 5514)",
			fault: true, first: 1200 * time.Millisecond, every: 5 * time.Second, packets: 64, bytes: 50_000, run: udpOverflow},
		{name: "accept-queue", says: "More connections than an application accepts: its accept queue overflows (TCP 7003)",
			fault: true, first: 1400 * time.Millisecond, every: 10 * time.Second, packets: 120, bytes: 10_000, run: acceptQueue},
		{name: "refused", says: "A connect to a port where nobody listens (TCP 7005)",
			fault: true, first: 1600 * time.Millisecond, every: 5 * time.Second, packets: 2, bytes: 150, run: refused},
		{name: "timeout", says: "A connect that a firewall swallows, with its repetitions (TCP 7004)",
			fault: true, first: 1800 * time.Millisecond, every: 15 * time.Second, packets: 4, bytes: 300, run: timeout},
		{name: "reset", says: "A server that resets the connection instead of closing it (TCP 7001)",
			fault: true, first: 2 * time.Second, every: 5 * time.Second, packets: 8, bytes: 800, run: reset},
		{name: "syn-flood", says: "Connects that never complete, until the server answers with SYN cookies (TCP 7006)",
			fault: true, first: 2200 * time.Millisecond, every: 20 * time.Second, packets: 80, bytes: 8_000, run: synFlood},
		{name: "challenge-ack", says: "A SYN in the middle of a connection, as of somebody who guesses (TCP 5432)",
			fault: true, first: 2400 * time.Millisecond, every: 10 * time.Second, packets: 3, bytes: 200, run: challengeAck},
		{name: "bad-checksum", says: "A TCP segment whose checksum is wrong",
			fault: true, first: 2600 * time.Millisecond, every: 10 * time.Second, packets: 1, bytes: 60, run: badChecksum},
		{name: "port-unreachable", says: "A datagram to a port where nobody listens, answered by ICMP (UDP 4000)",
			fault: true, first: 2800 * time.Millisecond, every: 3 * time.Second, packets: 2, bytes: 200, run: portUnreachable},
		{name: "policy", says: "Datagrams that a firewall rule of the server drops (UDP 9999)",
			fault: true, first: 3 * time.Second, every: 3 * time.Second, packets: 5, bytes: 500, run: policy},
		{name: "ttl-expired", says: "A packet to forward whose time to live is over, answered by ICMP",
			fault: true, first: 3200 * time.Millisecond, every: 5 * time.Second, packets: 2, bytes: 200, run: ttlExpired},
		{name: "no-route", says: "A packet to forward to where the server has no route, answered by ICMP, and one to where the client has none",
			fault: true, first: 3400 * time.Millisecond, every: 5 * time.Second, packets: 2, bytes: 200, run: noRoute},
		{name: "neighbor", says: "A packet to a neighbour that is not there and answers neither ARP nor neighbour discovery",
			fault: true, first: 3600 * time.Millisecond, every: 10 * time.Second, packets: 12, bytes: 600, run: neighbor},

		{name: "odd-flags", says: "TCP segments with flags that no connection has, as scanners send them (TCP 7005); Guarder's baseline drops them",
			fault: true, first: 3700 * time.Millisecond, every: 5 * time.Second, packets: 6, bytes: 400, run: oddFlags},
		{name: "probes", says: "Probes of Telnet, SMB, SQL Server and RDP, which Guarder's examples would drop",
			fault: true, first: 3800 * time.Millisecond, every: 3 * time.Second, packets: 8, bytes: 500, run: probes},
		{name: "port-scan", says: "A scan of 40 ports (TCP 1000 to 1039), which the demo's own policy would drop",
			fault: true, first: 3900 * time.Millisecond, every: 10 * time.Second, packets: 80, bytes: 5_000, run: portScan},
		{name: "broken-header", says: "A TCP segment whose header claims to be shorter than headers are, which Guarder cannot read",
			fault: true, first: 4100 * time.Millisecond, every: 5 * time.Second, packets: 1, bytes: 60, run: brokenHeader},
		{name: "forged-icmp", says: "An ICMP error about a packet that was never sent, to lower a path MTU; Guarder's policy against forged ICMP drops it",
			fault: true, first: 4300 * time.Millisecond, every: 5 * time.Second, packets: 1, bytes: 120, run: forgedTooBig},
		{name: "redirect", says: "An ICMP redirect from somebody who is no gateway; the same policy drops it",
			fault: true, first: 4400 * time.Millisecond, every: 10 * time.Second, packets: 1, bytes: 120, run: redirect},
		{name: "clock", says: "An ICMP request for the server's clock, which the demo's own policy drops",
			fault: true, first: 4500 * time.Millisecond, every: 5 * time.Second, packets: 2, bytes: 100, run: clock},
	}
}

// wanted returns the tasks without the faults that are switched off.
func wanted(tasks []task, faults map[string]*bool) []task {
	var on []task
	for _, t := range tasks {
		if flag := faults[t.name]; flag == nil || *flag {
			on = append(on, t)
		}
	}
	return on
}

// next returns which run of a task comes after the run last, -1 if there was none,
// and when it is due, counted from the start. A run that should have begun while
// the one before was under way is left out, not made up for, so that the rate stays
// bounded. There is no next run if ok is false.
func (t task) next(last int, elapsed time.Duration) (n int, due time.Duration, ok bool) {
	if last < 0 {
		return 0, t.first, true
	}
	if t.every == 0 {
		return 0, 0, false
	}
	n = max(last+1, int((elapsed-t.first+t.every-1)/t.every))
	return n, t.first + time.Duration(n)*t.every, true
}

// packetsPerSecond returns the most packets that the tasks send on average.
func packetsPerSecond(tasks []task) int {
	return perSecond(tasks, func(t task) int { return t.packets })
}

// bytesPerSecond returns the most bytes that the tasks send on average.
func bytesPerSecond(tasks []task) int { return perSecond(tasks, func(t task) int { return t.bytes }) }

func perSecond(tasks []task, amount func(task) int) int {
	sum := 0.0
	for _, t := range tasks {
		if t.every > 0 {
			sum += float64(amount(t)) / t.every.Seconds()
		}
	}
	return int(sum)
}

// printPlan writes a table with a line for each task and a last one for all.
func printPlan(w io.Writer, tasks []task) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "task\tkind\tevery\tpackets\tbytes\twhat")
	for _, t := range tasks {
		kind, every := "traffic", "once"
		if t.fault {
			kind = "fault"
		}
		if t.every > 0 {
			every = t.every.String()
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%d\t%d\t%s\n", t.name, kind, every, t.packets, t.bytes, t.says)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nAt most %d packets and %d bytes per second on average, both ends together.\n",
		packetsPerSecond(tasks), bytesPerSecond(tasks))
	return err
}
