//go:build kernel && linux

package stack

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/testnet"
)

func TestTCPCountsEachEventOnce(t *testing.T) {
	oncePerKernel(t)
	n, e := shared(t)
	for name, check := range map[string]func(*testing.T, *testnet.Net, *lab, testnet.Family){
		"healthy transfers": checkHealthyTransfers,
		"resets":            checkResets,
		"refused connects":  checkRefused,
	} {
		for _, f := range testnet.Families {
			t.Run(name+" "+f.String(), func(t *testing.T) { check(t, n, e, f) })
		}
	}
}

func checkHealthyTransfers(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const out, in = 5, 3
	before := e.tcpNow(t).RoundTrips[f.String()]
	e.during(t, func() {
		for range out {
			must(t, testnet.SendTCP(n.Left, n.Right, f, 100_003))
		}
		for range in {
			must(t, testnet.SendTCP(n.Right, n.Left, f, 7))
		}
	}).want(t, health{
		fmt.Sprintf("connect %v active established", f):  out,
		fmt.Sprintf("connect %v passive established", f): in,
	})
	h := e.tcpNow(t).RoundTrips[f.String()].without(before)
	if got := h.Count(); got < out+in {
		t.Errorf("%d segments with a round trip time, want one per connection at least", got)
	}
}

func checkRefused(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const out, in = 7, 5
	e.during(t, func() {
		for range out {
			refuse(t, n.Left, n.Right, f)
		}
		for range in {
			refuse(t, n.Right, n.Left, f)
		}
	}).want(t, health{
		fmt.Sprintf("connect %v active refused", f): out,
		fmt.Sprintf("reset %v receive ", f):         out,
		e.resetName(f, "NO_SOCKET", false):          in,
	})
}

// refuse connects to a port that nobody listens on.
func refuse(t *testing.T, src, dst *testnet.Namespace, f testnet.Family) {
	t.Helper()
	src.Do(t, func() {
		c, err := net.Dial("tcp", netip.AddrPortFrom(dst.Addr(f), 1).String())
		if err == nil {
			c.Close()
			t.Error("the port is open")
		}
	})
}

func checkResets(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const sent, received = 3, 5
	reset := func(count int, side func(*testnet.TCPPair) *net.TCPConn) {
		for range count {
			p, err := testnet.NewTCPPair(n.Left, n.Right, f)
			must(t, err)
			must(t, side(p).SetLinger(0))
			must(t, side(p).Close())
			p.Close()
		}
	}
	e.during(t, func() {
		reset(sent, func(p *testnet.TCPPair) *net.TCPConn { return p.Client })
		reset(received, func(p *testnet.TCPPair) *net.TCPConn { return p.Server })
	}).want(t, health{
		fmt.Sprintf("connect %v active established", f): sent + received,
		e.resetName(f, "TCP_STATE", true):               sent,
		fmt.Sprintf("reset %v receive ", f):             received,
	})
}
