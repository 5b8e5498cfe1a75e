//go:build kernel && linux

package stack

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/testnet"
)

func TestTCPTroubleIsCountedWhereItBelongs(t *testing.T) {
	oncePerKernel(t)
	n := testnet.New(t)
	e := open(t, n.Left, tcpAlone())
	setSysctl(t, n.Left, "tcp_syn_linear_timeouts", "0") // Linux 6.5
	setSysctl(t, n.Left, "tcp_synack_retries", "0")
	for _, ns := range []*testnet.Namespace{n.Left, n.Right} {
		ns.OneSegmentEach(t)
		setSysctl(t, ns, "tcp_rmem", "4096 65536 65536") // a window that can be filled
		setSysctl(t, ns, "tcp_autocorking", "0")         // each write is a segment
	}
	w := newWitness(t)
	run := func(name string, check func(testing.TB)) {
		t.Run(name, func(t *testing.T) { w.repeat(t, n, check) })
	}
	for _, f := range testnet.Families {
		for name, check := range map[string]func(testing.TB, *testnet.Net, *lab, testnet.Family){
			"local zero window":      checkLocalZeroWindow,
			"peer zero window":       checkPeerZeroWindow,
			"zero window to the end": checkEndlessZeroWindow,
			"one segment lost":       checkOneLoss,
			"last segment lost":      checkTimers,
			"out of order":           checkOutOfOrder,
			"connect times out":      checkTimeout,
			"connect is given up":    checkAborted,
			"connect is rejected":    checkUnreachable,
		} {
			run(name+" "+f.String(), func(t testing.TB) { check(t, n, e, f) })
		}
	}
	for name, check := range map[string]func(testing.TB, *testnet.Net, *lab){
		"flood":                checkFlood,
		"full accept queue":    checkAcceptQueue,
		"wrong checksums":      checkBadChecksums,
		"challenge":            checkChallenge,
		"slow passive connect": checkSlowPassive,
	} {
		run(name, func(t testing.TB) { check(t, n, e) })
	}
}

func checkLocalZeroWindow(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	checkZeroWindow(t, n, e, f, "local")
}

func checkPeerZeroWindow(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	checkZeroWindow(t, n, e, f, "peer")
}

// checkZeroWindow lets one side not read, and then read in pieces that let the window
// open and shut again. The kernel of that side counts how often it shut.
func checkZeroWindow(t testing.TB, n *testnet.Net, e *lab, f testnet.Family, side string) {
	const size, pause = 2_000_003, 120 * time.Millisecond
	reader, writer := n.Left, n.Right
	if side == "peer" {
		reader, writer = n.Right, n.Left
	}
	p, err := testnet.NewTCPPair(writer, reader, f)
	must(t, err)
	defer p.Close()
	shut := netstat(t, reader, "TCPToZeroWindowAdv")
	before := e.tcpNow(t).ZeroWindowTimes[side]
	start := time.Now()
	got := e.during(t, func() {
		written := make(chan error, 1)
		go func() {
			_, err := io.CopyN(p.Client, zeros{}, size)
			written <- err
		}()
		eventually(t, func() bool { return netstat(t, reader, "TCPToZeroWindowAdv") > shut })
		time.Sleep(pause) // is the load
		_, err := io.CopyN(io.Discard, p.Server, size)
		must(t, err)
		must(t, <-written)
		// What is seen when the next segment comes, or the next read.
		for _, c := range []struct{ to, from *net.TCPConn }{{p.Server, p.Client}, {p.Client, p.Server}} {
			_, err = c.from.Write([]byte("x"))
			must(t, err)
			_, err = c.to.Read(make([]byte, 1))
			must(t, err)
		}
	})
	times := netstat(t, reader, "TCPToZeroWindowAdv") - shut
	if times == 0 {
		t.Fatal("the window never shut")
	}
	var repeated uint64
	if writer == n.Left {
		repeated = uint64(tcpInfo(t, p.Client).Total_retrans)
	}
	if got := got.takeRetransmits(f); got != repeated {
		t.Errorf("%d segments sent again, the socket says %d", got, repeated)
	}
	got.takeRecovery()
	got.want(t, health{"zero window " + side: times, "zero window timed " + side: times})
	h := e.tcpNow(t).ZeroWindowTimes[side].without(before)
	if least, most := pause.Seconds(), time.Since(start).Seconds(); h.SumSeconds < least || h.SumSeconds > most {
		t.Errorf("the window was shut for %v s, want %v to %v", h.SumSeconds, least, most)
	}
}

// checkEndlessZeroWindow ends a connection while the window is shut.
func checkEndlessZeroWindow(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	p, err := testnet.NewTCPPair(n.Left, n.Right, f)
	must(t, err)
	defer p.Close()
	shut := netstat(t, n.Right, "TCPToZeroWindowAdv")
	got := e.during(t, func() {
		written := make(chan error, 1)
		go func() {
			_, err := io.CopyN(p.Client, zeros{}, 1<<30)
			written <- err
		}()
		eventually(t, func() bool { return netstat(t, n.Right, "TCPToZeroWindowAdv") > shut })
		must(t, p.Server.SetLinger(0))
		must(t, p.Server.Close())
		if err := <-written; err == nil {
			t.Error("all was written and nothing read")
		}
	})
	got.takeRetransmits(f)
	got.takeRecovery()
	got.want(t, health{
		"zero window peer":                  netstat(t, n.Right, "TCPToZeroWindowAdv") - shut,
		"zero window timed peer":            1,
		fmt.Sprintf("reset %v receive ", f): 1,
	})
}

