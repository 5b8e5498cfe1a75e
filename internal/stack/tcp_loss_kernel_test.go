//go:build kernel && linux

package stack

import (
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
	e := open(t, n.Left, Config{})
	for _, f := range testnet.Families {
		t.Run("nftables "+f.String(), func(t *testing.T) {
			checkLoss(t, n, e, f, func(p *testnet.TCPPair) (dropped func() uint64) {
				d := n.Right.DropShare(t, testnet.ToPort, serverPort(p), lossPercent)
				return func() uint64 { return d.Packets(t) }
			})
		})
	}
	t.Run("netem", func(t *testing.T) {
		n.Left.Lose(t, lossPercent)
		defer n.Left.Unshape(t)
		checkLoss(t, n, e, testnet.IPv4, func(*testnet.TCPPair) func() uint64 { return nil })
	})
}

const lossPercent = 2

func checkLoss(t *testing.T, n *testnet.Net, e *lab, f testnet.Family, lose func(*testnet.TCPPair) func() uint64) {
	const size = 2_000_003
	p, err := testnet.NewTCPPair(n.Left, n.Right, f)
	must(t, err)
	defer p.Close()
	dropped := lose(p)
	got := e.during(t, func() { push(t, p, size) })
	info := tcpInfo(t, p.Client)
	repeated := got.takeRetransmits(f)
	if repeated != uint64(info.Total_retrans) {
		t.Errorf("%d segments sent again, the socket says %d", repeated, info.Total_retrans)
	}
	got.takeRecovery()
	got.want(t, health{})
	if dropped != nil && repeated < dropped() {
		t.Errorf("%d segments sent again, %d dropped", repeated, dropped())
	}
	// Packets that overtake each other between two CPUs are sent again too.
	mean := float64(info.Data_segs_out) * lossPercent / 100
	if within := 5 * math.Sqrt(mean); math.Abs(float64(repeated)-mean) > within {
		t.Errorf("%d of %d segments sent again, want %.0f within %.0f", repeated, info.Data_segs_out, mean, within)
	}
	t.Logf("%d of %d segments sent again", repeated, info.Data_segs_out)
}
