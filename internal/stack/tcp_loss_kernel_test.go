//go:build kernel && linux

package stack

import (
	"fmt"
	"io"
	"math"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// tcpInfo returns what the socket itself knows.
func tcpInfo(t testing.TB, c *net.TCPConn) *unix.TCPInfo {
	t.Helper()
	raw, err := c.SyscallConn()
	must(t, err)
	var info *unix.TCPInfo
	must(t, raw.Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}))
	must(t, err)
	return info
}

// serverPort is the port that the server end of a pair has.
func serverPort(p *testnet.TCPPair) uint16 {
	return uint16(p.Server.LocalAddr().(*net.TCPAddr).Port)
}

// push sends size bytes over the pair and returns when they were read.
func push(t testing.TB, p *testnet.TCPPair, size int64) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := io.CopyN(p.Client, zeros{}, size)
		done <- err
	}()
	_, err := io.CopyN(io.Discard, p.Server, size)
	must(t, err)
	must(t, <-done)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// TestLossShowsAsRetransmits drops a known share of the segments of a transfer.
func TestLossShowsAsRetransmits(t *testing.T) {
	oncePerKernel(t)
	n := testnet.New(t)
	n.Left.OneSegmentEach(t)
	e := open(t, n.Left, tcpAlone())
	w := newWitness(t)
	for _, f := range testnet.Families {
		t.Run("nftables "+f.String(), func(t *testing.T) {
			w.repeat(t, n, func(t testing.TB) {
				checkLoss(t, n, e, f, func(p *testnet.TCPPair) *testnet.Dropper {
					return n.Right.DropShare(t, testnet.ToPort, serverPort(p), lossPercent)
				})
			})
		})
	}
	t.Run("netem", func(t *testing.T) {
		n.Left.Lose(t, lossPercent)
		defer n.Left.Unshape(t)
		w.repeat(t, n, func(t testing.TB) {
			checkLoss(t, n, e, testnet.IPv4, func(*testnet.TCPPair) *testnet.Dropper { return nil })
		})
	})
}

const lossPercent = 2

func checkLoss(t testing.TB, n *testnet.Net, e *lab, f testnet.Family, lose func(*testnet.TCPPair) *testnet.Dropper) {
	const size = 2_000_003
	p, err := testnet.NewTCPPair(n.Left, n.Right, f)
	must(t, err)
	defer p.Close()
	d := lose(p)
	spurious := netstat(t, n.Left, "TCPDSACKRecv")
	got := e.during(t, func() { push(t, p, size) })
	spurious = netstat(t, n.Left, "TCPDSACKRecv") - spurious
	info := tcpInfo(t, p.Client)
	repeated := got.takeRetransmits(f)
	if repeated != uint64(info.Total_retrans) {
		t.Errorf("%d segments sent again, the socket says %d", repeated, info.Total_retrans)
	}
	got.takeRecovery()
	got.want(t, health{})
	// Segments that overtake each other between two CPUs are sent again too, and the
	// receiver says that it has them twice.
	needed := float64(repeated) - float64(spurious)
	mean := float64(info.Data_segs_out) * lossPercent / 100
	if within := 5 * math.Sqrt(mean); math.Abs(needed-mean) > within {
		t.Errorf("%.0f of %d segments had to be sent again, want %.0f within %.0f", needed, info.Data_segs_out, mean, within)
	}
	t.Logf("%d of %d segments sent again, %d in vain", repeated, info.Data_segs_out, spurious)
	if d != nil {
		if dropped := d.Packets(t); repeated < dropped {
			t.Errorf("%d segments sent again, %d dropped", repeated, dropped)
		}
		t.Logf("%d dropped", d.Packets(t))
		d.Stop(t)
	}
}

// checkTimers loses a segment that nothing follows, so that only a timer can notice: that
// of the tail loss probe, or the one for retransmits where there are no probes.
func checkTimers(t testing.TB, n *testnet.Net, e *lab, f testnet.Family) {
	const lost = 17
	for probes, want := range map[string]health{
		"3": {fmt.Sprintf("retransmit %v tlp", f): 1},
		"0": {fmt.Sprintf("retransmit %v rto", f): 1, "congestion loss": 1, "congestion open": 1},
	} {
		setSysctl(t, n.Left, "tcp_early_retrans", probes)
		p, err := testnet.NewTCPPair(n.Left, n.Right, f)
		must(t, err)
		push(t, p, 100_003) // a round trip time, and proof that nothing else is lost
		d := n.Right.DropFirst(t, testnet.ToPort, serverPort(p), uint32(ipHeader(f))+32+lost)
		e.during(t, func() {
			push(t, p, lost)
			// Acknowledged, and so recovered.
			_, err := p.Server.Write([]byte("x"))
			must(t, err)
			_, err = p.Client.Read(make([]byte, 1))
			must(t, err)
		}).want(t, want)
		if got := d.Packets(t); got != 1 {
			t.Errorf("%d segments dropped, want 1", got)
		}
		d.Stop(t)
		p.Close()
	}
	setSysctl(t, n.Left, "tcp_early_retrans", "3")
}