// trail is how many segments follow the one that is lost: enough for the sender to take it
// for lost, whatever it thinks of reordering.
const trail = 5

// loseFirst sends a segment that does not arrive and some that do. It returns how many
// the receiver got out of order; which of them come before the lost one is sent again
// is up to the sender.
func loseFirst(t testing.TB, src, dst *testnet.Namespace, f testnet.Family) uint64 {
	t.Helper()
	const lost = 13
	p, err := testnet.NewTCPPair(src, dst, f)
	must(t, err)
	defer p.Close()
	header := uint32(ipHeader(f)) + 32 // with timestamps
	d := dst.DropFirst(t, testnet.ToPort, serverPort(p), header+lost)
	defer d.Stop(t)
	for size := range trail + 1 {
		_, err := p.Client.Write(make([]byte, lost+size))
		must(t, err)
	}
	_, err = io.CopyN(io.Discard, p.Server, (trail+1)*lost+trail*(trail+1)/2)
	must(t, err)
	if got := d.Packets(t); got != 1 {
		t.Errorf("%d segments dropped, want 1", got)
	}
	ahead := uint64(tcpInfo(t, p.Server).Rcv_ooopack)
	if ahead < 1 || ahead > trail {
		t.Errorf("%d segments out of order, want 1 to %d", ahead, trail)
	}
	return ahead
}

func checkOneLoss(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	var ahead uint64
	got := e.during(t, func() { ahead = loseFirst(t, n.Left, n.Right, f) })
	delete(got, "congestion disorder") // left out if the first duplicate is enough
	got.want(t, health{
		fmt.Sprintf("connect %v active established", f): 1,
		fmt.Sprintf("retransmit %v fast", f):            1,
		fmt.Sprintf("duplicate acks %v", f):             ahead,
		"congestion recovery":                           1,
		"congestion open":                               1,
	})
}

func checkOutOfOrder(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	var ahead uint64
	e.during(t, func() { ahead = loseFirst(t, n.Right, n.Left, f) }).want(t, health{
		fmt.Sprintf("connect %v passive established", f): 1,
		"out of order": ahead,
	})
}

// checkFlood sends more requests than a short backlog holds. The others are answered
// with cookies.
func checkFlood(t testing.TB, n *testnet.Net, e *lab) {
	const backlog, requests = 5, 31
	setSysctl(t, n.Left, "tcp_syncookies", "1")
	port := listen(t, n.Left, backlog)
	d := n.Right.DropTCP(t, testnet.FromPort, port) // or the sender's kernel would reset
	defer d.Stop(t)
	var flood []segment
	for i := range requests {
		flood = append(flood, segment{from: uint16(20_000 + i), to: port, flags: flagSYN})
	}
	got := e.during(t, func() { inject(t, n.Right, n.Left, flood...) })
	// Some kernels hold one request more than the backlog.
	held := requests - got["cookies sent"]
	if held != backlog && held != backlog+1 {
		t.Errorf("%d requests held, of a backlog of %d", held, backlog)
	}
	got.want(t, health{"cookies sent": requests - held})
	if got := d.Packets(t); got != requests { // with and without cookie
		t.Errorf("%d answers, want %d", got, requests)
	}
}

// checkAcceptQueue fills the queue of a socket that nobody accepts from: the kernel lets
// in one more than the backlog.
func checkAcceptQueue(t testing.TB, n *testnet.Net, e *lab) {
	const backlog, beyond = 2, 3
	port := listen(t, n.Left, backlog)
	for range backlog + 1 {
		n.Right.Do(t, func() {
			c, err := net.Dial("tcp", netAddr(n.Left, port).String())
			must(t, err)
			t.Cleanup(func() { c.Close() })
		})
	}
	want := []AcceptQueue{{Port: port, Length: backlog + 1, Limit: backlog}}
	if diff := cmp.Diff(want, e.tcpNow(t).AcceptQueues); diff != "" {
		t.Errorf("accept queues (-want +got):\n%s", diff)
	}
	var more []segment
	for i := range beyond {
		more = append(more, segment{from: uint16(21_000 + i), to: port, flags: flagSYN})
	}
	e.during(t, func() { inject(t, n.Right, n.Left, more...) }).want(t, health{
		"listen overflows": beyond, "listen drops": beyond,
	})
}

func checkBadChecksums(t testing.TB, n *testnet.Net, e *lab) {
	const count = 7
	e.during(t, func() {
		for range count {
			inject(t, n.Right, n.Left, segment{from: 1, to: 1, flags: flagSYN, corrupt: true})
		}
	}).want(t, health{"bad checksums ipv4": count})
}

// checkChallenge sends a SYN for a connection that there is, as RFC 5961 section 4 has it.
func checkChallenge(t testing.TB, n *testnet.Net, e *lab) {
	p, err := testnet.NewTCPPair(n.Right, n.Left, testnet.IPv4)
	must(t, err)
	defer p.Close()
	from := uint16(p.Client.LocalAddr().(*net.TCPAddr).Port)
	e.during(t, func() {
		inject(t, n.Right, n.Left, segment{from: from, to: serverPort(p), flags: flagSYN})
	}).want(t, health{"challenge acks": 1})
}
