//go:build kernel && linux

package passive

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// talk sends bytes from one end to the other.
func talk(t *testing.T, from, to *net.TCPConn, size int) {
	t.Helper()
	if _, err := from.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	for buffer, left := make([]byte, size), size; left > 0; {
		n, err := to.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		left -= n
	}
}

// control calls f with the descriptor of a socket.
func control(t *testing.T, c *net.TCPConn, f func(fd int) error) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var fault error
	if err := raw.Control(func(fd uintptr) { fault = f(int(fd)) }); err != nil || fault != nil {
		t.Fatal(err, fault)
	}
}

// told returns what getsockopt tells of an established socket.
func told(t *testing.T, c *net.TCPConn) Conn {
	t.Helper()
	var info *unix.TCPInfo
	var cookie uint64
	control(t, c, func(fd int) (err error) {
		if info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
		}
		return err
	})
	counts := Counts{
		Segments: info.Data_segs_out, Retransmitted: info.Total_retrans,
		Acked: info.Bytes_acked, Received: info.Bytes_received,
	}
	micros := func(n uint32) time.Duration { return time.Duration(n) * time.Microsecond }
	return Conn{
		Cookie: cookie, Local: c.LocalAddr().(*net.TCPAddr).AddrPort(), Remote: c.RemoteAddr().(*net.TCPAddr).AddrPort(),
		RTT: micros(info.Rtt), RTTVar: micros(info.Rttvar), MinRTT: micros(info.Min_rtt),
		Total: counts, Interval: counts,
	}
}

// in reads in a namespace.
func in(t *testing.T, ns *testnet.Namespace, read func() ([]Conn, error)) []Conn {
	t.Helper()
	var conns []Conn
	var err error
	ns.Do(t, func() { conns, err = read() })
	if err != nil {
		t.Fatal(err)
	}
	return conns
}

// The pairs are idle while they are looked at, so nothing differs.
func TestReadTellsWhatGetsockoptTells(t *testing.T) {
	n := testnet.New(t)
	var left, right []Conn
	for _, f := range testnet.Families {
		pair, err := testnet.NewTCPPair(n.Left, n.Right, f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pair.Close)
		for range 7 {
			talk(t, pair.Client, pair.Server, 1009)
			talk(t, pair.Server, pair.Client, 523)
		}
		settle(t, pair)
		left, right = append(left, told(t, pair.Client)), append(right, told(t, pair.Server))
	}
	for _, c := range left {
		// One more for the SYN.
		if c.Total.Acked != 7*1009+1 || c.Total.Received != 7*523 || c.RTT == 0 || c.MinRTT == 0 || c.MinRTT > c.RTT {
			t.Errorf("getsockopt tells %+v", c)
		}
	}
	if diff := cmp.Diff(left, in(t, n.Left, Read), equate); diff != "" {
		t.Errorf("left (-getsockopt +sock_diag):\n%s", diff)
	}
	if diff := cmp.Diff(right, in(t, n.Right, Read), equate); diff != "" {
		t.Errorf("right (-getsockopt +sock_diag):\n%s", diff)
	}
}

// settle waits until each end has acknowledged all that the other one sent, which takes
// the kernel up to 200 ms.
func settle(t *testing.T, p *testnet.TCPPair) {
	t.Helper()
	for _, c := range []*net.TCPConn{p.Client, p.Server} {
		deadline := time.Now().Add(testnet.Margin(5 * time.Second))
		for unacked := uint32(1); unacked > 0; {
			if time.Now().After(deadline) {
				t.Fatalf("%d segments of %v are not acknowledged", unacked, c.LocalAddr())
			}
			runtime.Gosched()
			control(t, c, func(fd int) error {
				info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
				if err == nil {
					unacked = info.Unacked
				}
				return err
			})
		}
	}
}

func TestOnlyEstablishedConnectionsAreTold(t *testing.T) {
	n := testnet.New(t)
	pair, err := testnet.NewTCPPair(n.Left, n.Right, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.Close)
	n.Left.Do(t, func() {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
	})
	settle(t, pair)
	if diff := cmp.Diff([]Conn{told(t, pair.Client)}, in(t, n.Left, Read), equate); diff != "" {
		t.Errorf("beside a listener (-want +got):\n%s", diff)
	}
	pair.Server.Close()
	if _, err := pair.Client.Read(make([]byte, 1)); err == nil {
		t.Error("no end of file")
	}
	if got := in(t, n.Left, Read); len(got) != 0 {
		t.Errorf("after the peer closed: %+v", got)
	}
}

// Of 6 segments of 1000 bytes the first one is dropped once, and sent again; in a slow
// machine others may be, too.
func TestTheIntervalHasTheSegmentsThatWereSentAgain(t *testing.T) {
	n := testnet.New(t)
	pair, err := testnet.NewTCPPair(n.Left, n.Right, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.Close)
	reader := NewReader()
	talk(t, pair.Client, pair.Server, 100)
	settle(t, pair)
	in(t, n.Left, reader.Read)

	const header = testnet.IPv4Header + 20 + 12 // with timestamps
	port := uint16(pair.Server.LocalAddr().(*net.TCPAddr).Port)
	dropper := n.Right.DropFirst(t, testnet.ToPort, port, header+1000)
	for range 6 {
		talk(t, pair.Client, pair.Server, 1000)
	}
	settle(t, pair)
	if got := dropper.Packets(t); got != 1 {
		t.Fatalf("%d segments dropped, want 1", got)
	}
	peers := Group(in(t, n.Left, reader.Read), 24, 48)
	if len(peers) != 1 {
		t.Fatalf("peers %+v", peers)
	}
	again := peers[0].Interval.Retransmitted
	if again < 1 {
		t.Error("nothing was sent again")
	}
	want := Peer{
		Prefix: netip.PrefixFrom(n.Right.V4, 24).Masked(), Addr: n.Right.V4, Conns: 1,
		Interval: Sums{Segments: 6 + again, Retransmitted: again, Acked: 6000},
		RTT:      peers[0].RTT, MinRTT: peers[0].MinRTT,
	}
	if diff := cmp.Diff([]Peer{want}, peers, equate); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if idle := in(t, n.Left, reader.Read); len(idle) != 1 || idle[0].Interval != (Counts{}) {
		t.Errorf("an idle connection: %+v", idle)
	}
}
